"""Rules that hold for every pod of every stack."""

from typing import Any

import kubernetes_validate
import pytest

from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS
from bedplate.rehearsal.engine import Recording
from bedplate.rehearsal.resources import revealed
from conformance.test_components import EVERYTHING, SECRETS
from harness import STACKS, is_custom, objects, pod_templates, record, record_stack

Template = tuple[str, dict[str, Any]]


def recordings() -> dict[str, Recording]:
    return {"everything": record(EVERYTHING, SECRETS), **{file.stem: record_stack(file) for file in STACKS}}


RECORDINGS = recordings()
TEMPLATES = [template for recording in RECORDINGS.values() for template in pod_templates(recording)]


@pytest.mark.parametrize("template", [body for _, body in TEMPLATES], ids=[name for name, _ in TEMPLATES])
class TestEveryPod:
    def test_runs_as_nobody_with_no_capability_and_a_read_only_root(self, template: dict[str, Any]) -> None:
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}

    def test_has_a_service_account_of_its_own_without_a_token(self, template: dict[str, Any]) -> None:
        assert template["spec"]["serviceAccountName"] == template["metadata"]["labels"]["bedplate.dev/workload"]
        assert template["spec"]["automountServiceAccountToken"] is False

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
        for deployment in objects(RECORDINGS[stack], "Deployment"):
            body = deployment.inputs["spec"]
            assert body["selector"]["matchLabels"].items() <= body["template"]["metadata"]["labels"].items()

    def test_hold_nothing_that_changes_during_a_workloads_life(self, stack: str) -> None:
        changing = {"bedplate.dev/owner", "bedplate.dev/project", "app.kubernetes.io/version"}
        for deployment in objects(RECORDINGS[stack], "Deployment"):
            assert not changing & deployment.inputs["spec"]["selector"]["matchLabels"].keys()


@pytest.mark.parametrize("version", SUPPORTED_KUBERNETES_VERSIONS)
@pytest.mark.parametrize("stack", RECORDINGS)
def test_every_object_is_valid_for_every_supported_version_of_kubernetes(stack: str, version: str) -> None:
    for resource in objects(RECORDINGS[stack]):
        if is_custom(resource):
            continue  # see test_charts
        kubernetes_validate.validate(revealed(resource.inputs), version, strict=True)
