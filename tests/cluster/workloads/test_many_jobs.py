"""What a job leaves behind that is triggered all day for a week; `make benchmark-jobs` does it with 300 runs a day."""

from collections.abc import Callable, Generator

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.rehearsal.applying import apply
from cluster.workloads.week_of_jobs import FASTER_SERVER, POOLS, removed, stack_of, week

pytestmark = pytest.mark.enable_socket

JOBS_A_DAY, DAY_SECONDS = 20, 8


@pytest.fixture(scope="module")
def access(programs: None, progress: Callable[[str], None]) -> Generator[ClusterAccess]:
    """A cluster of its own, whose server compacts its storage all the time."""
    with embedded_cluster(progress, FASTER_SERVER) as found:
        yield found


def test_a_week_of_runs_leaves_those_of_a_day_and_then_nothing(access: ClusterAccess) -> None:
    with simulated_cluster(access, POOLS, {}, lambda _: None):
        assert apply(ApiServer(access), stack_of(JOBS_A_DAY).resources).problems == []
        evenings = list(week(access, JOBS_A_DAY, DAY_SECONDS))
        # Runs of the day, and those of the day before that ended late in it.
        assert all(0 < evening.jobs <= 2 * JOBS_A_DAY for evening in evenings), evenings
        assert evenings[-1].jobs <= evenings[1].jobs + JOBS_A_DAY / 4, evenings
        assert all(evening.pods <= evening.jobs for evening in evenings), evenings
        assert evenings[-1].storage_mib <= 1.25 * evenings[2].storage_mib, evenings
        removed(access, DAY_SECONDS)
