"""The device plugin and the cluster autoscaler on a real API server: admitted, placed, with the rights they need."""

from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.trial import Trial
from cluster.objects_under_test import eventually
from harness import ROOT, objects, record_stack

pytestmark = pytest.mark.enable_socket

POOLS = [
    SimulatedPool(name="system", nodes=2, cpu=4, memory_gib=16),
    SimulatedPool(name="l4", nodes=2, cpu=8, memory_gib=32, accelerator="nvidia-l4", gpus=1),
]
NAMESPACE, ACCOUNT = "bedplate-autoscaling", "cluster-autoscaler"


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    services = [
        resource
        for resource in objects(record_stack(ROOT / "stacks" / "Pulumi.aws.yaml"))
        if resource.name.startswith(("platform-device-plugin-", "platform-autoscaler-"))
    ]
    api = ApiServer(cluster_access)
    with simulated_cluster(cluster_access, POOLS, {}, lambda _: None):
        applied = apply(api, services)
        assert applied.problems == []
        yield api
        assert delete(api, applied.resources) == []


def pools_of_pods(api: ApiServer, namespace: str) -> list[str]:
    """The pool of each pod that is ready."""
    pools = {node["metadata"]["name"]: node["metadata"]["labels"]["bedplate.dev/pool"] for node in nodes(api)}
    return sorted(
        pools[pod["spec"]["nodeName"]]
        for pod in api.objects("v1", "Pod", namespace)
        if any(
            each["type"] == "Ready" and each["status"] == "True" for each in pod.get("status", {}).get("conditions", [])
        )
    )


def api_objects(api: ApiServer, kind: str) -> list[dict[str, Any]]:
    found = api.objects("apps/v1", kind, "bedplate-gpu")
    return [{**body, "apiVersion": "apps/v1", "kind": kind} for body in found]


def nodes(api: ApiServer) -> list[dict[str, Any]]:
    return [node for node in api.objects("v1", "Node") if "bedplate.dev/pool" in node["metadata"]["labels"]]


def may(api: ApiServer, verb: str, resource: str, group: str = "", namespace: str = "", name: str = "") -> bool:
    """Whether the autoscaler's ServiceAccount may do something, by the API server's own authorizer."""
    plain, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "resource": plain, "group": group, "namespace": namespace, "name": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {"name": ""},
        "spec": {
            "user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"],
            "resourceAttributes": {**attributes, "subresource": subresource},
        },
    }
    return bool(api.create(review)["status"]["allowed"])


class TestPods:
    def test_of_the_device_plugin_run_on_every_gpu_node_and_on_no_other(self, api: ApiServer) -> None:
        eventually(lambda: pools_of_pods(api, "bedplate-gpu") == ["l4", "l4"], "a plugin on both GPU nodes")

    def test_of_the_autoscaler_run_on_nodes_without_gpus_and_apart(self, api: ApiServer) -> None:
        eventually(lambda: pools_of_pods(api, NAMESPACE) == ["system", "system"], "both replicas on system nodes")
        assert len({pod["spec"]["nodeName"] for pod in api.objects("v1", "Pod", NAMESPACE)}) == 2


class TestARehearsal:
    def test_waits_for_daemon_sets_and_counts_their_pods(self, api: ApiServer) -> None:
        trial = Trial(api, lambda _: None, stalled_seconds=4)
        trial.run(api_objects(api, "DaemonSet"))
        assert trial.problems == []
        assert (trial.pods.expected, trial.pods.ready) == (2, 2)

    def test_says_why_a_daemon_set_has_no_pods(self, api: ApiServer) -> None:
        """Its pods see a folder of their node, which this namespace's Pod Security level forbids."""
        plugin = next(one for one in api_objects(api, "DaemonSet") if one["metadata"]["name"] == "nvidia-device-plugin")
        metadata = {"name": "refused", "namespace": NAMESPACE, "labels": plugin["metadata"]["labels"]}
        refused = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": plugin["spec"]}
        refused["spec"]["template"]["spec"] |= {"serviceAccountName": ACCOUNT, "serviceAccount": ACCOUNT}
        trial = Trial(api, lambda _: None, stalled_seconds=4)
        try:
            trial.run([api.apply(refused) | {"apiVersion": "apps/v1", "kind": "DaemonSet"}])
        finally:
            api.delete(refused)
        assert [problem.reason for problem in trial.problems if "hostPath" in problem.reason], trial.problems
        assert trial.pods.expected == 2


class TestTheAutoscaler:
    @pytest.mark.parametrize(
        ("group", "resource"),
        [
            ("", "namespaces"),
            ("", "nodes"),
            ("", "persistentvolumeclaims"),
            ("", "persistentvolumes"),
            ("", "pods"),
            ("", "replicationcontrollers"),
            ("", "services"),
            ("apps", "daemonsets"),
            ("apps", "replicasets"),
            ("apps", "statefulsets"),
            ("batch", "jobs"),
            ("policy", "poddisruptionbudgets"),
            ("resource.k8s.io", "deviceclasses"),
            ("resource.k8s.io", "resourceclaims"),
            ("resource.k8s.io", "resourceslices"),
            ("storage.k8s.io", "csidrivers"),
            ("storage.k8s.io", "csinodes"),
            ("storage.k8s.io", "csistoragecapacities"),
            ("storage.k8s.io", "storageclasses"),
            ("storage.k8s.io", "volumeattachments"),
        ],
    )
    def test_sees_what_the_scheduler_decides_by(self, api: ApiServer, group: str, resource: str) -> None:
        """Upstream waits for all of these before it does anything; one that is missing stops it for ever."""
        assert may(api, "list", resource, group)
        assert may(api, "watch", resource, group)

    @pytest.mark.parametrize(
        ("verb", "resource", "group", "namespace", "name"),
        [
            ("update", "nodes", "", "", "some-node"),
            ("create", "pods/eviction", "", "some-tenant", "some-pod"),
            ("create", "events", "", "some-tenant", ""),
            ("patch", "events", "", "default", "some-event"),
            ("create", "leases", "coordination.k8s.io", NAMESPACE, ""),
            ("update", "leases", "coordination.k8s.io", NAMESPACE, "cluster-autoscaler"),
            ("create", "configmaps", "", NAMESPACE, ""),
            ("update", "configmaps", "", NAMESPACE, "cluster-autoscaler-status"),
        ],
    )
    def test_does_its_work(
        self, api: ApiServer, verb: str, resource: str, group: str, namespace: str, name: str
    ) -> None:
        assert may(api, verb, resource, group, namespace, name)

    @pytest.mark.parametrize(
        ("verb", "resource", "group", "namespace", "name"),
        [
            ("list", "secrets", "", "", ""),
            ("get", "secrets", "", NAMESPACE, "any"),
            ("get", "configmaps", "", "some-tenant", "any"),
            ("update", "configmaps", "", NAMESPACE, "another"),
            ("update", "leases", "coordination.k8s.io", NAMESPACE, "another"),
            ("update", "leases", "coordination.k8s.io", "kube-system", "cluster-autoscaler"),
            ("create", "pods", "", "some-tenant", ""),
            ("delete", "pods", "", "some-tenant", "some-pod"),
            ("create", "pods/exec", "", "some-tenant", "some-pod"),
            ("delete", "nodes", "", "", "some-node"),
            ("patch", "jobs", "batch", "some-tenant", "some-job"),
            ("update", "deployments", "apps", "some-tenant", "some-deployment"),
            ("create", "serviceaccounts/token", "", NAMESPACE, ACCOUNT),
            ("create", "clusterrolebindings", "rbac.authorization.k8s.io", "", ""),
        ],
    )
    def test_may_do_nothing_else(
        self, api: ApiServer, verb: str, resource: str, group: str, namespace: str, name: str
    ) -> None:
        assert not may(api, verb, resource, group, namespace, name)
