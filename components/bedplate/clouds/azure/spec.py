"""What the stack file says of a cluster on Azure, as data: no cloud SDK is imported here.

Owns the keys that only Azure has, the address plan and the names that follow from them. It deliberately looks nothing
up: subscription, directory and zones are written down, so that a preview needs no credentials and means the same
everywhere. Names that Azure shares among all its customers end in digits made of subscription, region and name.
"""

import ipaddress
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.clouds.allocatable import stepped
from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import ImagesPlace, NodePoolSpec
from bedplate.clouds.managed import PODS_OF_A_NODE, AccessSpec, ManagedClusterSpec, NetworkSpec, refuse_large_tags
from bedplate.clouds.networks import PrivateNetwork
from bedplate.clouds.sharing import refuse_partitions_but
from bedplate.errors import MissingExtraError
from bedplate.labels import DOMAIN
from bedplate.spec import GUID, Guid, Spec, matching, mistake, repeated

if TYPE_CHECKING:
    from bedplate.clouds.cluster import ClusterImplementation

_RESERVED_ADDRESSES = 5
"""Of each subnet: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq."""
_CPU_STEPS = ((1, 0.06), (1, 0.04), (2, 0.02), (float("inf"), 0.01))
"""Share of the first core, the second, the next two and all others that is set aside: see `set_aside`."""
_POD_PREFIX = 24
"""Each node gets a /24 of the pods' addresses, whatever it runs: https://learn.microsoft.com/azure/aks/concepts-network-azure-cni-overlay."""
MOST_NODES = 5000
"""Of one cluster: https://learn.microsoft.com/azure/aks/quotas-skus-regions."""
SYSTEM_POOL = "system"
_SYSTEM_NODES, _SYSTEM_CPU = 2, 4
_MOST_OS_DISK_GIB = 2048
"""Of a node: https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update (osDiskSizeGB)."""
_RESERVATION = (
    rf"/subscriptions/{GUID}/resourceGroups/[^/]+/providers/Microsoft\.Compute/capacityReservationGroups/[^/]+"
)

_Region = Annotated[
    str,
    matching(
        r"(?!china|usgov|usdod)[a-z]+[0-9]?",
        "must be the short name of a region of Azure's public cloud; China and the US government are not supported",
        "write it like 'germanywestcentral'",
    ),
]


_CUT_GPUS = {
    "nvidia-a100-40gb": ("1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    "nvidia-a100-80gb": ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
}


class AzureAccessSpec(AccessSpec):
    """Who reaches the API server, and which groups administer the cluster."""

    admins: Annotated[tuple[Guid, ...], Field(min_length=1)]
    """Object ids of the Entra groups that administer the cluster; whoever runs Pulumi must be in one."""


class AddressPlan(Spec):
    """The subnets of a virtual network: half of it to nodes, the rest to private endpoints and the API server."""

    nodes: str
    endpoints: str
    api_server: str

    @classmethod
    def of(cls, network: NetworkSpec) -> "AddressPlan":
        """The plan of a network; subnets span all zones, so zones do not change it."""
        nodes, rest = ipaddress.IPv4Network(network.cidr).subnets(prefixlen_diff=1)
        endpoints, last = rest.subnets(prefixlen_diff=1)
        # https://learn.microsoft.com/azure/aks/api-server-vnet-integration: a /28 or larger of its own.
        api_server = next(last.subnets(new_prefix=28))
        return cls.model_construct(nodes=str(nodes), endpoints=str(endpoints), api_server=str(api_server))


class AzureNetworkSpec(NetworkSpec):
    """The virtual network's address plan, and that of the pods, who are not in it."""

    pod_cidr: PrivateNetwork = Field(default="10.244.0.0/16", validate_default=True)
    """Addresses of pods, which exist inside the cluster only; each node takes a /24."""

    @field_validator("cidr")
    @classmethod
    def _as_the_plan_needs(cls, cidr: str) -> str:
        if not 8 <= ipaddress.IPv4Network(cidr).prefixlen <= 24:
            raise mistake(
                "a virtual network of this size cannot be divided", "write one like '10.20.0.0/16'", allowed="/8 to /24"
            )
        return cidr

    @field_validator("service_cidr")
    @classmethod
    def _as_aks_takes(cls, services: str) -> str:
        if ipaddress.IPv4Network(services).prefixlen < 12:
            raise mistake("AKS takes at most a /12 for services", "write one like '172.20.0.0/16'")
        return services

    @field_validator("pod_cidr")
    @classmethod
    def _beside_all_others(cls, pods: str, info: ValidationInfo) -> str:
        own = ipaddress.IPv4Network(pods)
        if own.prefixlen > _POD_PREFIX:
            raise mistake("each node takes a /24 of the pods' addresses", "write one like '10.244.0.0/16'")
        connected: tuple[str, ...] = info.data.get("connected_networks", ())
        for other in (info.data.get("cidr"), info.data.get("service_cidr"), *connected):
            if other and own.overlaps(ipaddress.IPv4Network(other)):
                raise mistake(f"overlaps with {other}", "choose networks that do not overlap")
        return pods

    def own_networks(self) -> tuple[str, ...]:
        """Pods have addresses of their own."""
        return (*super().own_networks(), self.pod_cidr)


class AzureClusterSpec(ManagedClusterSpec):
    """A cluster of Azure Kubernetes Service in a virtual network of its own."""

    cloud: ClassVar[str] = "azure"

    provider: Literal["azure"]
    """Which cloud: `azure` creates an AKS cluster."""
    subscription_id: Guid
    """Subscription that everything is created in."""
    directory_id: Guid
    """Entra directory (tenant) that people and identities belong to."""
    region: _Region
    """Region, such as germanywestcentral; one with availability zones."""
    network: AzureNetworkSpec  # pyright: ignore[reportIncompatibleVariableOverride] - specs are frozen
    """Addresses and zones."""
    availability_zones: tuple[Literal["1", "2", "3"], ...] = Field(default=(), validate_default=True)
    """Zones by number, as many as `network.zones`; the first ones where nothing is written."""
    access: AzureAccessSpec  # pyright: ignore[reportIncompatibleVariableOverride]
    """Who reaches and administers the cluster."""

    @field_validator("name")
    @classmethod
    def _as_vaults_are_named(cls, name: str) -> str:
        if not name[0].isalpha() or "--" in name:
            raise mistake(
                "names of key vaults follow from it: they begin with a letter and have no two hyphens in a row",
                "write it like 'acme-ml'",
            )
        return name

    @field_validator("availability_zones")
    @classmethod
    def _as_many_as_the_network_has(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        network = info.data.get("network")
        if network is None:
            return zones
        zones = zones or tuple("123"[: network.zones])
        if len(set(zones)) != len(zones) or len(zones) != network.zones:
            raise mistake(f"must be {network.zones} different zones", "write them like ['1', '2'], or remove the key")
        return zones

    @field_validator("tags")
    @classmethod
    def _as_azure_takes(cls, tags: Mapping[str, str]) -> Mapping[str, str]:
        wrong = [key for key in tags if re.search(r"[<>%&\\?/\x00-\x1f\x7f]", key)]
        if wrong:
            raise mistake(
                f"the name of the tag '{wrong[0]}' holds one of <>%&\\?/ or a control character",
                "write it with hyphens",
            )
        refuse_large_tags(tags)
        if taken := [key for key in tags if key.lower().startswith(("azure", "microsoft", "windows"))]:
            raise mistake(f"the tag '{taken[0]}' begins with a name of Azure's own", "give it another name")
        if twins := repeated(key.lower() for key in tags):
            twin = next(iter(twins.values()))
            raise mistake(f"'{twin}' stands twice: to Azure, large letters are small ones", "remove one")
        return tags

    def _digits(self, length: int, more: str = "") -> str:
        return sha256(f"{self.subscription_id}/{self.region}/{self.name}{more}".encode()).hexdigest()[:length]

    @property
    def _letters(self) -> str:
        return self.name.replace("-", "")

    @property
    def resource_group(self) -> str:
        """Name of the group that holds everything but the nodes."""
        return self.name

    @property
    def resource_group_id(self) -> str:
        """Id of that group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"

    def id_of(self, kind: str, name: str) -> str:
        """Id of a resource of the group, known before it exists. kind: such as 'Microsoft.Network/natGateways'."""
        return f"{self.resource_group_id}/providers/{kind}/{name}"

    @property
    def cluster_id(self) -> str:
        """Id of the cluster."""
        return self.id_of("Microsoft.ContainerService/managedClusters", self.name)

    @property
    def resource_tags(self) -> dict[str, str]:
        """Tags of every resource; names of tags hold no slash."""
        return {**self.tags, f"{DOMAIN}-platform": self.name}

    @property
    def dns_service_ip(self) -> str:
        """Address of the cluster's own DNS, the tenth of the services'."""
        return str(ipaddress.IPv4Network(self.network.service_cidr)[10])

    def storage_account(self, purpose: str) -> str:
        """Name of a storage account: at most 24 letters and digits, unique among all customers."""
        return f"{self._letters[: 24 - 8 - len(purpose)]}{purpose}{self._digits(8)}"

    def bucket_form(self) -> tuple[re.Pattern[str], str]:
        """A storage account of the cluster's resource group, and its container: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata."""
        return re.compile(r"[a-z0-9]{3,24}/[a-z0-9](-?[a-z0-9]){2,62}"), "nordwindml/parcels"

    def secret_form(self) -> tuple[re.Pattern[str], str]:
        """Key Vault's: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning."""
        return re.compile(r"[A-Za-z0-9-]{1,127}"), "database-reader"

    def bucket(self, purpose: str) -> str:
        """Name of a bucket: a storage account and its container."""
        return f"{self.storage_account(purpose)}/{purpose}"

    def vault(self, purpose: str) -> str:
        """Name of a key vault: at most 24 letters, digits and hyphens, unique among all customers."""
        return f"{self.name[:13].rstrip('-')}-{self._digits(10, f'/{purpose}')}"

    @property
    def registry(self) -> str:
        """Name of the registry, and beginning of our roles' titles: letters and digits, unique among all customers."""
        return f"{self._letters}{self._digits(8)}"

    @property
    def registry_address(self) -> str:
        """What an image's reference begins with."""
        return f"{self.registry}.azurecr.io/images"

    def tenant_registry(self, tenant: str) -> str:
        """Name of a tenant's own registry: at most 50 letters and digits, unique among all customers."""
        letters = f"{self._letters}{tenant.replace('-', '')}"[:42]
        return f"{letters}{self._digits(8, f'/registry/{tenant}')}"

    def images_place(self, tenant: str) -> ImagesPlace:
        """A registry of its own, in which no tag is immovable."""
        place = f"{self.tenant_registry(tenant)}.azurecr.io/images"
        return ImagesPlace(images=place, caches=place)

    def implementation(self) -> "ClusterImplementation":
        """The AKS cluster; imports pulumi_azure_native. Raises MissingExtraError."""
        try:
            from bedplate.clouds.azure.azure_cluster import AzureCluster
        except ModuleNotFoundError as error:
            raise MissingExtraError(error, "bedplate[azure]") from error

        return AzureCluster

    def set_aside(self, shape: MachineShape, disk_gib: float) -> tuple[float, float, float]:
        """https://learn.microsoft.com/azure/aks/node-resource-reservations, of AKS 1.29 and later.

        CPU is a table there, of 60 to 740 millicores for 1 to 64 cores, whose points all lie on these steps; memory is
        20 MB a pod and 50 MB, a quarter of the machine at most.
        """
        memory = min((20 * PODS_OF_A_NODE + 50) * 1e6 / 2**20, 1024 * shape.memory_gib / 4)
        return stepped(shape.cpu, _CPU_STEPS), memory, 0.0

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """The machine of a pool; refuses what AKS does not give its nodes."""
        if pool.spot:
            # https://learn.microsoft.com/azure/aks/spot-node-pool: the taint cannot be removed.
            raise mistake(
                "AKS taints spot machines by kubernetes.azure.com/scalesetpriority=spot, which no workload tolerates, "
                "so they would stay empty",
                "remove `spot`",
            )
        if pool.reservation and not re.fullmatch(_RESERVATION, pool.reservation):
            raise mistake(
                "a reservation is named by the id of its capacity reservation group",
                "write /subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/capacityReservationGroups/…",
            )
        shape = super().shape_of(pool)
        largest = min(shape.local_disk_gib, _MOST_OS_DISK_GIB) if pool.local_disks else _MOST_OS_DISK_GIB
        if pool.disk_gib > largest:
            of = f"the local disk of {shape.machine_type}" if pool.local_disks else "a node of AKS"
            raise mistake(f"{of} holds at most {largest} GiB", f"write `diskGib: {largest}` or less")
        return shape

    def driver_of_gpus(self) -> int:
        """https://github.com/Azure/AgentBaker/blob/master/parts/common/components.json (GPUContainerImages, 2026-08)"""
        return 580

    def refuse_sharing(self, pool: NodePoolSpec) -> None:
        """AKS names no memory: it cuts by cores, and its H100 with 94 GB would give parts of other names.

        https://learn.microsoft.com/azure/aks/gpu-multi-instance
        """
        if pool.sharing and pool.accelerator:
            refuse_partitions_but(pool.sharing, pool.accelerator, _CUT_GPUS.get(pool.accelerator, ()), "AKS")

    def refuse_pools(self, pools: Mapping[str, NodePoolSpec]) -> None:
        """AKS's own pods need a pool that cannot go: https://learn.microsoft.com/azure/aks/use-system-pools."""
        pool = pools.get(SYSTEM_POOL)
        if pool is None or pool.accelerator or pool.min < _SYSTEM_NODES or self.shape_of(pool).cpu < _SYSTEM_CPU:
            raise mistake(
                f"AKS runs its own pods on a pool named `{SYSTEM_POOL}`, without GPUs, with machines of at least "
                f"{_SYSTEM_CPU} CPU and `min: {_SYSTEM_NODES}` or more",
                f"add `{SYSTEM_POOL}: {{machine: {{cpu: 4, memoryGib: 16}}, min: 3, max: 6}}`",
            )

    def most_nodes(self) -> int:
        """Each node has one address of the network and a /24 of the pods'; one more is taken during an upgrade."""
        nodes = ipaddress.IPv4Network(AddressPlan.of(self.network).nodes).num_addresses - _RESERVED_ADDRESSES
        pods = 2 ** (_POD_PREFIX - ipaddress.IPv4Network(self.network.pod_cidr).prefixlen)
        return min(nodes - 1, pods - 1, MOST_NODES)
