"""What the rest of the platform knows of a cluster: a Kubernetes provider and facts.

Owns the contract that every cloud implements. It deliberately holds no condition on which cloud it is: what differs in
degree is a fact (`ClusterFacts`), what differs in kind will be a method with one implementation a cloud.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Self

import pulumi
import pulumi_kubernetes as kubernetes
from pydantic import Field, model_validator

from bedplate.clouds.catalogue import ACCELERATORS
from bedplate.spec import Count, Cpu, Gib, KubernetesVersion, PositiveCount, Spec

SUPPORTED_KUBERNETES_VERSIONS = ("1.34", "1.35", "1.36")
"""The minors the platform's guardrails and quotas are written for; rehearsals run 1.35."""


class MachineSpec(Spec):
    """The size of one machine of a pool."""

    cpu: Cpu
    """Cores of one machine."""
    memory_gib: Gib
    """Memory of one machine in GiB."""


class NodePoolSpec(Spec):
    """Machines of one kind."""

    machine: MachineSpec
    """Size of one machine."""
    accelerator: str | None = None
    """GPU of these machines, such as nvidia-l4; none for a CPU pool."""
    count: PositiveCount | None = None
    """GPUs of one machine; needed with `accelerator`."""
    min: Count = 0
    """Fewest machines."""
    max: Annotated[PositiveCount, Field(le=1000)]
    """Most machines."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is larger than max ({self.max}); raise max or lower min")
        if (self.accelerator is None) != (self.count is None):
            raise ValueError("accelerator and count go together; give both for a GPU pool, neither for a CPU pool")
        if self.accelerator is not None and self.accelerator not in ACCELERATORS:
            raise ValueError(f"unknown accelerator '{self.accelerator}'; known are: {', '.join(ACCELERATORS)}")
        if self.accelerator is not None and self.count not in ACCELERATORS[self.accelerator].counts:
            counts = ", ".join(str(count) for count in ACCELERATORS[self.accelerator].counts)
            raise ValueError(f"no machine carries {self.count} × {self.accelerator}; counts there are: {counts}")
        return self


class ClusterSpec(Spec):
    """What every cloud's section of the stack file has."""

    kubernetes_version: KubernetesVersion
    """Minor version of the cluster, quoted: "1.35". Pod Security levels are pinned to it."""

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if self.kubernetes_version not in SUPPORTED_KUBERNETES_VERSIONS:
            supported = ", ".join(SUPPORTED_KUBERNETES_VERSIONS)
            raise ValueError(f"Kubernetes {self.kubernetes_version} is not supported; supported are: {supported}")
        return self


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
