"""Pods as the platform runs them: non-root, no capabilities, read-only root, bounded resources.

The shapes satisfy the Pod Security level `restricted`
(https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bedplate.kubernetes.manifests import Manifest, manifest
from bedplate.labels import ACCELERATOR, GPU_RESOURCE, GPU_TAINT, GPUS_VISIBLE, Identity, accelerator_class

NON_ROOT_USER = 65532
"""The user of an image that names none; by convention `nonroot` in distroless images."""
_SCRATCH_PATH = "/tmp"
_SHARED_MEMORY_PATH = "/dev/shm"
_SCRATCH, _SHARED_MEMORY, _PROJECTED = "scratch", "shared-memory", "kubernetes-account"
OWN_VOLUMES = (_SCRATCH, _SHARED_MEMORY, _PROJECTED)
"""Names of volumes that a pod has by itself; no claim in it can be called so."""
LONGEST_KEEP_DAYS = 400
"""The longest that a finished Job may stay: a year of monthly runs. Templates keep to it, and guardrails hold it."""
_LOGS_GIB = 0.25
"""Disk for what a container prints, which counts beside its scratch space. A kubelet keeps five files of 10 MiB unless
it is told otherwise (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/)."""
NOT_EVICTED = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""Annotations of pods that would lose their work: nodes are not removed to save money while such a pod runs.

https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-types-of-pods-can-prevent-ca-from-removing-a-node,
https://karpenter.sh/docs/concepts/disruption/#pod-level-controls. Both are without effect where nobody reads them.
"""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a template knows of its one container.

    memory is request and limit at once (requests that differ from limits are what gets pods killed under pressure);
    CPU may burst to twice its request. scratch_gib: size of the writable /tmp, which is also HOME. shared_memory_gib:
    size of /dev/shm, part of the memory; 0 for the runtime's own 64 MiB. user: numeric user and group the process runs
    as, never 0.
    """

    name: str
    image: str
    cpu: float
    memory_gib: float
    gpus: int = 0
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    secret_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variable → name of the Secret that holds it under its own name, or that of `secret_keys`."""
    secret_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    volume_mounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path in the container → name of the PersistentVolumeClaim."""
    image_mounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path in the container → image whose files are there, read-only. Needs Kubernetes 1.35
    (https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes)."""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Path in the container → a ConfigMap or Secret as the source of a volume, whose name the volume has; or the token
    of the pod's ServiceAccount with what belongs to it (`projected`)."""
    single_files: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Path of a file in the container, in the place of the image's → a ConfigMap and its key."""
    scratch_gib: float = 1
    shared_memory_gib: float = 0
    user: int = NON_ROOT_USER
    devices: Mapping[str, int] = field(default_factory=dict[str, int])
    """Further resources of the node, by name."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Ports, probes and lifecycle, as Kubernetes writes them."""


def cpu_quantity(cores: float) -> str:
    """Cores as Kubernetes writes them: '2', '500m'."""
    return str(int(cores)) if cores == int(cores) else f"{round(cores * 1000)}m"


def memory_quantity(gib: float) -> str:
    """GiB as Kubernetes writes them: '4Gi', '512Mi'."""
    return f"{int(gib)}Gi" if gib == int(gib) else f"{round(gib * 1024)}Mi"


def disk_gib(scratch_gib: float) -> float:
    """What a pod takes of its node's disk: scratch space and logs. A pod that needs more is evicted."""
    return scratch_gib + _LOGS_GIB


def resources(container: Container) -> Manifest:
    """Requests and limits: memory, disk, GPUs and devices equal, CPU limited at twice the request."""
    exact = {
        "memory": memory_quantity(container.memory_gib),
        "ephemeral-storage": memory_quantity(disk_gib(container.scratch_gib)),
    }
    if container.gpus:
        exact[GPU_RESOURCE] = str(container.gpus)
    exact |= {name: str(count) for name, count in container.devices.items()}
    return {
        "requests": {"cpu": cpu_quantity(container.cpu), **exact},
        "limits": {"cpu": cpu_quantity(container.cpu * 2), **exact},
    }


def _environment(container: Container) -> list[Manifest]:
    environment = {"HOME": _SCRATCH_PATH, **container.environment}
    plain: list[Manifest] = [
        {"name": name, "value": value}
        for name, value in sorted(environment.items())
        if name not in container.secret_environment
    ]
    secret: list[Manifest] = [
        {
            "name": name,
            "valueFrom": {"secretKeyRef": {"name": secret, "key": container.secret_keys.get(name, name)}},
        }
        for name, secret in sorted(container.secret_environment.items())
    ]
    # Kubernetes puts into $(NAME) what stands before it, so that an address can have a password in it
    # (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
    return secret + plain


def _container(container: Container) -> Manifest:
    mounts: list[Manifest] = [{"name": _SCRATCH, "mountPath": _SCRATCH_PATH}]
    if container.shared_memory_gib:
        mounts.append({"name": _SHARED_MEMORY, "mountPath": _SHARED_MEMORY_PATH})
    mounts += [{"name": claim, "mountPath": path} for path, claim in sorted(container.volume_mounts.items())]
    mounts += [
        {"name": _source_name(source), "mountPath": path, "readOnly": True}
        for path, source in sorted(container.files.items())
    ]
    mounts += [
        {"name": _image_volume(path), "mountPath": path, "readOnly": True} for path in sorted(container.image_mounts)
    ]
    mounts += [
        {"name": source, "mountPath": path, "subPath": key, "readOnly": True}
        for path, (source, key) in sorted(container.single_files.items())
    ]
    optional: Manifest = {
        "command": list(container.command),
        "args": list(container.args),
        "env": _environment(container),
    }
    return {
        "name": container.name,
        "image": container.image,
        **{key: value for key, value in optional.items() if value},
        "resources": resources(container),
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **container.extra,
    }


def _source_name(source: Mapping[str, Any]) -> str:
    if "projected" in source:
        return _PROJECTED
    return str(source["configMap"]["name"] if "configMap" in source else source["secret"]["secretName"])


def _image_volume(path: str) -> str:
    return f"image{path.replace('/', '-')}"


def accelerator_placement(accelerator: str) -> Manifest:
    """What puts a pod on the nodes of one accelerator, and counts it in that accelerator's quota."""
    return {
        "nodeSelector": {ACCELERATOR: accelerator},
        "tolerations": [{"key": GPU_TAINT["key"], "operator": "Exists", "effect": GPU_TAINT["effect"]}],
        "priorityClassName": accelerator_class(accelerator),
    }


def pod_spec(
    container: Container,
    service_account_name: str,
    before: Sequence[Container] = (),
    beside: Sequence[Container] = (),
    **extra: Any,
) -> Manifest:
    """The pod of one container, running as its workload's ServiceAccount without a token, unless `extra` says so.

    before: run to their ends before it, one after the other; they see no volumes but those of `container`. beside:
    further containers, of the same user. They have volumes of their own files, and share the scratch space.
    """
    claims = sorted(set(container.volume_mounts.values()))
    containers = (container, *beside)
    sources = {name: {"configMap": {"name": name}} for each in containers for name, _ in each.single_files.values()}
    sources |= {_source_name(source): source for each in containers for source in each.files.values()}
    return {
        "serviceAccountName": service_account_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": container.user,
            "runAsGroup": container.user,
            "fsGroup": container.user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"initContainers": [_container(_beside(one, container)) for one in before]} if before else {}),
        "containers": [_container(each) for each in containers],
        "volumes": [
            {"name": _SCRATCH, "emptyDir": {"sizeLimit": memory_quantity(container.scratch_gib)}},
            *_shared_memory(container),
            *({"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims),
            *({"name": name, **source} for name, source in sorted(sources.items())),
            *(
                {"name": _image_volume(path), "image": {"reference": image, "pullPolicy": "IfNotPresent"}}
                for path, image in sorted(container.image_mounts.items())
            ),
        ],
        **extra,
    }


def _beside(one: Container, container: Container) -> Container:
    """NVIDIA's runtime shows all GPUs of the node to a container whose image asks for that, unless it is told not to
    (https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html)."""
    if one.gpus or not container.gpus:
        return one
    return replace(one, environment={**one.environment, GPUS_VISIBLE: "void"})


def _shared_memory(container: Container) -> list[Manifest]:
    """Memory between processes, where a program needs more than the runtime gives: data loaders, NCCL, Ray.

    What is in it counts against the container's memory limit
    (https://kubernetes.io/docs/concepts/storage/volumes/#emptydir).
    """
    if not container.shared_memory_gib:
        return []
    size = memory_quantity(container.shared_memory_gib)
    return [{"name": _SHARED_MEMORY, "emptyDir": {"medium": "Memory", "sizeLimit": size}}]


def spread_over_zones_and_nodes(match_labels: Mapping[str, str]) -> list[Manifest]:
    """Replicas apart where the cluster allows it; it never keeps a pod from running.

    `pod-template-hash` makes each release spread on its own
    (https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/).
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(match_labels)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def service_account(name: str, namespace: str, identity: Identity) -> Manifest:
    """A workload's own identity; it gets no token for the Kubernetes API."""
    return manifest("v1", "ServiceAccount", name, identity, namespace=namespace, automountServiceAccountToken=False)


def disruption_budget(name: str, namespace: str, identity: Identity) -> Manifest:
    """One pod of a Deployment at a time may be moved."""
    return manifest(
        "policy/v1",
        "PodDisruptionBudget",
        name,
        identity,
        namespace=namespace,
        spec={
            "maxUnavailable": 1,
            "selector": {"matchLabels": identity.selector()},
            # A pod that never became ready must not block the drain of its node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    )
