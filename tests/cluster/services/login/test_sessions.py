"""The benchmark of many sessions, with few of them: it still runs, and everybody gets through."""

from io import StringIO

import pytest
from rich.console import Console

from bedplate.embedded_cluster.cluster import ClusterAccess
from benchmarks.sessions import Case, Size, bench, measure, tables
from cluster.chain import Programs

pytestmark = pytest.mark.enable_socket

SESSIONS = 10


@pytest.fixture(scope="module")
def cases(cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    size = Size(SESSIONS, seconds=3, pause_seconds=0.5, away_seconds=1, times_at_once=2)
    with bench(cluster_access, Programs.found(), tmp_path_factory.mktemp("sessions")) as running:
        return {case.name: case for case in measure(running, size)}


def test_everybody_signs_in(cases: dict[str, Case]) -> None:
    assert cases["sign-in, all at once"].statuses == {200: SESSIONS}


@pytest.mark.parametrize("name", ["workload alone", "public, no filter", "public", "browser"])
def test_everybody_gets_every_page(cases: dict[str, Case], name: str) -> None:
    assert set(cases[name].statuses) == {200}
    assert cases[name].requests > SESSIONS


@pytest.mark.parametrize("name", ["public, all at once", "browser, all at once"])
def test_everybody_gets_a_page_in_the_same_moment(cases: dict[str, Case], name: str) -> None:
    assert cases[name].statuses == {200: 2 * SESSIONS}


def test_a_short_absence_of_the_store_is_waited_for_and_ends_no_session(cases: dict[str, Case]) -> None:
    assert set(cases["browser, store away"].statuses) == {200}
    assert cases["browser, store away"].latency_ms["p99"] > 500
    assert cases["browser, afterwards"].statuses == {200: SESSIONS}


def test_the_login_is_what_a_page_behind_it_costs(cases: dict[str, Case]) -> None:
    assert cases["browser"].cpu_ms["oauth2-proxy"] > cases["public"].cpu_ms["oauth2-proxy"]
    assert all(case.rss_mib["store"] > 0 for case in cases.values())


def test_the_tables_say_it_all(cases: dict[str, Case]) -> None:
    shown = StringIO()
    for table in tables(list(cases.values())):
        Console(width=160, file=shown).print(table)
    assert {name: shown.getvalue().count(f" {name} ") for name in cases} == dict.fromkeys(cases, 2)
