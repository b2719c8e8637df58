"""ResourceQuotas and the LimitRange of a tenant: never one without the other.

A quota alone refuses every pod that states no resources (https://github.com/kubeflow/website/issues/3535); the
LimitRange gives those defaults. GPUs are counted twice: all of them by `requests.nvidia.com/gpu`, and those of one
accelerator by a second quota scoped to the accelerator's PriorityClass, because Kubernetes names every NVIDIA GPU alike
(https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-per-priorityclass).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.pods import cpu_quantity, memory_quantity
from bedplate.labels import GPU_RESOURCE, Identity, accelerator_class
from bedplate.spec import Count, Cpu, Gib, PositiveCount, Spec

_DEFAULT_CPU = 0.5
_DEFAULT_MEMORY_GIB = 1


class QuotaSpec(Spec):
    """The most a tenant may have at one time, over all its pods."""

    cpu: Annotated[Cpu, Field(le=100_000)]
    """Cores requested by all pods together."""
    memory_gib: Gib
    """Memory of all pods together in GiB."""
    gpus: Mapping[str, Annotated[Count, Field(le=100_000)]] = Field(default_factory=dict[str, int])
    """GPUs by accelerator, such as {nvidia-l4: 4}; accelerators not named here are refused."""
    storage_gib: Annotated[Gib, Field(ge=1)] = 100
    """All volumes together in GiB."""
    pods: Annotated[PositiveCount, Field(le=100_000)] = 200
    """Pods, finished ones not counted."""


def resource_quotas(namespace: str, identity: Identity, spec: QuotaSpec, accelerators: Sequence[str]) -> list[Manifest]:
    """The tenant's quotas by name: `tenant`, one an accelerator granted, and `other-accelerators` with none.

    accelerators: every accelerator of the cluster's pools.
    """
    memory = memory_quantity(spec.memory_gib)
    total = {
        "requests.cpu": cpu_quantity(spec.cpu),
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": memory_quantity(spec.storage_gib),
        f"requests.{GPU_RESOURCE}": str(sum(spec.gpus.values())),
        "pods": str(spec.pods),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    quotas = [_quota("tenant", namespace, identity, total)]
    granted = {accelerator: count for accelerator, count in spec.gpus.items() if count > 0}
    for accelerator, count in sorted(granted.items()):
        quotas.append(_quota(accelerator, namespace, identity, {f"requests.{GPU_RESOURCE}": str(count)}, [accelerator]))
    if granted and (others := sorted(set(accelerators) - set(granted))):
        quotas.append(_quota("other-accelerators", namespace, identity, {f"requests.{GPU_RESOURCE}": "0"}, others))
    return quotas


def _quota(name: str, namespace: str, identity: Identity, hard: Manifest, accelerators: Sequence[str] = ()) -> Manifest:
    spec: Manifest = {"hard": hard}
    if accelerators:
        classes = [accelerator_class(accelerator) for accelerator in accelerators]
        selector = {"scopeName": "PriorityClass", "operator": "In", "values": classes}
        spec["scopeSelector"] = {"matchExpressions": [selector]}
    return manifest("v1", "ResourceQuota", name, identity, namespace=namespace, spec=spec)


def limit_range(namespace: str, identity: Identity, max_cpu: float, max_memory_gib: float) -> Manifest:
    """Defaults for containers that state nothing, and the largest container and claim there may be."""
    memory = memory_quantity(_DEFAULT_MEMORY_GIB)
    container = {
        "type": "Container",
        "defaultRequest": {"cpu": cpu_quantity(_DEFAULT_CPU), "memory": memory},
        "default": {"cpu": cpu_quantity(_DEFAULT_CPU * 2), "memory": memory},
        "max": {"cpu": cpu_quantity(max_cpu * 2), "memory": memory_quantity(max_memory_gib)},
    }
    return manifest("v1", "LimitRange", "defaults", identity, namespace=namespace, spec={"limits": [container]})
