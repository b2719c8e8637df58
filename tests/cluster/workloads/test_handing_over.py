"""What happens to pods that serve when their number changes hands, on a real API server with its controllers."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import Applied, apply
from bedplate.rehearsal.deleting import delete
from cluster.objects_under_test import eventually
from harness import model_api, platform, program, tenant

pytestmark = pytest.mark.enable_socket

TENANT = "handed"
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": TENANT}}
_WATCH_SECONDS = 8.0
"""Longer than an autoscaler and a Deployment take to act on a number that fell."""


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    pools = [SimulatedPool(name="general", nodes=3, cpu=16, memory_gib=64)]
    with simulated_cluster(cluster_access, pools, {"standard": "Delete"}, lambda _: None):
        api = ApiServer(cluster_access)
        applied = bring_up(api, {"min": 3, "max": 3})
        eventually(lambda: ready(api) == 3, "three pods serve")
        yield api
        assert delete(api, applied.resources) == []


def bring_up(api: ApiServer, replicas: dict[str, int]) -> Applied:
    """The same stack with other bounds, by the same field manager."""
    stack = program(platform(tenant(TENANT, model_api("api", replicas=replicas))))
    applied = apply(api, run(stack, RecordingBackend(), is_preview=False).resources)
    assert applied.problems == []
    return applied


def deployment(api: ApiServer) -> dict[str, Any]:
    found = api.get(DEPLOYMENT)
    assert found is not None
    return found


def ready(api: ApiServer) -> int:
    return deployment(api).get("status", {}).get("readyReplicas", 0)


def fewest_while(api: ApiServer, change: Callable[[], object]) -> tuple[int, int]:
    """The fewest pods that were asked for, and that were ready, during a change and after it."""
    seen: list[tuple[int, int]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            live = deployment(api)
            seen.append((live["spec"]["replicas"], live.get("status", {}).get("readyReplicas", 0)))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        change()
        time.sleep(_WATCH_SECONDS)
    finally:
        ended.set()
        watcher.join()
    assert len(seen) > 50
    return min(asked for asked, _ in seen), min(serving for _, serving in seen)


class TestTheNumberOfPods:
    """In the order in which they stand: each begins where the one before it ended."""

    @pytest.mark.parametrize(("replicas", "expected"), [
        pytest.param({"min": 3, "max": 6}, 3, id="from a fixed number to an autoscaler"),
        pytest.param({"min": 4, "max": 4}, 4, id="back to a fixed number"),
        pytest.param({"min": 5, "max": 9}, 5, id="to an autoscaler with more"),
    ])  # fmt: skip
    def test_never_falls_below_what_was_served_before(
        self, api: ApiServer, replicas: dict[str, int], expected: int
    ) -> None:
        before = ready(api)
        assert fewest_while(api, lambda: bring_up(api, replicas)) == (before, before)
        eventually(lambda: ready(api) == expected, f"{expected} pods serve")
