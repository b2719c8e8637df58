"""What every cloud's section of the stack file has, and what a workload may be granted in a cloud.

Owns the specs that the clouds share, as plain data without Pulumi; the component behind them is
`bedplate.clouds.cluster`'s. It deliberately holds no condition on which cloud it is.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bedplate.clouds.allocatable import EVICTION_DISK_SHARE, EVICTION_MIB, PODS_BY_DEFAULT, Allocatable
from bedplate.clouds.catalogue import ACCELERATORS, MachineShape
from bedplate.clouds.facts import FabricFacts, TenantSecretsFacts
from bedplate.clouds.namespaces import namespaces_of_others
from bedplate.clouds.prices import ListPrices
from bedplate.clouds.sharing import SharingSpec, offered_name, parts_of_one, refuse_unknown_profile
from bedplate.labels import GPU_TAINT, SYSTEM_POOL, SYSTEM_TAINT
from bedplate.spec import (
    Count,
    Cpu,
    Gib,
    KubernetesVersion,
    PositiveCount,
    Spec,
    StrictBool,
    matching,
    mistake,
    not_below_min,
)

if TYPE_CHECKING:
    from bedplate.clouds.cluster import ClusterImplementation

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


MachineType = Annotated[
    str,
    Field(max_length=63),
    matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]*",
        "must be the cloud's own name of a machine: letters, digits, '.', '_' and '-'",
        "write it like 'p5.48xlarge', 'a3-highgpu-8g' or 'Standard_NC24ads_A100_v4'",
        lambda value: value.strip(),
    ),
]


class NodePoolSpec(Spec):
    """Machines of one kind."""

    machine: MachineSpec | None = None
    """Size of one machine: what it has on an existing cluster, the least it must have where the platform chooses it."""
    machine_type: MachineType | None = None
    """The cloud's own name of the machine, where none of the catalogue will do."""
    accelerator: Annotated[str, AfterValidator(_known_accelerator)] | None = None
    """GPU of these machines, such as nvidia-l4; none for a CPU pool."""
    count: PositiveCount | None = Field(default=None, validate_default=True)
    """GPUs of one machine; needed with `accelerator`."""
    sharing: SharingSpec | None = None
    """How each GPU is made into several, if it is. Each part is an accelerator of its own name: nvidia-h100-1g.10gb."""
    min: Annotated[Count, Field(le=1000)] = 0
    """Fewest machines."""
    max: Annotated[PositiveCount, Field(le=1000)]
    """Most machines."""
    spot: StrictBool = False
    """Whether machines are cheaper and may be taken away at short notice."""
    interconnect: StrictBool = False
    """Whether the GPUs of many machines are joined by the cloud's fastest network, side by side in one zone."""
    reservation: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Capacity that is reserved for these machines, by the cloud's name or id of it."""
    local_disks: StrictBool = False
    """Whether the machines' own disks are joined into one for images and scratch space; lost with the machine."""
    disk_gib: Annotated[Gib, Field(ge=20, le=16_384)] = 100
    """Disk of one machine in GiB, for images and scratch space; encrypted."""

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

    @field_validator("sharing")
    @classmethod
    def _of_this_gpu(cls, sharing: SharingSpec | None, info: ValidationInfo) -> SharingSpec | None:
        if sharing is None or "accelerator" not in info.data:
            return sharing
        if info.data["accelerator"] is None:
            raise mistake("there is no GPU to share", "add `accelerator:` and `count:`, or remove `sharing`")
        refuse_unknown_profile(info.data["accelerator"], sharing)
        return sharing

    _not_below_min = field_validator("max")(not_below_min)

    @property
    def offers(self) -> str | None:
        """What pods ask for: the accelerator, or a part of it by its own name; None of a CPU pool."""
        return offered_name(self.accelerator, self.sharing) if self.accelerator else None

    def gpus_offered(self, gpus: int) -> int:
        """What a node with so many GPUs offers pods as `nvidia.com/gpu`."""
        return gpus * parts_of_one(self.accelerator, self.sharing) if self.accelerator else gpus


def _supported(version: str) -> str:
    if version not in SUPPORTED_KUBERNETES_VERSIONS:
        raise mistake(
            "this version of Kubernetes is not supported; written is what the cluster runs, as `kubectl version` says",
            "upgrade the cluster to one of these, one minor after the other, then write it here",
            # No list: of a list the nearest would be suggested, and it is no word to correct.
            allowed=f"{SUPPORTED_KUBERNETES_VERSIONS[0]} to {SUPPORTED_KUBERNETES_VERSIONS[-1]}",
        )
    return version


@dataclass(frozen=True, kw_only=True)
class ImagesPlace:
    """What references begin with, without '/' at the end. images: whose tags never move, where the cloud can see to
    it; caches: of layers, whose tags do."""

    images: str
    caches: str


class ClusterSpec(Spec):
    """What every cloud's section of the stack file has, and what the rest of the platform asks it."""

    owns_cluster: ClassVar[bool]
    """Whether the platform creates the cluster."""

    kubernetes_version: Annotated[KubernetesVersion, AfterValidator(_supported)]
    """Minor version of the cluster, quoted: "1.35". Pod Security levels are pinned to it."""

    @abstractmethod
    def implementation(self) -> "ClusterImplementation":
        """The component that makes the cluster; the one place where a cloud's SDK is imported."""

    @abstractmethod
    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """The machine of a pool; raises a `mistake` where there is none."""

    def allocatable(self, pool: NodePoolSpec) -> Allocatable:
        """What one node of a pool offers pods; raises a `mistake` where it has no machine."""
        shape = self.shape_of(pool)
        disk = shape.local_disk_gib if pool.local_disks else pool.disk_gib
        cpu, memory_mib, disk_gib = self.set_aside(shape, disk)
        return Allocatable(
            cpu=shape.cpu - cpu,
            memory_gib=shape.memory_gib - (memory_mib + EVICTION_MIB) / 1024,
            disk_gib=disk * (1 - EVICTION_DISK_SHARE) - disk_gib,
            pods=PODS_BY_DEFAULT,
            gpus=pool.gpus_offered(shape.gpus),
        )

    def set_aside(self, shape: MachineShape, disk_gib: float) -> tuple[float, float, float]:
        """Cores, MiB of memory and GiB of disk that each node keeps for the system; nothing where it is not known."""
        return 0.0, 0.0, 0.0

    def reserves_system_pool(self, pools: Mapping[str, NodePoolSpec]) -> bool:
        """Whether the pool `system` is the platform's alone: where another pool takes pods without GPUs."""
        return SYSTEM_POOL in pools and any(
            name != SYSTEM_POOL and pool.accelerator is None for name, pool in pools.items()
        )

    def taints_of(self, name: str, pools: Mapping[str, NodePoolSpec]) -> list[Mapping[str, str]]:
        """The taints of a pool's nodes: key, value, effect."""
        if name == SYSTEM_POOL and self.reserves_system_pool(pools):
            return [SYSTEM_TAINT]
        return [GPU_TAINT] if pools[name].accelerator else []

    def driver_of_gpus(self) -> int | None:
        """Branch of NVIDIA's driver on nodes with GPUs, such as 580; None where it is not known."""
        return None

    def fabrics(self, pools: Mapping[str, NodePoolSpec]) -> Mapping[str, FabricFacts]:
        """Cards for traffic between GPUs that pods may ask for, by accelerator, of pools that have machines."""
        return {}

    def secret_stores(self) -> Mapping[str, TenantSecretsFacts]:
        """Stores of external secrets that the stack below has given tenants, by tenant."""
        return {}

    def bucket_form(self) -> tuple[re.Pattern[str], str]:
        """What the cloud's names of buckets look like, and an example; asked where the platform owns the cluster."""
        raise NotImplementedError

    def secret_form(self) -> tuple[re.Pattern[str], str]:
        """What the names of the cloud's secrets look like behind their prefix, and an example; asked where the platform
        owns the cluster."""
        raise NotImplementedError

    def refuse_sharing(self, pool: NodePoolSpec) -> None:
        """Raises a `mistake` where nobody makes the pool's GPUs into several."""

    def refuse_pools(self, pools: Mapping[str, NodePoolSpec]) -> None:
        """Raises a `mistake` where the pools together are not what the cloud needs."""

    def most_nodes(self) -> int | None:
        """Nodes that the network has addresses for; None where the network is somebody else's."""
        return None

    def config_secrets(self) -> Mapping[str, str]:
        """Names of config secrets by the key that holds them."""
        return {}

    def out_of_reach_here(self) -> list[str]:
        """Why an update from this machine cannot reach the cluster, where that is known before anybody is asked."""
        return []

    def storage_classes_there(self) -> Mapping[str, str]:
        """StorageClasses that the cluster brings, with their reclaim policies."""
        return {}

    def namespaces_of_others(self) -> Sequence[str]:
        """Namespaces that other software may have in such a cluster; '*' at the end stands for any."""
        return namespaces_of_others(None)

    def owns_dns_zone(self) -> bool:
        """Whether the platform has a public zone of its domain, in which cert-manager solves challenges."""
        return False

    def has_registry(self) -> bool:
        """Whether there is a registry of images that comes with the cluster."""
        return self.owns_cluster

    @property
    def registry_address(self) -> str | None:
        """What references of images begin with in the registry that comes with the cluster, if there is one."""
        return None

    def images_place(self, tenant: str) -> ImagesPlace | None:
        """Where builds of a tenant push that act as an identity of the cloud; None where the cloud is not known."""
        return None

    def publishes_service_account_keys(self) -> bool:
        """Whether anybody can check the tokens of the cluster's ServiceAccounts."""
        return False

    def list_prices(self) -> ListPrices | None:
        """What machines cost by the cloud's list; None where nobody here knows whose they are."""
        return None

    def folder_scheme(self) -> str:
        """How the address of a folder in the cloud's object store begins; '' where nobody here knows whose it is."""
        return ""

    def measures_pods(self) -> bool:
        """Whether somebody measures what pods use, for autoscalers and `kubectl top`, as far as is known."""
        return True

    def shares_volumes(self) -> bool:
        """Whether pods of many nodes can mount one volume, as far as is known."""
        return True


@dataclass(frozen=True, kw_only=True)
class BucketGrant:
    """Objects of a bucket, all or those below a prefix such as 'models/'."""

    bucket: str
    access: Literal["read", "write"]
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class SecretsGrant:
    """Reading those of the cloud's secrets whose names begin with the prefix, such as 'vision/'."""

    prefix: str


@dataclass(frozen=True, kw_only=True)
class ImagesGrant:
    """Pulling what belongs at the place of a tenant's images (`ClusterSpec.images_place`), or pushing it too; deleting
    nothing."""

    tenant: str
    access: Literal["pull", "push"] = "push"


Grant = BucketGrant | SecretsGrant | ImagesGrant
