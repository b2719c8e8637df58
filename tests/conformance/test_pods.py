"""Rules that hold for every pod of every stack."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS
from bedplate.engine.engine import Recording
from bedplate.engine.resources import revealed
from conformance.everything import EVERYTHING, SECRETS, SHARING
from harness import SECRET_OF_EVERY, STACKS, every_template, is_custom, objects, pod_templates, record, record_stack

Template = tuple[str, dict[str, Any]]


def recordings() -> dict[str, Recording]:
    return {
        "everything": record(EVERYTHING, SECRETS),
        "sharing": record(SHARING),
        "templates": record(every_template(), frozenset({SECRET_OF_EVERY})),
        **{file.stem: record_stack(file) for file in STACKS},
    }


RECORDINGS = recordings()
TEMPLATES = [template for recording in RECORDINGS.values() for template in pod_templates(recording)]


TENANTS = [(name, body) for name, body in TEMPLATES if "bedplate.dev/tenant" in body["metadata"]["labels"]]
PLATFORMS = [(name, body) for name, body in TEMPLATES if "bedplate.dev/tenant" not in body["metadata"]["labels"]]
PLUGINS = ("nvidia-device-plugin", "nvidia-device-plugin-parts", "nvidia-device-plugin-turns-4")
CARDS = "efa-device-plugin"
EXPORTERS = ("dcgm-exporter", "dcgm-exporter-parts")
ROOT_PODS = {
    **dict.fromkeys((*PLUGINS, CARDS), "it opens a socket in a folder of the kubelet that belongs to root"),
    **dict.fromkeys(EXPORTERS, "it asks a socket of the kubelet, that belongs to root, which pod has which GPU"),
    "log-collector": "what containers print is in files that the kubelet gives to root alone",
}
"""Pods that run as root, and why."""
HOST_FOLDERS = {
    **{key: {"/var/lib/kubelet/device-plugins"} for key in PLUGINS},
    CARDS: {"/var/lib/kubelet/device-plugins", "/dev/infiniband"},
    **{key: {"/var/lib/kubelet/pod-resources"} for key in EXPORTERS},
    "log-collector": {"/var/log", "/var/lib/bedplate/logs"},
}
NODES_NETWORK = {CARDS: "cards are the node's, and upstream's own manifest looks for them there"}
"""Pods that are in the network of their node, and why."""
DRIVER = "/home/kubernetes/bin/nvidia"
"""Of nodes where no runtime brings the driver into containers; who has it mounted is privileged, or sees no GPU."""
SEES_PARTS = {
    **dict.fromkeys(
        ("nvidia-device-plugin-parts", "dcgm-exporter-parts"), "all parts of a GPU are for SYS_ADMIN to see"
    )
}
TOKENS = {"cluster-autoscaler", "budget-marker", "kueue", "jobset", "log-keeper", "waker"}
"""Pods that talk to the Kubernetes API."""
GOES_TO_ANY_TAINTED_NODE = {*PLUGINS, CARDS, *EXPORTERS, "log-collector"}
SYSTEM = {"key": "CriticalAddonsOnly", "operator": "Exists"}
"""What lets a pod run on the platform's own nodes."""
RELEASE = "kubernetes:helm.sh/v3:Release"


def each(templates: list[Template]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("template", [body for _, body in templates], ids=[name for name, _ in templates])


def software(template: dict[str, Any]) -> str:
    return template["metadata"]["labels"]["app.kubernetes.io/name"]


def needs_the_nodes_driver(template: dict[str, Any]) -> bool:
    return any(volume.get("hostPath", {}).get("path") == DRIVER for volume in template["spec"]["volumes"])


@each(TEMPLATES)
class TestEveryPod:
    def test_runs_with_no_capability_and_a_read_only_root(self, template: dict[str, Any]) -> None:
        assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in template["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            if needs_the_nodes_driver(template):
                assert software(template) in EXPORTERS
                continue
            added = {"add": ["SYS_ADMIN"]} if software(template) in SEES_PARTS else {}
            assert "privileged" not in context
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"], **added}

    def test_runs_as_nobody_unless_it_is_named_here(self, template: dict[str, Any]) -> None:
        context, is_root = template["spec"]["securityContext"], software(template) in ROOT_PODS
        assert context["runAsNonRoot"] is not is_root
        assert (context["runAsUser"] == 0) is is_root

    def test_sees_nothing_of_its_node_unless_it_is_named_here(self, template: dict[str, Any]) -> None:
        pod = template["spec"]
        seen = {"hostNetwork"} if software(template) in NODES_NETWORK else set[str]()
        assert {"hostNetwork", "hostPID", "hostIPC"} & pod.keys() == seen
        folders = {volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
        assert folders - {DRIVER} == HOST_FOLDERS.get(software(template), set())
        assert DRIVER not in folders or software(template) in EXPORTERS

    def test_states_its_resources_with_memory_and_gpus_equal(self, template: dict[str, Any]) -> None:
        for container in template["spec"]["containers"]:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert {"cpu", "memory"} <= requests.keys()
            assert {key: requests[key] for key in requests if key != "cpu"} == {
                key: limits[key] for key in limits if key != "cpu"
            }

    def test_names_an_exact_image(self, template: dict[str, Any]) -> None:
        for container in template["spec"]["containers"]:
            assert "@sha256:" in container["image"] or ":" in container["image"].rpartition("/")[2]


@each(PLATFORMS)
class TestEveryPodOfThePlatform:
    def test_has_a_service_account_of_its_own_and_a_token_only_for_a_purpose(self, template: dict[str, Any]) -> None:
        assert template["spec"]["serviceAccountName"] == software(template)
        assert template["spec"]["automountServiceAccountToken"] is (software(template) in TOKENS)

    def test_belongs_to_the_platform_and_is_not_the_first_to_go(self, template: dict[str, Any]) -> None:
        assert template["metadata"]["labels"]["bedplate.dev/owner"] == "platform"
        assert template["spec"]["priorityClassName"] in ("system-cluster-critical", "system-node-critical")

    def test_goes_to_the_system_pool_and_to_gpu_nodes_only_if_it_is_named_here(self, template: dict[str, Any]) -> None:
        goes_anywhere = software(template) in GOES_TO_ANY_TAINTED_NODE
        expected = {"operator": "Exists", "effect": "NoSchedule"} if goes_anywhere else SYSTEM
        assert template["spec"]["tolerations"] == [expected]


def test_charts_go_to_the_system_pool_with_all_their_parts() -> None:
    """Where a chart has a priority its pods have the toleration too: at the top, and of each part of cert-manager."""
    releases = [found for recording in RECORDINGS.values() for found in recording.resources if found.type == RELEASE]
    with_pods = [
        found.inputs["values"]
        for found in releases
        if "priorityClassName" in {**found.inputs["values"], **found.inputs["values"].get("global", {})}
    ]
    assert with_pods
    for values in with_pods:
        named = [values[part] for part in ("webhook", "cainjector", "startupapicheck") if part in values]
        parts = [values, *(part for part in named if part.get("enabled", True))]
        assert [part["tolerations"] for part in parts] == [[SYSTEM]] * len(parts)


@each(TENANTS)
class TestEveryPodOfATenant:
    def test_has_a_service_account_of_its_own_without_a_token(self, template: dict[str, Any]) -> None:
        assert template["spec"]["serviceAccountName"] == template["metadata"]["labels"]["bedplate.dev/workload"]
        assert template["spec"]["automountServiceAccountToken"] is False

    def test_carries_all_labels_of_ownership(self, template: dict[str, Any]) -> None:
        labels = template["metadata"]["labels"]
        for label in ("tenant", "project", "owner", "workload"):
            assert labels[f"bedplate.dev/{label}"]

    def test_goes_to_gpu_nodes_only_for_gpus(self, template: dict[str, Any]) -> None:
        pod = template["spec"]
        gpus = any("nvidia.com/gpu" in container["resources"]["limits"] for container in pod["containers"])
        assert gpus == ("tolerations" in pod) == ("nodeSelector" in pod) == ("priorityClassName" in pod)


@pytest.mark.parametrize("stack", RECORDINGS)
class TestSelectors:
    def test_pick_the_pods_of_their_own_template(self, stack: str) -> None:
        for deployment in [*objects(RECORDINGS[stack], "Deployment"), *objects(RECORDINGS[stack], "DaemonSet")]:
            body = deployment.inputs["spec"]
            assert body["selector"]["matchLabels"].items() <= body["template"]["metadata"]["labels"].items()

    def test_hold_nothing_that_changes_during_a_workloads_life(self, stack: str) -> None:
        changing = {"bedplate.dev/owner", "bedplate.dev/project", "app.kubernetes.io/version"}
        for deployment in [*objects(RECORDINGS[stack], "Deployment"), *objects(RECORDINGS[stack], "DaemonSet")]:
            assert not changing & deployment.inputs["spec"]["selector"]["matchLabels"].keys()


@pytest.mark.parametrize("stack", RECORDINGS)
class TestTheVersionThatRuns:
    def test_stands_on_pods_and_on_what_starts_them_alone(self, stack: str) -> None:
        """Another image is then a change of one object."""
        versioned = {
            resource.inputs["kind"]
            for resource in objects(RECORDINGS[stack])
            if "app.kubernetes.io/version" in resource.inputs["metadata"]["labels"]
        }
        assert versioned
        assert versioned <= {"CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet"}

    def test_stands_on_both_and_is_the_same(self, stack: str) -> None:
        for starter in [*objects(RECORDINGS[stack], "Deployment"), *objects(RECORDINGS[stack], "DaemonSet")]:
            own, pods = starter.inputs["metadata"]["labels"], starter.inputs["spec"]["template"]["metadata"]["labels"]
            assert own["app.kubernetes.io/version"] == pods["app.kubernetes.io/version"], starter.name


@pytest.mark.parametrize("version", SUPPORTED_KUBERNETES_VERSIONS)
@pytest.mark.parametrize("stack", RECORDINGS)
def test_every_object_is_valid_for_every_supported_version_of_kubernetes(stack: str, version: str) -> None:
    for resource in objects(RECORDINGS[stack]):
        if is_custom(resource):
            continue  # see test_charts
        try:
            kubernetes_validate.validate(revealed(resource.inputs), version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.path))
            pytest.fail(f"{resource.inputs['kind']} {resource.name}: {place}: {error.message}", pytrace=False)


def quantities(value: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Place, resource and quantity of every request and limit below a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("requests", "limits") and isinstance(inner, dict):
                yield from ((f"{place}.{key}", name, str(amount)) for name, amount in inner.items())
            yield from quantities(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from quantities(inner, f"{place}.{number}")


@pytest.mark.parametrize("name", RECORDINGS)
def test_quantities_are_written_as_kubernetes_writes_them(name: str) -> None:
    """An operator that writes an object again writes them so: of any other form the next update would be a change, and
    a conflict over who owns the field."""
    found = [
        f"{resource.name}{place}: {kind} {amount}"
        for resource in RECORDINGS[name].resources
        if resource.is_kubernetes_object
        for place, kind, amount in quantities(revealed(resource.inputs))
        if (kind == "cpu" and not re.fullmatch(r"[1-9]\d*|(?!\d*000m)[1-9]\d*m", amount))
        or (kind == "memory" and not re.fullmatch(r"[1-9]\d*[KMGT]i", amount))
    ]
    assert not found
