"""What makes GPU nodes offer their GPUs, read off the real program."""

import copy
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.engine.engine import Recording
from bedplate.errors import RehearsalError
from conformance.everything import SHARING
from harness import ROOT, objects, platform, record, record_stack, tenant

AWS = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.aws.yaml")["config"]["bedplate:platform"]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(ROOT / "stacks" / "Pulumi.aws.yaml")


def daemon_sets(recording: Recording) -> dict[str, dict[str, Any]]:
    """By name, those of the plugin."""
    bodies = [dict(found.inputs) for found in objects(recording, "DaemonSet")]
    return {
        body["metadata"]["name"]: body for body in bodies if body["metadata"]["name"].startswith("nvidia-device-plugin")
    }


def daemon_set(recording: Recording) -> dict[str, Any]:
    (found,) = daemon_sets(recording).values()
    return found


def without_gpus() -> dict[str, Any]:
    data = copy.deepcopy(AWS)
    data["nodePools"] = {name: pool for name, pool in data["nodePools"].items() if "accelerator" not in pool}
    data["tenants"] = []
    data.pop("cost", None)
    data.pop("buckets", None)
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
        assert daemon_sets(record(without_gpus())) == {}

    def test_where_the_cluster_brings_its_own(self) -> None:
        assert daemon_sets(record(platform(tenant("vision")))) == {}


@pytest.fixture(scope="module")
def sharing() -> dict[str, dict[str, Any]]:
    return daemon_sets(record(SHARING))


def goes_to(body: dict[str, Any], accelerator: str) -> bool:
    (term,) = body["spec"]["template"]["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    kept = {
        "Exists": lambda values: True,
        "In": lambda values: accelerator in values,
        "NotIn": lambda values: accelerator not in values,
    }
    return all(kept[each["operator"]](each.get("values")) for each in term["matchExpressions"])


class TestSharedGpus:
    @pytest.mark.parametrize(
        ("accelerator", "plugin"),
        [
            ("nvidia-l4", "nvidia-device-plugin"),
            ("nvidia-t4", "nvidia-device-plugin"),
            ("nvidia-a100-80gb-3g.40gb", "nvidia-device-plugin-parts"),
            ("nvidia-l4-shared-4", "nvidia-device-plugin-turns-4"),
        ],
    )
    def test_have_exactly_one_plugin_on_each_node(
        self, sharing: dict[str, dict[str, Any]], accelerator: str, plugin: str
    ) -> None:
        assert [name for name, body in sharing.items() if goes_to(body, accelerator)] == [plugin]

    def test_are_offered_by_the_name_that_quotas_count(self, sharing: dict[str, dict[str, Any]]) -> None:
        strategies = {
            name: variable["value"]
            for name, body in sharing.items()
            for variable in body["spec"]["template"]["spec"]["containers"][0]["env"]
            if variable["name"] == "MIG_STRATEGY"
        }
        assert strategies == {
            "nvidia-device-plugin": "none",
            "nvidia-device-plugin-parts": "single",
            "nvidia-device-plugin-turns-4": "none",
        }
        (config,) = [
            body.inputs["data"]["plugin.yaml"]
            for body in objects(record(SHARING), "ConfigMap")
            if body.inputs["metadata"]["namespace"] == "bedplate-gpu"
        ]
        turns = YAML(typ="safe").load(config)["sharing"]["timeSlicing"]
        assert turns["renameByDefault"] is False
        assert turns["failRequestsGreaterThanOne"] is True
        assert turns["resources"] == [{"name": "nvidia.com/gpu", "replicas": 4}]

    def test_are_read_by_the_plugin_that_has_the_file(self, sharing: dict[str, dict[str, Any]]) -> None:
        pod = sharing["nvidia-device-plugin-turns-4"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        (path,) = [each["value"] for each in container["env"] if each["name"] == "CONFIG_FILE"]
        assert path == f"{mounts['config']}/plugin.yaml"

    def test_are_seen_with_a_capability_where_they_are_cut_alone(self, sharing: dict[str, dict[str, Any]]) -> None:
        added = {
            name: body["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"].get("add", [])
            for name, body in sharing.items()
        }
        assert {name for name, capabilities in added.items() if capabilities} == {"nvidia-device-plugin-parts"}


class TestTheCardsBetweenGpus:
    """Of the example on AWS, whose H100 have EFA."""

    def test_are_offered_by_a_plugin_on_their_nodes_alone(self, recording: Recording) -> None:
        (body,) = (
            one.inputs for one in objects(recording, "DaemonSet") if one.name.endswith("efa-device-plugin-daemon-set")
        )
        pod = body["spec"]["template"]["spec"]
        (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        chosen = {"key": "bedplate.dev/accelerator", "operator": "In", "values": ["nvidia-h100"]}
        assert term == {"matchExpressions": [chosen]}
        assert "/var/lib/kubelet/device-plugins" in {
            mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]
        }

    def test_are_counted_as_many_as_the_tenants_gpus_fill_machines(self, recording: Recording) -> None:
        """16 H100 are two machines of 32 cards; the other tenants' accelerators have none."""
        quotas = [
            one.inputs for one in objects(recording, "ResourceQuota") if one.inputs["metadata"]["name"] == "tenant"
        ]
        cards = {one["metadata"]["namespace"]: one["spec"]["hard"]["requests.vpc.amazonaws.com/efa"] for one in quotas}
        gpus = {tenant["name"]: tenant["quota"].get("gpus", {}).get("nvidia-h100", 0) for tenant in AWS["tenants"]}
        assert cards == {name: str(count // 8 * 32) for name, count in gpus.items()}
        assert "64" in cards.values()

    def test_go_to_the_training_that_asks_for_them(self, recording: Recording) -> None:
        (training,) = objects(recording, "JobSet")
        pod = training.inputs["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"]["vpc.amazonaws.com/efa"] == "32"
        variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        assert (variables["FI_PROVIDER"], variables["FI_EFA_USE_HUGE_PAGE"]) == ("efa", "0")
        assert "vpc.amazonaws.com/efa" not in pod["initContainers"][0]["resources"]["limits"]

    def test_are_known_to_the_autoscaler_while_there_is_no_machine(self, recording: Recording) -> None:
        tag = "k8s.io/cluster-autoscaler/node-template/resources/vpc.amazonaws.com/efa"
        groups = [one.inputs for one in recording.resources if one.type.endswith(":NodeGroup")]
        told = {group["labels"]["bedplate.dev/pool"]: group["tags"].get(tag) for group in groups}
        assert {pool: cards for pool, cards in told.items() if cards} == {"h100": "32"}

    def test_are_nobodys_where_one_pool_of_the_accelerator_has_none(self) -> None:
        """A pod could not say on which of the pools it runs."""
        data = copy.deepcopy(AWS)
        data["nodePools"]["h100-apart"] = {"accelerator": "nvidia-h100", "count": 8, "max": 1}
        with pytest.raises(RehearsalError, match="pods can have no cards between GPUs with nvidia-h100 here"):
            record(data)
