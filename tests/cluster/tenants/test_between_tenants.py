"""No pod of one tenant keeps another's from a node: each way to try, by a member, at the real scheduler."""

import copy
import uuid
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, items, text
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.guardrails.guarded import GUARDED, Change, all_of, anti_affinity, field, in_namespace, manifest, nothing
from cluster.objects_under_test import eventually
from harness import platform, program, tenant

pytestmark = pytest.mark.enable_socket

GREEDY, OTHER = "greedy", "other"
POOLS = [
    SimulatedPool(name="system", nodes=1, cpu=16, memory_gib=64, is_reserved=True),
    SimulatedPool(name="general", nodes=2, cpu=8, memory_gib=32),
]
QUOTA = {"cpu": 8, "memoryGib": 32}
"""Of each tenant; both together are what the general nodes have."""
OF_ALL = {"labelSelector": {}, "topologyKey": "kubernetes.io/os"}


def spread(**constraint: Any) -> Change:
    every: dict[str, Any] = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **OF_ALL, **constraint}
    return field("topologySpreadConstraints", [every])


def cores(number: int, pods: int = 1) -> Change:
    def change(whole: dict[str, Any], body: dict[str, Any]) -> None:
        whole["spec"] |= {"parallelism": pods, "completions": pods}
        body["containers"][0]["resources"] = {
            "requests": {"cpu": str(number), "memory": "1Gi"},
            "limits": {"memory": "1Gi"},
        }

    return change


def toleration(key: str, effect: str = "") -> Change:
    return field("tolerations", [{"key": key, "operator": "Exists", **({"effect": effect} if effect else {})}])


REFUSED: dict[str, Change] = {
    "keeping away from pods of all tenants": anti_affinity(namespaceSelector={}),
    "keeping away from pods of another": anti_affinity(namespaces=[OTHER]),
    "a critical priority": field("priorityClassName", "system-node-critical"),
    "the class of GPUs": field("priorityClassName", "bedplate-nvidia-l4"),
    "the system pool by its label": field("nodeSelector", {"bedplate.dev/pool": "system"}),
    "the system pool by its taint": toleration("CriticalAddonsOnly"),
    "nodes that are being emptied": toleration("node.kubernetes.io/unschedulable", "NoSchedule"),
    "every taint": field("tolerations", [{"operator": "Exists"}]),
    "a node by its name": field("nodeName", "bedplate-general-0"),
    "another scheduler": field("schedulerName", "mine"),
    "gates that nobody lifts": field("schedulingGates", [{"name": "example.com/held"}]),
    "ports of the node": field("hostNetwork", True),
}
HARMLESS: dict[str, Change] = {
    "keeping away from all pods of its own tenant": anti_affinity(labelSelector={}),
    "keeping away from what has a label of the other's": anti_affinity(
        labelSelector={"matchLabels": {"bedplate.dev/tenant": OTHER}}
    ),
    "spreading over all nodes": spread(),
    "spreading over more domains than there are": spread(topologyKey="kubernetes.io/hostname", minDomains=5),
    "never giving way": field("preemptionPolicy", "Never"),
    "a number as priority": field("priority", 1_000_000),
    "waiting for a node that there is not": field("nodeSelector", {"example.com/no": "such"}),
    "all that its quota has": cores(2, pods=4),
    "more pods than its quota has": cores(2, pods=40),
}


@pytest.fixture(scope="module")
def calls(cluster_access: ClusterAccess) -> Generator[ClusterApi]:
    """Two tenants on nodes that carry the quotas of both."""
    api = ApiServer(cluster_access)
    with simulated_cluster(cluster_access, POOLS, {}, lambda _: None):
        stack = program(platform(tenant(GREEDY, quota=QUOTA), tenant(OTHER, quota=QUOTA)))
        applied = apply(api, run(stack, RecordingBackend(), is_preview=False).resources)
        assert applied.problems == []
        calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
        eventually(lambda: told(calls, GREEDY, REFUSED["every taint"]), "the rules are enforced")
        yield calls
        assert delete(api, applied.resources) == []


@pytest.fixture
def clean(calls: ClusterApi) -> Iterator[ClusterApi]:
    yield calls
    for name in (GREEDY, OTHER):
        calls.call("delete", path(name, "jobs"), body={"propagationPolicy": "Background", "gracePeriodSeconds": 0})
    eventually(lambda: not any(pods(calls, name) for name in (GREEDY, OTHER)), "the pods are gone")


def path(name: str, resource: str) -> str:
    return f"/apis/batch/v1/namespaces/{name}/jobs" if resource == "jobs" else f"/api/v1/namespaces/{name}/{resource}"


def pods(calls: ClusterApi, name: str) -> list[dict[str, Any]]:
    return [dict(pod) for pod in items(calls.get(path(name, "pods")))]


def create(calls: ClusterApi, name: str, change: Change, *, is_dry_run: bool = False) -> None:
    """A Job of the tenant, made by a member of its group."""
    body = in_namespace(copy.deepcopy(manifest("Job", change)), name)
    assert GUARDED not in str(body)
    body["metadata"]["name"] = f"run-{uuid.uuid4().hex[:8]}"
    headers = {"Impersonate-User": f"{name}@example.com", "Impersonate-Group": f"ml-{name}"}
    calls.call("post", path(name, "jobs"), body=body, query={"dryRun": "All"} if is_dry_run else {}, headers=headers)


def told(calls: ClusterApi, name: str, change: Change) -> str:
    """Why a member may not make the Job; empty if it may be made."""
    try:
        create(calls, name, change, is_dry_run=True)
    except ApiError as error:
        return error.reason
    return ""


def has_failed(calls: ClusterApi, name: str) -> bool:
    """Whether a pod of the tenant was refused: only there the API server looks at priorities."""
    return any(text(event, "reason") == "FailedCreate" for event in items(calls.get(path(name, "events"))))


def placed(calls: ClusterApi, name: str) -> set[str]:
    """Nodes with pods of the tenant."""
    return {text(pod, "spec", "nodeName") for pod in pods(calls, name)} - {""}


class TestATenant:
    @pytest.mark.parametrize("way", REFUSED)
    def test_is_refused_at_the_job(self, calls: ClusterApi, way: str) -> None:
        assert told(calls, GREEDY, nothing) == ""
        assert "bedplate-guardrails" in told(calls, GREEDY, REFUSED[way])

    @pytest.mark.parametrize("way", HARMLESS)
    def test_keeps_no_pod_of_another_from_a_node(self, clean: ClusterApi, way: str) -> None:
        """The other has its whole quota, in pods of a quarter of a node, after the greedy one had its way."""
        create(clean, GREEDY, HARMLESS[way])
        eventually(lambda: pods(clean, GREEDY) or has_failed(clean, GREEDY), "the greedy pods are there, or refused")
        create(clean, OTHER, cores(2, pods=4))
        eventually(lambda: running(clean, OTHER) == 4, f"all pods of the other are on nodes despite {way}")

    def test_never_comes_to_the_system_pool(self, clean: ClusterApi) -> None:
        """Also a pod that chooses nothing, where there is no other room."""
        for name in (GREEDY, OTHER):
            create(clean, name, all_of(cores(2, pods=4)))
        eventually(lambda: running(clean, GREEDY) + running(clean, OTHER) == 8, "both have their whole quota")
        assert {node for name in (GREEDY, OTHER) for node in placed(clean, name)} == {
            "bedplate-general-0",
            "bedplate-general-1",
        }


def running(calls: ClusterApi, name: str) -> int:
    """How many pods of the tenant came to a node; runs that have ended count."""
    return sum(bool(text(pod, "spec", "nodeName")) for pod in pods(calls, name))
