"""What pods, jobs and volumes do on simulated nodes."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import cast

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess, existing_cluster
from bedplate.embedded_cluster.cluster_api import ClusterApi, JsonObject, field, items, text
from bedplate.embedded_cluster.objects import Object, ObjectKey
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.errors import RehearsalError
from bedplate.rehearsal.explanation import explain_pod
from cluster.objects_under_test import CORE, claim, eventually, namespace, phase, pod, pod_using

pytestmark = pytest.mark.enable_socket

GENERAL = SimulatedPool(name="general", nodes=3, cpu=8, memory_gib=32)
L4 = SimulatedPool(name="l4", nodes=1, cpu=16, memory_gib=64, disk_gib=20, pods=30, accelerator="nvidia-l4", gpus=4)
DELETED, RETAINED = "test-deleted", "test-retained"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
ON_GPU = {
    "nodeSelector": {"bedplate.dev/accelerator": "nvidia-l4"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
}


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess, progress: Callable[[str], None]) -> Generator[ClusterApi]:
    with simulated_cluster(cluster_access, [GENERAL, L4], {DELETED: "Delete", RETAINED: "Retain"}, progress):
        yield ClusterApi(cluster_access.kubeconfig, cluster_access.context)


@pytest.fixture
def home(api: ClusterApi) -> Iterator[str]:
    """The path of a namespace."""
    with namespace(api) as path:
        yield path


def simulated_nodes(api: ClusterApi) -> list[str]:
    return [text(node, "metadata", "name") for node in api.items(f"{CORE}/nodes", labelSelector="bedplate.dev/pool")]


def condition(api: ClusterApi, path: str, kind: str) -> str:
    found = [entry for entry in items(api.get(path), "status", "conditions") if text(entry, "type") == kind]
    return text(found[0], "status") if found else ""


def volume_of(api: ClusterApi, home: str, claim_name: str) -> str:
    """The path of the volume that a claim is bound to."""
    return (
        f"{CORE}/persistentvolumes/{text(api.get(f'{home}/persistentvolumeclaims/{claim_name}'), 'spec', 'volumeName')}"
    )


class TestNodes:
    def test_carry_what_their_pool_says(self, api: ClusterApi) -> None:
        node = api.get(f"{CORE}/nodes/bedplate-l4-0")
        assert field(node, "metadata", "labels", "bedplate.dev/accelerator") == "nvidia-l4"
        assert field(node, "status", "allocatable", "nvidia.com/gpu") == "4"
        assert {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"} in items(node, "spec", "taints")

    def test_offer_no_more_disk_and_pods_than_their_pool_says(self, api: ClusterApi) -> None:
        node = api.get(f"{CORE}/nodes/bedplate-l4-0")
        assert field(node, "status", "allocatable", "ephemeral-storage") == "20Gi"
        assert field(node, "status", "allocatable", "pods") == "30"

    def test_are_spread_over_zones(self, api: ClusterApi) -> None:
        nodes = api.items(f"{CORE}/nodes", labelSelector="bedplate.dev/pool=general")
        zones = {text(node, "metadata", "labels", "topology.kubernetes.io/zone") for node in nodes}
        assert zones == {"simulated-a", "simulated-b", "simulated-c"}

    def test_hold_a_lease_that_keeps_them_ready(self, api: ClusterApi) -> None:
        lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/bedplate-general-0"
        eventually(lambda: api.answers(lease), "a lease of the node")
        assert field(api.get(lease), "spec", "leaseDurationSeconds") == 40


class TestAPod:
    def test_becomes_ready_with_all_its_containers(self, api: ClusterApi, home: str) -> None:
        init: list[JsonObject] = [
            {"name": "first", "image": "example.com/init:1"},
            {"name": "beside", "image": "example.com/proxy:1", "restartPolicy": "Always"},
        ]
        api.create(
            f"{home}/pods", pod("web", initContainers=init, readinessGates=[{"conditionType": "example.com/in"}])
        )
        eventually(lambda: condition(api, f"{home}/pods/web", "Ready") == "True", "the pod is ready")
        status = field(api.get(f"{home}/pods/web"), "status")
        assert text(status, "phase") == "Running"
        assert text(status, "podIP")
        first, beside = items(status, "initContainerStatuses")
        assert field(first, "state", "terminated", "exitCode") == 0
        assert field(beside, "state", "running")

    def test_that_asks_for_an_accelerator_runs_where_it_is(self, api: ClusterApi, home: str) -> None:
        api.create(f"{home}/pods", pod("gpu", container={"resources": {"limits": {"nvidia.com/gpu": "4"}}}, **ON_GPU))
        eventually(lambda: phase(api, f"{home}/pods/gpu") == "Running", "the pod runs")
        assert text(api.get(f"{home}/pods/gpu"), "spec", "nodeName") == "bedplate-l4-0"

    def test_without_the_toleration_keeps_off_accelerators(self, api: ClusterApi, home: str) -> None:
        api.create(f"{home}/pods", pod("shy", nodeSelector=ON_GPU["nodeSelector"]))
        eventually(lambda: condition(api, f"{home}/pods/shy", "PodScheduled") == "False", "the pod is refused a node")
        assert "1 node(s) had untolerated taint(s)" in str(items(api.get(f"{home}/pods/shy"), "status", "conditions"))

    def test_that_asks_for_more_than_a_node_has_stays_pending(self, api: ClusterApi, home: str) -> None:
        requests = {"requests": {"cpu": "9"}}
        api.create(f"{home}/pods", pod("big", container={"resources": requests}))
        eventually(lambda: condition(api, f"{home}/pods/big", "PodScheduled") == "False", "the pod is refused a node")
        assert "Insufficient cpu" in str(items(api.get(f"{home}/pods/big"), "status", "conditions"))

    def test_is_gone_soon_after_its_deletion(self, api: ClusterApi, home: str) -> None:
        api.create(f"{home}/pods", pod("brief", terminationGracePeriodSeconds=600))
        eventually(lambda: phase(api, f"{home}/pods/brief") == "Running", "the pod runs")
        api.delete(f"{home}/pods/brief")
        eventually(lambda: not api.answers(f"{home}/pods/brief"), "the pod is gone", seconds=10)


class TestAJob:
    def test_is_seen_running_and_then_completes(self, api: ClusterApi, home: str) -> None:
        jobs = home.replace(CORE, "/apis/batch/v1")
        template = {"spec": {**pod("")["spec"], "restartPolicy": "Never"}}  # type: ignore[dict-item]
        body: JsonObject = {
            "metadata": {"name": "once"},
            "spec": {"completions": 3, "parallelism": 2, "template": template},
        }
        api.create(f"{jobs}/jobs", body)
        eventually(lambda: field(api.get(f"{jobs}/jobs/once"), "status", "ready") == 2, "two pods run at once")
        eventually(lambda: condition(api, f"{jobs}/jobs/once", "Complete") == "True", "the job is complete")
        assert field(api.get(f"{jobs}/jobs/once"), "status", "succeeded") == 3


class TestAVolume:
    def test_is_made_once_a_pod_uses_its_claim(self, api: ClusterApi, home: str) -> None:
        api.create(f"{home}/persistentvolumeclaims", claim("data", DELETED))
        assert phase(api, f"{home}/persistentvolumeclaims/data") == "Pending"
        api.create(f"{home}/pods", pod_using("user", "data"))
        eventually(lambda: phase(api, f"{home}/pods/user") == "Running", "the pod runs")
        bound = api.get(f"{home}/persistentvolumeclaims/data")
        assert text(bound, "status", "phase") == "Bound"
        assert text(bound, "status", "capacity", "storage") == "5Gi"

    def test_of_one_node_refuses_pods_on_a_second(self, api: ClusterApi, home: str) -> None:
        api.create(f"{home}/persistentvolumeclaims", claim("data", DELETED))
        api.create(f"{home}/pods", pod_using("first", "data"))
        eventually(lambda: phase(api, f"{home}/pods/first") == "Running", "the first pod runs")
        node = text(api.get(f"{home}/pods/first"), "spec", "nodeName")
        elsewhere = next(name for name in simulated_nodes(api) if name != node and "general" in name)
        second = pod_using("second", "data")
        spec = cast(JsonObject, second["spec"])
        api.create(f"{home}/pods", {**second, "spec": {**spec, "nodeSelector": {"kubernetes.io/hostname": elsewhere}}})
        eventually(lambda: items(api.get(f"{home}/pods/second"), "status", "conditions"), "the scheduler has judged it")
        live = cast(Object, api.get(f"{home}/pods/second"))
        assert live["status"]["phase"] == "Pending"
        claims, nodes = api.items(f"{home}/persistentvolumeclaims"), api.items(f"{CORE}/nodes")
        problem = explain_pod(ObjectKey("Pod", "", "second"), live, nodes, claims)
        assert "is attached to one node at a time" in problem.reason
        assert "access: manyNodes" in problem.fix

    def test_outlives_its_namespace_only_if_its_class_says_so(self, api: ClusterApi, home: str) -> None:
        for storage_class in (DELETED, RETAINED):
            api.create(f"{home}/persistentvolumeclaims", claim(storage_class, storage_class))
            api.create(f"{home}/pods", pod_using(storage_class, storage_class))
        for storage_class in (DELETED, RETAINED):
            eventually(lambda name=storage_class: phase(api, f"{home}/pods/{name}") == "Running", "the pods run")
        deleted, retained = volume_of(api, home, DELETED), volume_of(api, home, RETAINED)
        api.delete(home)
        eventually(lambda: not api.answers(home), "the namespace is gone", seconds=45)
        eventually(lambda: not api.answers(deleted), "the volume to delete is gone")
        assert phase(api, retained) == "Released"


class TestTheSimulation:
    """These come last: a cluster takes one simulation at a time, so they replace the one that the others use."""

    def test_needs_the_rights_to_simulate(self, cluster_access: ClusterAccess, progress: Callable[[str], None]) -> None:
        kubeconfig = cluster_access.kubeconfig.with_name("kube-scheduler.kubeconfig")
        if cluster_access.source != "embedded":
            pytest.skip("needs the credentials of another user, which only the embedded cluster has")
        scheduler = replace(cluster_access, kubeconfig=kubeconfig)
        with (
            pytest.raises(RehearsalError, match=r'User "system:kube-scheduler" cannot create') as raised,
            simulated_cluster(scheduler, [GENERAL], {}, progress),
        ):
            pass
        assert "administrator" in raised.value.fix

    def test_takes_a_context_and_leaves_nothing_behind(
        self,
        cluster_access: ClusterAccess,
        progress: Callable[[str], None],
        monkeypatch: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
    ) -> None:
        api: ClusterApi = request.getfixturevalue("api")
        classes = {DELETED: "Delete", "test-own": "Retain"}
        if cluster_access.context is None:
            monkeypatch.setenv("KUBECONFIG", str(cluster_access.kubeconfig))
        access = existing_cluster(cluster_access.context or "embedded")
        with simulated_cluster(access, [SimulatedPool(name="own", nodes=2, cpu=1, memory_gib=1)], classes, progress):
            assert simulated_nodes(api) == ["bedplate-own-0", "bedplate-own-1"]
            assert text(api.get(f"{CLASSES}/test-own"), "reclaimPolicy") == "Retain"
        assert simulated_nodes(api) == []
        assert not api.answers(f"{CLASSES}/test-own")
        assert api.answers(f"{CLASSES}/{DELETED}"), "it was there before"
