"""One cluster, one stack and one front door for the whole review."""

from collections.abc import Iterator

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from cluster.conftest import cluster_access, programs, progress
from isolation.reviewed import Door, Review, open_door, reviewed

__all__ = ["cluster_access", "programs", "progress"]


@pytest.fixture(scope="session")
def review(cluster_access: ClusterAccess) -> Review:
    """The stack on its cluster, with the guardrails enforced."""
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    return reviewed(ApiServer(cluster_access), ClusterApi(cluster_access.kubeconfig, cluster_access.context))


@pytest.fixture(scope="session")
def door(review: Review, cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The front door of that stack, with a workload behind every route."""
    with open_door(review, cluster_access, tmp_path_factory.mktemp("front-door")) as door:
        yield door
