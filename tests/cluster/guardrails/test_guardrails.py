"""Each guardrail on a real API server: what it denies, with which words, and what it admits."""

import copy
import uuid
from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.guardrails import RULES
from cluster.guardrails.guarded import (
    MEMBERS,
    Change,
    Manifest,
    all_of,
    annotated,
    anti_affinity,
    deadline,
    field,
    gpu_toleration,
    gpus,
    host_path,
    host_port,
    image,
    image_volume,
    in_namespace,
    init,
    inner_pod,
    manifest,
    nothing,
    of_another_tenant,
    of_container,
    of_job,
    of_metadata,
    on_pool,
    owned_by,
    privileged,
    refusal,
    resources,
    serving,
    sidecar,
    size,
    template_labels,
    tolerates_everything,
    ttl,
    turns,
    two_containers_of,
    unselected_gpu,
    without_label,
)
from cluster.objects_under_test import eventually

pytestmark = pytest.mark.enable_socket

CLAIM = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}


def claim_template(whole: Manifest, _body: Manifest) -> None:
    whole["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": CLAIM}]


def memory_volume(size: str | None) -> Change:
    limit = {"sizeLimit": size} if size else {}
    return field("volumes", [{"name": "shm", "emptyDir": {"medium": "Memory", **limit}}])


COMPUTE = ("cpu", "memory", "ephemeral-storage")
VISIBLE = "NVIDIA_VISIBLE_DEVICES"
PREFIXED = {"prefix": "NVIDIA_VISIBLE_", "secretRef": {"name": "any"}}


def variables(count: int) -> Change:
    return of_container(env=[{"name": f"V{number}", "value": "1"} for number in range(count)])


def volumes(count: int) -> Change:
    return field("volumes", [{"name": f"v{number}", "emptyDir": {}} for number in range(count)])


def mounted(path: str) -> Change:
    return all_of(
        field("volumes", [{"name": "gpus", "emptyDir": {}}]),
        of_container(volumeMounts=[{"name": "gpus", "mountPath": path}]),
    )


def variable(name: str) -> Change:
    return of_container(env=[{"name": name, "value": "all"}])


def shown_gpus(value: str) -> Change:
    return of_container(env=[{"name": VISIBLE, "value": value}])


def shown_to_init(value: str) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        body["initContainers"][0]["env"] = [{"name": VISIBLE, "value": value}]

    return change


REFUSED_FIELDS: list[tuple[Change, str]] = [
    (anti_affinity(namespaceSelector={}), "requiredDuringSchedulingIgnoredDuringExecution[].namespaceSelector"),
    (anti_affinity(namespaces=["other"]), "requiredDuringSchedulingIgnoredDuringExecution[].namespaces"),
    (field("resources", {"limits": {"memory": "64Gi"}}), "guardrails.md: resources"),
    (field("resourceClaims", [{"name": "gpu", "resourceClaimName": "x"}]), "resourceClaims"),
    (field("runtimeClassName", "gvisor"), "runtimeClassName"),
    (field("volumes", [{"name": "n", "nfs": {"server": "10.0.0.1", "path": "/"}}]), "volumes[].nfs"),
    (field("volumes", [{"name": "n", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}]), "volumes[].ephemeral"),
    (field("dnsConfig", {"nameservers": ["10.0.0.9"]}), "dnsConfig.nameservers"),
    (
        of_container(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
        "containers[].livenessProbe.httpGet.host",
    ),
    (
        of_container(livenessProbe={"httpGet": {"port": 80}, "terminationGracePeriodSeconds": 9999}),
        "containers[].livenessProbe.terminationGracePeriodSeconds",
    ),
    (of_container(securityContext={"seLinuxOptions": {"user": "x"}}), "containers[].securityContext.seLinuxOptions"),
    (of_job(managedBy="example.com/nobody"), "job.managedBy"),
    (
        of_job(manualSelector=True, selector={"matchLabels": {"app": "probe"}}),
        "job.manualSelector",
    ),
    (of_metadata(finalizers=["example.com/held"]), "metadata.finalizers"),
    (owned_by("CronJob", "batch/v1"), "metadata.ownerReferences[].controller"),
    (owned_by("Deployment", "apps/v1"), "metadata.ownerReferences[].controller"),
]


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
    *(
        ("ownership-labels", kind, template_labels(owner=None), "at the pod template")
        for kind in ("Job", "CronJob", "Deployment", "StatefulSet")
    ),
    ("ownership-labels", "Job", template_labels(tenant="somebody-else"), "at the pod template"),
    ("ownership-labels", "StatefulSet", claim_template, "at volumeClaimTemplates"),
    ("ownership-labels", "Job", template_labels(project="sales"), "sales is none of the tenant: write one of guarded"),
    ("ownership-labels", "Job", template_labels(owner="mei"), "write your own name, or one of guarded_at_example.com"),
    ("serving-labels", "Job", template_labels(component="model-api"), "must be batch or training, but is model-api"),
    ("serving-labels", "CronJob", template_labels(component="model-api"), "but is model-api"),
    ("serving-labels", "Pod", template_labels(component="model-api"), "but is model-api"),
    ("gpu-idle-timeout", "StatefulSet", gpus(1), "1 to 120 minutes, but has none"),
    ("gpu-idle-timeout", "StatefulSet", gpus(1, idle_minutes="500"), "but has 500"),
    ("gpu-idle-timeout", "Deployment", gpus(1, idle_minutes="never"), "but has never"),
    ("gpu-idle-timeout", "Pod", gpus(1), "idle-timeout-minutes"),
    ("job-run-time", "Job", deadline(None), "activeDeadlineSeconds must be 1 to 259200 seconds, but is 0"),
    ("job-run-time", "Job", deadline(259_201), "but is 259201"),
    ("job-run-time", "CronJob", deadline(None), "activeDeadlineSeconds"),
    ("job-run-time", "Pod", deadline(None), "activeDeadlineSeconds"),
    ("job-run-time", "Pod", owned_by("ConfigMap", "v1"), "but is 0"),
    ("job-run-time", "Pod", owned_by("RayCluster", "ray.io/v1"), "but is 0"),
    ("job-run-time", "Pod", owned_by("Job", "example.com/v1"), "but is 0"),
    ("job-run-time", "Pod", owned_by("Job", "batch/v1", is_controller=False), "but is 0"),
    ("gpu-idle-timeout", "Pod", all_of(gpus(1), owned_by("ConfigMap", "v1")), "but has none"),
    ("job-cleanup", "Job", ttl(None), "but is absent; write 604800"),
    ("job-cleanup", "Job", ttl(400 * 86_400 + 1), "but is 34560001"),
    ("job-cleanup", "CronJob", ttl(None), "but is absent"),
    ("job-cleanup", "Job", all_of(ttl(None), owned_by("CronJob", "batch/v1")), "but is absent"),
    ("max-pod-size", "Pod", size("cpu", "9"), "at most 8 cores, 32 GiB, 100 GiB of disk and 2 GPUs"),
    ("max-pod-size", "Job", size("memory", "33Gi"), "33"),
    ("max-pod-size", "Pod", two_containers_of("17Gi"), "34"),
    ("max-pod-size", "Job", gpus(3), "3 GPUs"),
    ("max-pod-size", "Job", init(cpu="9", memory="1Gi"), "asks for 9 cores"),
    ("max-pod-size", "Job", init(cpu="1", memory="33Gi"), "33 GiB"),
    ("max-pod-size", "Job", sidecar(cpu="7500m", memory="1Gi"), "8.5 cores"),
    ("max-pod-size", "Job", resources(limits={"cpu": "9", "memory": "1Gi"}), "asks for 9 cores"),
    ("max-pod-size", "Job", resources(limits={"ephemeral-storage": "101Gi"}), "101 GiB of disk"),
    ("max-pod-size", "Job", resources(requests={"cpu": "1m"}, limits={"cpu": "17"}), "lower limits.cpu"),
    ("pod-length", "Job", variables(1001), "container main has more than 1000 variables"),
    ("pod-length", "CronJob", volumes(101), "at most 100 volumes, but has 101"),
    ("max-pod-size", "Job", memory_volume(None), "needs a sizeLimit"),
    ("max-pod-size", "Job", memory_volume("0"), "needs a sizeLimit above 0"),
    ("max-pod-size", "Job", memory_volume("2Gi"), "needs a sizeLimit above 0 and of at most the memory limits"),
    ("stated-limits", "Job", resources(requests={"memory": "4Gi"}), "write limits.memory too"),
    ("stated-limits", "Deployment", resources(requests={"memory": "4Gi"}), "which would be 1Gi"),
    ("stated-limits", "Job", resources(requests={"ephemeral-storage": "9Gi"}), "write limits.ephemeral-storage too"),
    *(
        ("stated-limits", kind, change, f"container {name} states 0 of cpu, memory or ephemeral-storage")
        for kind, change, name in (
            *(("Job", resources(limits={name: "0"}), "main") for name in COMPUTE),
            *(("Job", resources(requests={name: "0"}, limits={name: "1Gi"}), "main") for name in COMPUTE[1:]),
            ("CronJob", resources(requests={"cpu": "0"}), "main"),
            ("Deployment", resources(requests={"memory": "0Gi"}, limits={"memory": "0Gi"}), "main"),
            ("Job", init(memory="0"), "init"),
            ("Job", sidecar(**{"ephemeral-storage": "0"}), "init"),
            ("Job", two_containers_of("0"), "main, second"),
        )
    ),
    ("counted-resources", "Job", resources(limits={"amd.com/gpu": "8"}), "no quota counts amd.com/gpu"),
    ("counted-resources", "Job", resources(limits={"nvidia.com/mig-1g.10gb": "7"}), "nvidia.com/mig-1g.10gb"),
    ("counted-resources", "Pod", resources(limits={"nvidia.com/gpu.shared": "8"}), "nvidia.com/gpu.shared"),
    ("stop-time", "Job", field("terminationGracePeriodSeconds", 31_536_000), "at most 900, but is 31536000"),
    ("stop-time", "Deployment", field("terminationGracePeriodSeconds", 901), "at most 900"),
    ("no-root", "Job", field("securityContext", {}), "container main may run as root"),
    ("no-root", "Deployment", of_container(securityContext={"runAsNonRoot": False}), "may run as root"),
    ("no-root", "Job", of_container(securityContext={"runAsUser": 0}), "may run as root"),
    *(
        ("no-root", kind, of_container(securityContext=escalating), "container main may become root by a setuid")
        for kind in ("Job", "Deployment")
        for escalating in ({}, {"allowPrivilegeEscalation": True})
    ),
    ("placement", "Job", field("nodeSelector", {"bedplate.dev/pool": "system"}), "for the platform"),
    ("placement", "Job", on_pool("system"), "for the platform"),
    ("placement", "Job", on_pool("system", "preferredDuringSchedulingIgnoredDuringExecution"), "for the platform"),
    *(
        ("placement", "Job", field("tolerations", [toleration]), "remove other tolerations")
        for toleration in (
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"},
            {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
        )
    ),
    *(("fields", "Job", change, said) for change, said in REFUSED_FIELDS),
    ("max-pod-size", "Deployment", size("cpu", "8500m"), "8.5 cores"),
    ("pod-isolation", "Deployment", field("hostNetwork", True), "hostNetwork"),
    ("pod-isolation", "Deployment", field("hostPID", True), "hostPID"),
    ("pod-isolation", "Job", field("hostIPC", True), "hostIPC"),
    ("pod-isolation", "CronJob", host_path, "hostPath"),
    ("pod-isolation", "Job", privileged, "privileged"),
    ("pod-isolation", "Job", host_port, "hostPort"),
    ("pod-isolation", "Job", field("nodeName", "bedplate-l4-0"), "nodeName"),
    ("pod-isolation", "Pod", field("priorityClassName", "system-cluster-critical"), "priority classes"),
    (
        "gpu-turns",
        "Job",
        turns(2),
        "container main asks for more than one nvidia.com/gpu of a GPU that is used in turns",
    ),
    ("gpu-turns", "CronJob", turns(2), "write 1"),
    ("gpu-placement", "Job", all_of(turns(1), field("priorityClassName", "bedplate-nvidia-l4")), "bedplate-NAME"),
    ("gpu-placement", "Job", unselected_gpu, "nodeSelector"),
    ("gpu-placement", "Job", gpus(1, accelerator="nvidia-h100"), "priorityClassName: bedplate-NAME"),
    ("gpu-placement", "Pod", gpu_toleration, "must not tolerate nvidia.com/gpu"),
    ("gpu-placement", "Deployment", tolerates_everything, "must not tolerate nvidia.com/gpu"),
    ("gpu-placement", "Job", field("priorityClassName", "bedplate-nvidia-l4"), "nor use such a class"),
    *(
        ("pod-annotations", kind, annotated(key), f"read the annotations {key} of pods")
        for kind, key in (
            *(("Job", "k8s.v1.cni.cncf.io/networks"), ("CronJob", "cni.projectcalico.org/ipAddrs")),
            *(("Deployment", "networking.gke.io/interfaces"), ("Pod", "bedplate.dev.example.com/x")),
            *(("Job", "io.katacontainers.config.hypervisor.path"), ("CronJob", "example.com")),
        )
    ),
    ("gpu-visibility", "Job", all_of(gpus(1), shown_gpus("all")), "container main has GPUs and must neither set"),
    ("gpu-visibility", "Deployment", all_of(serving, shown_gpus("void")), "container main has GPUs"),
    ("gpu-visibility", "Job", all_of(gpus(1), of_container(envFrom=[PREFIXED])), "envFrom with a prefix"),
    *(
        ("gpu-visibility", "Job", all_of(gpus(1), variable(name)), "it may set NVIDIA_API_KEY")
        for name in ("NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_IMEX_CHANNELS", "NVIDIA_DRIVER_CAPABILITIES_")
    ),
    *(
        (
            "gpu-visibility",
            "Job",
            all_of(*first, mounted(path)),
            "container main mounts a volume at a path with nvidia-",
        )
        for first in ((), (gpus(1),))
        for path in (
            *("/var/run/nvidia-container-devices", "/run/nvidia-container-devices/all/"),
            *("/var//run/./nvidia-container-devices//all", "/var/run/x/../nvidia-container-devices/0"),
        )
    ),
    ("gpu-visibility", "Job", all_of(gpus(1), init(cpu="1")), "container init has no GPUs and runs beside one"),
    ("gpu-visibility", "Job", all_of(gpus(1), init(cpu="1"), shown_to_init("all")), "container init has no GPUs"),
]
RESTRICTED: list[tuple[str, Change, str]] = [
    ("Deployment", of_container(securityContext={"allowPrivilegeEscalation": False}), "capabilities.drop: [ALL]"),
    ("Job", field("securityContext", {"runAsNonRoot": True}), "seccompProfile.type: RuntimeDefault"),
]
ADMITTED: list[tuple[str, str, Change]] = [
    *(("approved-images", kind, nothing) for kind in ("Pod", "Job", "CronJob", "Deployment", "StatefulSet")),
    ("approved-images", "Pod", image("quay.io/tools/etl:2")),
    ("approved-images", "Pod", image(f"quay.io/tools/etl@sha256:{'0' * 64}")),
    ("approved-images", "Pod", image("ghcr.io/acme/deep/path/app:2", "initContainers")),
    ("ownership-labels", "Deployment", nothing),
    ("gpu-visibility", "Job", all_of(gpus(1), init(cpu="1"), shown_to_init("void"))),
    ("gpu-visibility", "Job", all_of(gpus(1), of_container(envFrom=[{"secretRef": {"name": "any"}}]))),
    ("gpu-visibility", "Job", shown_gpus("all")),
    ("gpu-visibility", "Job", all_of(gpus(1), variable("NVIDIA_DRIVER_CAPABILITIES"))),
    ("gpu-visibility", "Job", all_of(gpus(1), variable("MY_NVIDIA_IMEX_CHANNELS"))),
    ("gpu-visibility", "Job", all_of(gpus(1), mounted("/var/run/nvidia"))),
    ("fields", "Job", owned_by("CronJob", "batch/v1", is_controller=False)),
    ("pod-annotations", "Job", annotated("karpenter.sh/do-not-disrupt")),
    ("pod-annotations", "Deployment", annotated("note", "kubectl.kubernetes.io/restartedAt", "wandb.ai/run")),
    ("pod-annotations", "Pod", all_of(annotated("example.com/x"), owned_by("Job", "batch/v1"))),
    ("gpu-idle-timeout", "StatefulSet", gpus(1, idle_minutes="120")),
    ("gpu-idle-timeout", "Deployment", serving),
    ("gpu-idle-timeout", "Job", gpus(1)),
    ("job-run-time", "Job", deadline(259_200)),
    ("job-run-time", "CronJob", deadline(1)),
    ("max-pod-size", "Pod", size("cpu", "8")),
    ("max-pod-size", "Pod", two_containers_of("16Gi")),
    ("max-pod-size", "Job", gpus(2)),
    ("job-run-time", "Pod", owned_by("Job", "batch/v1")),
    ("job-cleanup", "Job", ttl(0)),
    ("serving-labels", "Job", template_labels(component="batch")),
    ("serving-labels", "Deployment", serving),
    ("max-pod-size", "Job", init(cpu="8", memory="32Gi")),
    ("max-pod-size", "Job", sidecar(cpu="7", memory="31Gi")),
    ("max-pod-size", "Job", memory_volume("1Gi")),
    ("pod-length", "Job", all_of(variables(1000), volumes(100))),
    ("stated-limits", "Job", resources(requests={"cpu": "4"})),
    ("stated-limits", "Job", resources(requests={"cpu": "4", "memory": "4Gi"}, limits={"memory": "4Gi"})),
    ("stated-limits", "Job", resources(limits={"memory": "1Mi", "nvidia.com/gpu": "0"})),
    ("counted-resources", "Job", resources(limits={"ephemeral-storage": "9Gi"})),
    ("stop-time", "Deployment", field("terminationGracePeriodSeconds", 900)),
    ("no-root", "Deployment", nothing),
    ("placement", "Job", on_pool("general")),
    ("placement", "Job", field("nodeSelector", {"bedplate.dev/pool": "general"})),
    ("fields", "Job", anti_affinity()),
    ("pod-isolation", "Deployment", field("hostNetwork", False)),
    ("gpu-turns", "Job", turns(1)),
    ("gpu-turns", "Job", turns(1, containers=2)),
    ("gpu-placement", "Job", gpus(1)),
]


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
        assert {case[0] for case in DENIED} | {"pod-security"} == names
        assert {case[0] for case in ADMITTED} | {"pod-security"} == names


class TestPodSecurityAtTheTemplate:
    """The tenant of these tests is `baseline`; `members` is `restricted`, like tenants by default."""

    @pytest.mark.parametrize(("kind", "change", "said"), RESTRICTED)
    def test_is_said_where_the_namespace_enforces_it(
        self, api: ApiServer, kind: str, change: Change, said: str
    ) -> None:
        body = manifest(kind, change)
        assert refusal(api, body) is None
        assert said in (refusal(api, in_namespace(body, MEMBERS)) or "")

    def test_admits_what_keeps_it(self, api: ApiServer) -> None:
        assert refusal(api, in_namespace(manifest("Deployment", nothing), MEMBERS)) is None


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
