"""What makes GPU nodes offer their GPUs, read off the real program."""

import copy
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.engine.engine import Recording
from harness import ROOT, objects, platform, record, record_stack, tenant

AWS = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.aws.yaml")["config"]["bedplate:platform"]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(ROOT / "stacks" / "Pulumi.aws.yaml")


def daemon_set(recording: Recording) -> dict[str, Any]:
    (found,) = objects(recording, "DaemonSet")
    return dict(found.inputs)


def without_gpus() -> dict[str, Any]:
    data = copy.deepcopy(AWS)
    data["nodePools"] = {name: pool for name, pool in data["nodePools"].items() if "accelerator" not in pool}
    data["tenants"] = []
    return data


class TestTheDevicePlugin:
    def test_goes_to_every_node_with_the_platforms_label_and_to_no_other(self, recording: Recording) -> None:
        pod = daemon_set(recording)["spec"]["template"]["spec"]
        (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert term == {"matchExpressions": [{"key": "bedplate.dev/accelerator", "operator": "Exists"}]}

    @pytest.mark.parametrize("taint", ["nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority"])
    def test_is_kept_off_by_no_taint_of_such_a_node(self, recording: Recording, taint: str) -> None:
        tolerations = daemon_set(recording)["spec"]["template"]["spec"]["tolerations"]
        assert any(each.get("key", taint) == taint and each["effect"] == "NoSchedule" for each in tolerations)

    def test_sees_the_kubelets_folder_of_plugins_and_nothing_else(self, recording: Recording) -> None:
        pod = daemon_set(recording)["spec"]["template"]["spec"]
        (volume,) = pod["volumes"]
        assert volume["hostPath"] == {"path": "/var/lib/kubelet/device-plugins", "type": "Directory"}
        assert {mount["mountPath"] for container in pod["containers"] for mount in container["volumeMounts"]} == {
            "/var/lib/kubelet/device-plugins"
        }

    def test_stays_when_a_node_is_emptied(self, recording: Recording) -> None:
        annotations = daemon_set(recording)["spec"]["template"]["metadata"]["annotations"]
        assert annotations["cluster-autoscaler.kubernetes.io/enable-ds-eviction"] == "false"

    def test_lives_alone_in_a_namespace_that_no_tenant_has(self, recording: Recording) -> None:
        inside = [resource for resource in objects(recording) if resource.inputs["metadata"].get("namespace")]
        kinds = [body.inputs["kind"] for body in inside if body.inputs["metadata"]["namespace"] == "bedplate-gpu"]
        assert set(kinds) == {"DaemonSet", "NetworkPolicy", "ServiceAccount"}

    def test_may_do_nothing_through_the_api(self, recording: Recording) -> None:
        bindings = [*objects(recording, "RoleBinding"), *objects(recording, "ClusterRoleBinding")]
        names = {subject["name"] for binding in bindings for subject in binding.inputs["subjects"]}
        assert "nvidia-device-plugin" not in names


class TestItIsLeftOut:
    def test_where_no_pool_has_gpus(self) -> None:
        assert objects(record(without_gpus()), "DaemonSet") == []

    def test_where_the_cluster_brings_its_own(self) -> None:
        assert objects(record(platform(tenant("vision"))), "DaemonSet") == []
