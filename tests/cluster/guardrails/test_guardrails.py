"""Each guardrail on a real API server: what it denies, with which words, and what it admits."""

import copy
import uuid
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.engine.engine import run
from bedplate.guardrails import RULES
from bedplate.rehearsal import applying
from cluster.objects_under_test import eventually
from harness import platform, program, tenant

pytestmark = pytest.mark.enable_socket

Manifest = dict[str, Any]
Change = Callable[[Manifest, Manifest], None]
"""Changes an object; its second argument is the object's pod."""

GUARDED = "guarded"
OWNER = f"{GUARDED}_at_example.com"
LABELS = {"bedplate.dev/tenant": GUARDED, "bedplate.dev/project": GUARDED, "bedplate.dev/owner": OWNER}
LIMITS = {
    "approvedImages": ["ghcr.io/acme/", "quay.io/tools/etl"],
    "maxJobHours": 72,
    "maxPod": {"cpu": 8, "memoryGib": 32, "diskGib": 100, "gpus": 2},
    "idle": {"maxMinutes": 120},
}
IDLE, GPU = "bedplate.dev/idle-timeout-minutes", "nvidia.com/gpu"


def pod() -> Manifest:
    return {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "image": "ghcr.io/acme/app:1.0",
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }


def of_kind(kind: str, body: Manifest) -> Manifest:
    """A valid object of the kind around a pod."""
    metadata = {"name": "probe", "namespace": GUARDED, "labels": dict(LABELS)}
    template = {"metadata": {"labels": {**LABELS, "app": "probe"}}, "spec": body}
    job = {"activeDeadlineSeconds": 3600, "ttlSecondsAfterFinished": 600, "template": template}
    if kind == "Pod":
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**body, "activeDeadlineSeconds": 3600},
        }
    if kind == "Job":
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job}
    if kind == "CronJob":
        spec = {"schedule": "0 1 * * *", "jobTemplate": {"metadata": {"labels": LABELS}, "spec": job}}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}
    body["restartPolicy"] = "Always"
    spec = {"selector": {"matchLabels": {"app": "probe"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def manifest(kind: str, change: Change) -> Manifest:
    body = pod()
    whole = of_kind(kind, body)
    whole = copy.deepcopy(whole)
    change(whole, inner_pod(whole))
    return whole


def inner_pod(whole: Manifest) -> Manifest:
    if whole["kind"] == "Pod":
        return whole["spec"]
    template = whole["spec"]["jobTemplate"]["spec"] if whole["kind"] == "CronJob" else whole["spec"]
    return template["template"]["spec"]


def image(reference: str, part: str = "containers") -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        container = {**copy.deepcopy(body["containers"][0]), "image": reference}
        body[part] = [container] if part == "containers" else [{**container, "name": "other"}]

    return change


def image_volume(_whole: Manifest, body: Manifest) -> None:
    body["volumes"] = [{"name": "weights", "image": {"reference": "docker.io/evil/weights:1"}}]


def without_label(label: str) -> Change:
    def change(whole: Manifest, _body: Manifest) -> None:
        del whole["metadata"]["labels"][label]

    return change


def of_another_tenant(whole: Manifest, _body: Manifest) -> None:
    whole["metadata"]["labels"]["bedplate.dev/tenant"] = "somebody-else"


def gpus(count: int, accelerator: str = "nvidia-l4", idle_minutes: str | None = None) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        body["nodeSelector"] = {"bedplate.dev/accelerator": accelerator}
        body["priorityClassName"] = "bedplate-nvidia-l4"
        body["containers"][0]["resources"]["requests"][GPU] = str(count)
        body["containers"][0]["resources"]["limits"][GPU] = str(count)
        if idle_minutes is not None:
            whole["metadata"]["annotations"] = {IDLE: idle_minutes}

    return change


def serving(whole: Manifest, body: Manifest) -> None:
    gpus(1)(whole, body)
    whole["metadata"]["labels"]["app.kubernetes.io/component"] = "model-api"


def deadline(seconds: int | None) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        limited = body if whole["kind"] == "Pod" else whole["spec"]
        if whole["kind"] == "CronJob":
            limited = whole["spec"]["jobTemplate"]["spec"]
        del limited["activeDeadlineSeconds"]
        if seconds is not None:
            limited["activeDeadlineSeconds"] = seconds

    return change


def size(resource: str, amount: str) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        resources = body["containers"][0]["resources"]
        resources["requests"][resource] = amount
        resources["limits"][resource] = amount

    return change


def two_containers_of(memory: str) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        second = {**copy.deepcopy(body["containers"][0]), "name": "second"}
        body["containers"].append(second)
        for container in body["containers"]:
            container["resources"] = {"requests": {"cpu": "1", "memory": memory}, "limits": {"memory": memory}}

    return change


def field(key: str, value: Any) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        body[key] = value

    return change


def host_path(_whole: Manifest, body: Manifest) -> None:
    body["volumes"] = [{"name": "host", "hostPath": {"path": "/"}}]


def privileged(_whole: Manifest, body: Manifest) -> None:
    body["containers"][0]["securityContext"] = {"privileged": True}


def host_port(_whole: Manifest, body: Manifest) -> None:
    body["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]


def gpu_toleration(_whole: Manifest, body: Manifest) -> None:
    body["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


def tolerates_everything(_whole: Manifest, body: Manifest) -> None:
    body["tolerations"] = [{"operator": "Exists"}]


def unselected_gpu(whole: Manifest, body: Manifest) -> None:
    gpus(1)(whole, body)
    del body["nodeSelector"]


def nothing(_whole: Manifest, _body: Manifest) -> None:
    pass


DENIED: list[tuple[str, str, Change, str]] = [
    ("approved-images", "Pod", image("docker.io/library/python:3.12"), "docker.io/library/python:3.12"),
    ("approved-images", "Pod", image("python:3.12"), "python:3.12 is not from an approved registry"),
    ("approved-images", "Pod", image("ghcr.io/acme-evil/app:1"), "ghcr.io/acme/"),
    ("approved-images", "Pod", image("quay.io/tools/etl-evil:1"), "quay.io/tools/etl"),
    ("approved-images", "Pod", image("docker.io/evil/init:1", "initContainers"), "docker.io/evil/init:1"),
    ("approved-images", "Pod", image_volume, "docker.io/evil/weights:1"),
    *(
        ("approved-images", kind, image("docker.io/evil/app:1"), "docker.io/evil/app:1")
        for kind in ("Job", "CronJob", "Deployment", "StatefulSet", "DaemonSet")
    ),
    ("ownership-labels", "Pod", without_label("bedplate.dev/owner"), "bedplate.dev/owner"),
    ("ownership-labels", "Job", without_label("bedplate.dev/project"), "bedplate.dev/project"),
    ("ownership-labels", "Deployment", without_label("bedplate.dev/tenant"), "must be guarded"),
    ("ownership-labels", "Pod", of_another_tenant, "must be guarded"),
    ("gpu-idle-timeout", "StatefulSet", gpus(1), "1 to 120 minutes, but has none"),
    ("gpu-idle-timeout", "StatefulSet", gpus(1, idle_minutes="500"), "but has 500"),
    ("gpu-idle-timeout", "Deployment", gpus(1, idle_minutes="never"), "but has never"),
    ("gpu-idle-timeout", "Pod", gpus(1), "idle-timeout-minutes"),
    ("job-run-time", "Job", deadline(None), "activeDeadlineSeconds must be 1 to 259200 seconds, but is 0"),
    ("job-run-time", "Job", deadline(259_201), "but is 259201"),
    ("job-run-time", "CronJob", deadline(None), "activeDeadlineSeconds"),
    ("job-run-time", "Pod", deadline(None), "activeDeadlineSeconds"),
    ("max-pod-size", "Pod", size("cpu", "9"), "at most 8 cores, 32 GiB and 2 GPUs"),
    ("max-pod-size", "Job", size("memory", "33Gi"), "33"),
    ("max-pod-size", "Pod", two_containers_of("17Gi"), "34"),
    ("max-pod-size", "Job", gpus(3), "3 GPUs"),
    ("max-pod-size", "Deployment", size("cpu", "8500m"), "8.5 cores"),
    ("pod-isolation", "Deployment", field("hostNetwork", True), "hostNetwork"),
    ("pod-isolation", "Deployment", field("hostPID", True), "hostPID"),
    ("pod-isolation", "Job", field("hostIPC", True), "hostIPC"),
    ("pod-isolation", "CronJob", host_path, "hostPath"),
    ("pod-isolation", "Job", privileged, "privileged"),
    ("pod-isolation", "Job", host_port, "hostPort"),
    ("pod-isolation", "Job", field("nodeName", "bedplate-l4-0"), "nodeName"),
    ("pod-isolation", "Pod", field("priorityClassName", "system-cluster-critical"), "priority classes"),
    ("gpu-placement", "Job", unselected_gpu, "nodeSelector"),
    ("gpu-placement", "Job", gpus(1, accelerator="nvidia-h100"), "priorityClassName: bedplate-NAME"),
    ("gpu-placement", "Pod", gpu_toleration, "must not tolerate nvidia.com/gpu"),
    ("gpu-placement", "Deployment", tolerates_everything, "must not tolerate nvidia.com/gpu"),
    ("gpu-placement", "Job", field("priorityClassName", "bedplate-nvidia-l4"), "nor use such a class"),
]
ADMITTED: list[tuple[str, str, Change]] = [
    *(("approved-images", kind, nothing) for kind in ("Pod", "Job", "CronJob", "Deployment", "StatefulSet")),
    ("approved-images", "Pod", image("quay.io/tools/etl:2")),
    ("approved-images", "Pod", image(f"quay.io/tools/etl@sha256:{'0' * 64}")),
    ("approved-images", "Pod", image("ghcr.io/acme/deep/path/app:2", "initContainers")),
    ("ownership-labels", "Deployment", nothing),
    ("gpu-idle-timeout", "StatefulSet", gpus(1, idle_minutes="120")),
    ("gpu-idle-timeout", "Deployment", serving),
    ("gpu-idle-timeout", "Job", gpus(1)),
    ("job-run-time", "Job", deadline(259_200)),
    ("job-run-time", "CronJob", deadline(1)),
    ("max-pod-size", "Pod", size("cpu", "8")),
    ("max-pod-size", "Pod", two_containers_of("16Gi")),
    ("max-pod-size", "Job", gpus(2)),
    ("pod-isolation", "Deployment", field("hostNetwork", False)),
    ("gpu-placement", "Job", gpus(1)),
]


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    """The API server with the guardrails and one guarded tenant, enforced."""
    api = ApiServer(cluster_access)
    baseline = tenant(GUARDED, podSecurity="baseline", quota={"cpu": 99, "memoryGib": 999, "gpus": {"nvidia-l4": 9}})
    backend = applying.ApplyingBackend(api, lambda _: None)
    run(program(platform(baseline, guardrails=LIMITS)), backend, is_preview=False)
    assert backend.problems == []
    violations = {name: manifest(kind, change) for name, kind, change, _ in DENIED}
    eventually(lambda: all(refusal(api, body) for body in violations.values()), "every rule is enforced")
    yield api
    assert applying.delete(api, backend.applied) == []


def refusal(api: ApiServer, body: Manifest) -> str | None:
    """What the API server says of an object, or None where it admits it; nothing is created."""
    try:
        api.apply(body, is_dry_run=True)
    except ApiError as error:
        return error.reason
    return None


def case_id(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{case[1]}"


class TestEachRule:
    @pytest.mark.parametrize("case", DENIED, ids=case_id)
    def test_denies_with_a_message_a_user_understands(self, api: ApiServer, case: tuple[str, str, Change, str]) -> None:
        rule, kind, change, said = case
        message = refusal(api, manifest(kind, change))
        assert message is not None
        assert f"{rule}: " in message
        assert said in message
        assert "resulted in error" not in message

    @pytest.mark.parametrize("case", ADMITTED, ids=case_id)
    def test_admits_what_keeps_it(self, api: ApiServer, case: tuple[str, str, Change]) -> None:
        assert refusal(api, manifest(case[1], case[2])) is None

    def test_has_manifests_of_both_sorts(self) -> None:
        names = {rule.name for rule in RULES}
        assert {case[0] for case in DENIED} == names
        assert {case[0] for case in ADMITTED} == names


class TestObjectsFromBeforeARule:
    """A rule that comes later must not keep anybody from cleaning up."""

    @pytest.fixture
    def violator(self, api: ApiServer) -> Generator[Manifest]:
        """A Deployment that breaks a rule, created while its namespace was not yet a tenant's."""
        name = f"older-{uuid.uuid4().hex[:8]}"
        namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {}}}
        api.apply(namespace)
        old = manifest("Deployment", image("docker.io/evil/app:1"))
        old["metadata"]["namespace"] = name
        old["metadata"]["labels"]["bedplate.dev/tenant"] = name  # the image is all that it breaks
        api.apply(old)
        namespace["metadata"]["labels"] = {"bedplate.dev/tenant": name}
        api.apply(namespace)
        fresh = copy.deepcopy(old)
        fresh["metadata"]["name"] = "fresh"
        eventually(lambda: "approved" in (refusal(api, fresh) or ""), "the rules see the namespace")
        yield old
        api.delete(namespace)

    def test_can_still_be_scaled_and_deleted(self, api: ApiServer, violator: Manifest) -> None:
        violator["spec"]["replicas"] = 0
        assert refusal(api, violator) is None
        api.delete(violator)
        eventually(lambda: api.get(violator) is None, "it is gone")

    def test_cannot_be_changed_to_another_violation(self, api: ApiServer, violator: Manifest) -> None:
        inner_pod(violator)["containers"][0]["image"] = "docker.io/evil/other:2"
        assert "docker.io/evil/other:2" in (refusal(api, violator) or "")
