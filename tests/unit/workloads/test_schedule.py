"""How far the runs of a schedule lie apart."""

import pytest

from bedplate.workloads._schedule import longest_pause_days


@pytest.mark.parametrize(("schedule", "days"), [
    ("@yearly", 366),
    ("@monthly", 31),
    ("@weekly", 7),
    ("@daily", 1),
    ("@hourly", 1 / 24),
    ("*/5 * * * *", 5 / 60 / 24),
    ("50 * * * *", 1 / 24),
    ("0,50 * * * *", 50 / 60 / 24),
    ("0 */6 * * *", 1 / 4),
    ("5 9-17 * * *", 16 / 24),
    ("0 6 * * 1-5", 3),
    ("0 6 * * MON,thu", 4),
    ("0 0 * * */2", 2),
    ("0 0 ? * ?", 1),
    ("0 4 1 * *", 31),
    ("0 4 1,15 * *", 17),
    ("0 4 1 JAN-mar *", 306),
    ("0 0 29 2 *", 1461),
    ("0 0 13 * FRI", 7),
    ("0 0 30 2 MON", 350),
])  # fmt: skip
def test_lie_as_far_apart_as_at_the_worst(schedule: str, days: float) -> None:
    assert longest_pause_days(schedule) == pytest.approx(days)


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6,9,11 *"])
def test_never_come_on_dates_that_do_not_exist(schedule: str) -> None:
    assert longest_pause_days(schedule) is None
