"""Deleting what was applied: what would hold it up does not."""

import time

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.objects_under_test import eventually
from harness import bare_resource

pytestmark = pytest.mark.enable_socket
NAME = "without-a-node"
POD = {
    # The node went while the pod was on it.
    "nodeName": "a-machine-that-went",
    "terminationGracePeriodSeconds": 120,
    "containers": [{"name": "app", "image": "registry.example.com/app:1"}],
}


def test_pods_of_a_node_that_is_gone_are_not_waited_for(cluster_access: ClusterAccess) -> None:
    api, labels = ApiServer(cluster_access), {"app": NAME}
    template = {"metadata": {"labels": labels}, "spec": POD}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAME},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    applied = apply(
        api,
        [
            bare_resource("namespace", "kubernetes:core/v1:Namespace", namespace),
            bare_resource("deployment", "kubernetes:apps/v1:Deployment", deployment),
        ],
    )
    assert applied.problems == []
    eventually(lambda: [key for key in api.names("v1", "Pod") if key.namespace == NAME], "its pod is there")
    began = time.monotonic()
    assert delete(api, applied.resources) == []
    assert time.monotonic() - began < 20
