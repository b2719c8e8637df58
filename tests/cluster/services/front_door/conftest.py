"""One front door for each module of tests."""

from collections.abc import Iterator

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess
from cluster.front_door_under_test import running_front_door
from cluster.processes_under_test import Visitor
from cluster.traefik_under_test import RunningTraefik


@pytest.fixture(scope="module")
def front_door(
    cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningTraefik, Visitor]]:
    with running_front_door(cluster_access, tmp_path_factory.mktemp("traefik")) as found:
        yield found


@pytest.fixture
def traefik(front_door: tuple[RunningTraefik, Visitor]) -> RunningTraefik:
    return front_door[0]


@pytest.fixture
def visitor(front_door: tuple[RunningTraefik, Visitor]) -> Visitor:
    return front_door[1]
