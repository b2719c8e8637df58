"""How long a disk lasts."""

import dataclasses
import datetime

import pytest

from bedplate.services.logs.capacity import USABLE, Demand, shortage, stored_per_text

TODAY = datetime.date(2026, 11, 28)
LINE_BYTES = 200
DEMAND = Demand(
    pods_gib=10, audit_gib=0, growth_percent=0, pod_days=14, audit_days=400, copies=1, line_bytes=LINE_BYTES
)


def full_on(demand: Demand, disk_gib: float, nodes: int = 1) -> datetime.date | None:
    lack = shortage(demand, disk_gib, nodes, TODAY, TODAY)
    return lack.full_on if lack else None


def test_a_steady_rate_needs_its_retention_and_the_day_that_is_written() -> None:
    assert DEMAND.stored_gib(500) == pytest.approx(10 * 15 * stored_per_text(LINE_BYTES))
    needed = 10 * 15 * stored_per_text(LINE_BYTES) / USABLE
    assert full_on(DEMAND, needed + 1) is None
    assert full_on(DEMAND, needed - 1) == TODAY + datetime.timedelta(days=14)


def test_the_disk_that_lasted_a_month_is_full_after_six() -> None:
    """AUD-6: headroom for a month, 25 % more each month."""
    demand = dataclasses.replace(DEMAND, growth_percent=25)
    month_ahead = demand.stored_gib(30) / USABLE * 1.1
    lack = shortage(demand, month_ahead, 1, TODAY, TODAY)
    assert lack is not None
    assert TODAY + datetime.timedelta(days=30) < lack.full_on <= TODAY + datetime.timedelta(days=183)
    assert full_on(demand, lack.disk_gib) is None
    assert lack.disk_gib < 2 * month_ahead * 2
    shorter = dataclasses.replace(demand, pod_days=lack.lasting_pod_days)
    longer = dataclasses.replace(demand, pod_days=lack.lasting_pod_days + 1)
    assert full_on(shorter, month_ahead) is None
    assert full_on(longer, month_ahead) is not None


def test_the_audit_log_piles_up_over_all_six_months() -> None:
    demand = dataclasses.replace(DEMAND, pods_gib=0, audit_gib=1)
    assert demand.stored_gib(182) == pytest.approx(183 * stored_per_text(LINE_BYTES))


def test_copies_need_as_many_disks() -> None:
    twice = dataclasses.replace(DEMAND, copies=2)
    assert twice.stored_gib(60) == 2 * DEMAND.stored_gib(60)
    assert full_on(twice, 160, nodes=3) is None
    assert full_on(twice, 80, nodes=3) is not None


def test_growth_since_the_rate_was_measured_counts() -> None:
    demand, measured = dataclasses.replace(DEMAND, growth_percent=20), TODAY - datetime.timedelta(days=365)
    of_today = shortage(demand, 800, 1, TODAY, TODAY)
    of_then = shortage(demand, 800, 1, measured, TODAY)
    assert of_today is None
    assert of_then is not None


def test_where_the_audit_log_alone_is_too_much_no_retention_of_pods_is_proposed() -> None:
    lack = shortage(dataclasses.replace(DEMAND, audit_gib=50), 100, 1, TODAY, TODAY)
    assert lack is not None
    assert lack.lasting_pod_days == 0


@pytest.mark.parametrize(("line_bytes", "measured"), [(64, 1.79), (200, 1.05), (1024, 0.61)])
def test_the_plan_is_on_the_safe_side_of_what_a_real_store_needed(line_bytes: int, measured: float) -> None:
    """As docs/guides/logs.md has it; and not by so much that people buy a second disk for nothing."""
    assert measured < stored_per_text(line_bytes) < measured * 1.3


def test_short_lines_of_pods_need_more_disk_than_long_ones_of_the_same_text() -> None:
    short, long = (Demand(**{**vars(DEMAND), "line_bytes": size}).stored_gib(60) for size in (64, 1024))
    assert short > 2 * long
