"""ResourceQuotas and the LimitRange of a tenant: never one without the other.

A quota alone refuses every pod that states no resources (https://github.com/kubeflow/website/issues/3535); the
LimitRange gives those defaults. GPUs are counted twice: all of them by `requests.nvidia.com/gpu`, and those of one
accelerator by a second quota scoped to the accelerator's PriorityClass, because Kubernetes names every NVIDIA GPU alike
(https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-per-priorityclass).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from bedplate.clouds.facts import FabricFacts
from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.pods import cpu_quantity, memory_quantity
from bedplate.labels import GPU_RESOURCE, Identity, accelerator_class
from bedplate.spec import Count, Cpu, Gib, PositiveCount, Spec

_DEFAULT_CPU = 0.5
_DEFAULT_MEMORY_GIB = 1
_DEFAULT_DISK_GIB = 2
_LEAST = {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}
"""What every container requests: of 0, a quota counts nothing, and a limit of 0 is none on a node."""
_FINISHED_PODS = 10
"""Pods with the finished ones, for each that may run at one time."""
_OBJECTS = 100
"""Of each kind without pods, besides ten for each pod; what a stack makes for a workload is below that."""
_WITHOUT_PODS = (
    *("configmaps", "secrets", "serviceaccounts", "services", "deployments.apps"),
    *("horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"),
)
"""What members can make besides jobs. Not their routes: a quota of a custom kind refuses it until the controller has
counted it, which it does at its next round only, up to five minutes after the kind was defined."""
_CLAIMS = "resourceclaims.resource.k8s.io", "resourceclaimtemplates.resource.k8s.io"


class QuotaSpec(Spec):
    """The most a tenant may have at one time, over all its pods."""

    cpu: Annotated[Cpu, Field(le=100_000)]
    """Cores requested by all pods together."""
    memory_gib: Gib
    """Memory of all pods together in GiB."""
    gpus: Mapping[str, Annotated[Count, Field(le=100_000)]] = Field(default_factory=dict[str, int])
    """GPUs by accelerator, such as {nvidia-l4: 4}; accelerators not named here are refused."""
    borrowed_gpus: Mapping[str, Annotated[Count, Field(le=100_000)]] = Field(default_factory=dict[str, int])
    """GPUs by accelerator that queued work may have beyond `gpus` while other tenants leave theirs idle; they are given
    back when their owner wants them. Needs `queue`."""
    storage_gib: Annotated[Gib, Field(ge=1)] = 100
    """All volumes together in GiB."""
    scratch_gib: Annotated[Gib, Field(ge=1)] = 1000
    """Disk of nodes that all pods take together, for scratch space and logs, in GiB."""
    pods: Annotated[PositiveCount, Field(le=10_000)] = 200
    """Pods that have not finished; with finished ones that nobody removed yet, ten times as many."""
    jobs: Annotated[PositiveCount, Field(le=10_000)] = 1000
    """Runs of jobs, finished ones that nobody removed yet included: runs a day times the days that each is kept."""
    claims: Annotated[PositiveCount, Field(le=10_000)] = 100
    """Volumes by number."""

    @property
    def most_gpus(self) -> Mapping[str, int]:
        """GPUs by accelerator, borrowed ones included: what the API server lets the tenant's pods have."""
        names = sorted({*self.gpus, *self.borrowed_gpus})
        return {name: self.gpus.get(name, 0) + self.borrowed_gpus.get(name, 0) for name in names}


def resource_quotas(
    namespace: str,
    identity: Identity,
    spec: QuotaSpec,
    accelerators: Sequence[str],
    fabrics: Mapping[str, FabricFacts] | None = None,
) -> list[Manifest]:
    """The tenant's quotas by name: `tenant`, one an accelerator granted, `other-accelerators` and `other-namespaces`
    with none.

    Whatever members can make is counted in `tenant`. Devices by claims (DRA) are none: a claim is charged what it might
    take at the most, and a template of claims nothing
    (https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-for-extended-resources).
    accelerators: every accelerator of the cluster's pools. fabrics: cards by accelerator, of which a tenant has as many
    as its GPUs fill machines.
    """
    memory, scratch = memory_quantity(spec.memory_gib), memory_quantity(spec.scratch_gib)
    total = {
        "requests.cpu": cpu_quantity(spec.cpu),
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": memory_quantity(spec.storage_gib),
        f"requests.{GPU_RESOURCE}": str(sum(spec.most_gpus.values())),
        **_cards(spec.most_gpus, fabrics or {}),
        "requests.ephemeral-storage": scratch,
        "limits.ephemeral-storage": scratch,
        "pods": str(spec.pods),
        "count/pods": str(spec.pods * _FINISHED_PODS),
        "count/jobs.batch": str(spec.jobs),
        "persistentvolumeclaims": str(spec.claims),
        **{f"count/{kind}": "0" for kind in _CLAIMS},
        **{f"count/{kind}": str(spec.pods * _FINISHED_PODS + _OBJECTS) for kind in _WITHOUT_PODS},
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    quotas = [_quota("tenant", namespace, identity, total), _no_pods_by_other_namespaces(namespace, identity)]
    granted = {accelerator: count for accelerator, count in spec.most_gpus.items() if count > 0}
    for accelerator, count in sorted(granted.items()):
        quotas.append(_quota(accelerator, namespace, identity, {f"requests.{GPU_RESOURCE}": str(count)}, [accelerator]))
    if granted and (others := sorted(set(accelerators) - set(granted))):
        quotas.append(_quota("other-accelerators", namespace, identity, {f"requests.{GPU_RESOURCE}": "0"}, others))
    return quotas


def _cards(gpus: Mapping[str, int], fabrics: Mapping[str, FabricFacts]) -> dict[str, str]:
    """Extended resources are counted by what is requested, which is what is limited."""
    cards: dict[str, int] = {}
    for accelerator, fabric in fabrics.items():
        machines = gpus.get(accelerator, 0) // fabric.gpus
        cards[fabric.resource] = cards.get(fabric.resource, 0) + machines * fabric.cards
    return {f"requests.{resource}": str(count) for resource, count in sorted(cards.items())}


def _quota(name: str, namespace: str, identity: Identity, hard: Manifest, accelerators: Sequence[str] = ()) -> Manifest:
    spec: Manifest = {"hard": hard}
    if accelerators:
        classes = [accelerator_class(accelerator) for accelerator in accelerators]
        selector = {"scopeName": "PriorityClass", "operator": "In", "values": classes}
        spec["scopeSelector"] = {"matchExpressions": [selector]}
    return manifest("v1", "ResourceQuota", name, identity, namespace=namespace, spec=spec)


def _no_pods_by_other_namespaces(namespace: str, identity: Identity) -> Manifest:
    """No pod chooses its node by pods of other namespaces: one that keeps away from them keeps them away as well.

    https://kubernetes.io/docs/concepts/policy/resource-quotas/#cross-namespace-pod-affinity-scope
    """
    scope = {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}
    spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [scope]}}
    return manifest("v1", "ResourceQuota", "other-namespaces", identity, namespace=namespace, spec=spec)


def limit_range(
    namespace: str, identity: Identity, max_cpu: float, max_memory_gib: float, max_disk_gib: float
) -> Manifest:
    """Defaults for containers that state nothing, and the largest and the smallest container there may be.

    The default CPU limit is the largest: below it, a container that states its request alone would be refused
    (https://github.com/kubernetes/kubernetes/issues/51430). Spare cores are shared in proportion to requests, which the
    quota counts (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run).
    """
    default = {"memory": memory_quantity(_DEFAULT_MEMORY_GIB), "ephemeral-storage": memory_quantity(_DEFAULT_DISK_GIB)}
    largest_cpu = cpu_quantity(max_cpu * 2)
    container = {
        "type": "Container",
        "defaultRequest": {"cpu": cpu_quantity(_DEFAULT_CPU), **default},
        "default": {"cpu": largest_cpu, **default},
        "min": _LEAST,
        "max": {
            "cpu": largest_cpu,
            "memory": memory_quantity(max_memory_gib),
            "ephemeral-storage": memory_quantity(max_disk_gib),
        },
    }
    return manifest("v1", "LimitRange", "defaults", identity, namespace=namespace, spec={"limits": [container]})
