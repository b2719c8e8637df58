"""What the rest of the platform knows of a cluster: a Kubernetes provider and facts.

Owns the contract that every cloud implements. It deliberately holds no condition on which cloud it is: what differs in
degree is a fact (`ClusterFacts`), what differs in kind will be a method with one implementation a cloud.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pulumi
import pulumi_kubernetes as kubernetes
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bedplate.clouds.catalogue import ACCELERATORS
from bedplate.spec import Count, Cpu, Gib, KubernetesVersion, PositiveCount, Spec, mistake

SUPPORTED_KUBERNETES_VERSIONS = ("1.34", "1.35", "1.36")
"""The minors the platform's guardrails and quotas are written for; rehearsals run 1.35."""


class MachineSpec(Spec):
    """The size of one machine of a pool."""

    cpu: Cpu
    """Cores of one machine."""
    memory_gib: Gib
    """Memory of one machine in GiB."""


def _known_accelerator(value: str) -> str:
    if value not in ACCELERATORS:
        raise mistake("unknown accelerator", "write one of these names", allowed=", ".join(ACCELERATORS))
    return value


class NodePoolSpec(Spec):
    """Machines of one kind."""

    machine: MachineSpec
    """Size of one machine."""
    accelerator: Annotated[str, AfterValidator(_known_accelerator)] | None = None
    """GPU of these machines, such as nvidia-l4; none for a CPU pool."""
    count: PositiveCount | None = Field(default=None, validate_default=True)
    """GPUs of one machine; needed with `accelerator`."""
    min: Annotated[Count, Field(le=1000)] = 0
    """Fewest machines."""
    max: Annotated[PositiveCount, Field(le=1000)]
    """Most machines."""

    @field_validator("count")
    @classmethod
    def _as_machines_are_built(cls, count: int | None, info: ValidationInfo) -> int | None:
        if "accelerator" not in info.data:
            return count
        accelerator: str | None = info.data["accelerator"]
        if accelerator is None:
            if count is not None:
                raise mistake("GPUs without an accelerator", "add `accelerator:`, or remove `count` for a CPU pool")
            return None
        counts = ACCELERATORS[accelerator].counts
        allowed = ", ".join(str(number) for number in counts)
        if count is None:
            raise mistake(f"required with `accelerator: {accelerator}`", f"add `count: {counts[0]}`", allowed=allowed)
        if count not in counts:
            raise mistake(f"no machine has this many {accelerator}", "write the GPUs of one machine", allowed=allowed)
        return count

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, most: int, info: ValidationInfo) -> int:
        if (fewest := info.data.get("min", 0)) > most:
            raise mistake(f"max is smaller than min ({fewest})", "raise max or lower min")
        return most


def _supported(version: str) -> str:
    if version not in SUPPORTED_KUBERNETES_VERSIONS:
        supported = ", ".join(SUPPORTED_KUBERNETES_VERSIONS)
        raise mistake(
            "this version of Kubernetes is not supported", "run the cluster on one of these", allowed=supported
        )
    return version


class ClusterSpec(Spec):
    """What every cloud's section of the stack file has."""

    kubernetes_version: Annotated[KubernetesVersion, AfterValidator(_supported)]
    """Minor version of the cluster, quoted: "1.35". Pod Security levels are pinned to it."""


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """What the cluster implies for everything above it; plain data.

    kubernetes_version: minor, '1.35'. deleted_storage_class, retained_storage_class: StorageClass whose disks go, or
    stay, when their claim is deleted.
    """

    kubernetes_version: str
    deleted_storage_class: str
    retained_storage_class: str


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """secret: resolves the name of a config secret to its value."""

    spec: "ClusterSpec"
    secret: Callable[[str], pulumi.Output[str]]


class Cluster(pulumi.ComponentResource):
    """The contract. Each implementation sets both outputs in its constructor."""

    kubernetes_provider: kubernetes.Provider
    """The one configured way to the cluster's API; everything above takes it from its parent."""
    facts: ClusterFacts
    """What the rest of the platform may know about the cluster."""


def kubernetes_provider(
    name: str,
    cluster_identifier: str,
    *,
    opts: pulumi.ResourceOptions,
    kubeconfig: pulumi.Input[str] | None = None,
    context: str | None = None,
) -> kubernetes.Provider:
    """The Kubernetes provider as every cloud configures it.

    `cluster_identifier` alone decides whether the provider, and with it every object, is replaced: a rotated
    certificate or a new API address must never do that. ConfigMaps and Secrets change in place (pods roll by a hash
    annotation), and existing objects are never adopted: creation of an object that exists is an error
    (https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/).
    """
    return kubernetes.Provider(
        name,
        cluster_identifier=cluster_identifier,
        kubeconfig=kubeconfig,
        context=context,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=200, burst=400),
        opts=opts,
    )
