"""A stack with GPUs as a whole, in turns and cut, on a real API server whose nodes offer what the pools say."""

import copy
from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.rehearse import simulated_pools
from cluster.objects_under_test import eventually
from cluster.rehearsal.test_rehearsal import reasons, rehearse
from conformance.everything import SHARING
from harness import program, spec

pytestmark = pytest.mark.enable_socket
PARTS, TURNS = "nvidia-a100-80gb-3g.40gb", "nvidia-l4-shared-4"


@pytest.fixture(scope="module")
def access(cluster_access: ClusterAccess) -> Generator[ClusterAccess]:
    classes = {"standard": "Delete", "standard-retained": "Retain"}
    with simulated_cluster(cluster_access, simulated_pools(spec(SHARING)), classes, lambda _: None):
        yield cluster_access


def running(api: ApiServer, accelerator: str) -> list[dict[str, Any]]:
    return [
        pod
        for pod in api.objects("v1", "Pod", "vision")
        if pod["spec"].get("nodeSelector", {}).get("bedplate.dev/accelerator") == accelerator
        and pod["spec"].get("nodeName")
    ]


def test_every_pod_finds_its_part_and_nothing_is_left(access: ClusterAccess) -> None:
    report = rehearse(access, SHARING)
    assert reasons(report) == ""
    # Seven of jobs, and on each of four nodes the device plugin and the exporter.
    assert (report.pods.expected, report.pods.scheduled) == (15, 15)


def run_of(api: ApiServer, cron_job: str, pods: int) -> dict[str, Any]:
    """A run of a job by hand, with so many pods."""
    (found,) = [body for body in api.objects("batch/v1", "CronJob", "vision") if body["metadata"]["name"] == cron_job]
    template = copy.deepcopy(found["spec"]["jobTemplate"])
    metadata = {**template["metadata"], "name": f"{cron_job}-now", "namespace": "vision"}
    spec = {**template["spec"], "parallelism": pods, "completions": pods}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def test_pods_land_on_the_nodes_of_their_part_and_the_quota_denies_the_one_too_many(access: ClusterAccess) -> None:
    api = ApiServer(access)
    applied = apply(api, run(program(SHARING), RecordingBackend(), is_preview=False).resources)
    assert applied.problems == []
    try:
        for cron_job, pods in (("turns", 5), ("parts", 3)):
            api.create(run_of(api, cron_job, pods))
        eventually(lambda: len(running(api, TURNS)) == 4 and len(running(api, PARTS)) == 2, "all pods have a node")
        for accelerator, pool in ((TURNS, "turns"), (PARTS, "parts")):
            assert {pod["spec"]["nodeName"] for pod in running(api, accelerator)} == {f"bedplate-{pool}-0"}
            eventually(lambda quota=accelerator: f"exceeded quota: {quota}," in events(api), "one is denied")
    finally:
        assert delete(api, applied.resources) == []


def events(api: ApiServer) -> str:
    return "\n".join(event.get("message", "") for event in api.objects("v1", "Event", "vision"))
