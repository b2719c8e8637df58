"""What the stack file says of a cluster on Google Cloud.

Owns names, regions and principals as Google writes them, and the arithmetic of its network. It deliberately looks
nothing up: project, number and zones are written down, so that a preview needs no credentials and means the same
everywhere.
"""

import ipaddress
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bedplate.clouds.allocatable import CPU_STEPS, stepped
from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import ImagesPlace, NodePoolSpec
from bedplate.clouds.managed import (
    AccessSpec,
    BudgetSpec,
    MaintenanceSpec,
    ManagedClusterSpec,
    NetworkSpec,
    lettered_zones,
)
from bedplate.clouds.networks import PrivateNetwork, networks_overlap
from bedplate.clouds.sharing import PARTITIONS, refuse_partitions_but
from bedplate.errors import MissingExtraError
from bedplate.spec import EmailAddress, Spec, matching, mistake

if TYPE_CHECKING:
    from bedplate.clouds.cluster import ClusterImplementation

POD_ADDRESSES_OF_A_NODE = 256
"""GKE gives each node a /24 of the pods' range for its 110 pods.

https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr
"""
_RESERVED_ADDRESSES = 4
"""Of each subnet: https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet."""
_ZONE_LETTERS = {"europe-west1": "bcd", "us-east1": "bcd"}
"""Of regions that have no zone a: https://cloud.google.com/compute/docs/regions-zones."""
_CUT_GPUS = ("nvidia-a100-40gb", "nvidia-a100-80gb", "nvidia-h100", "nvidia-h200", "nvidia-b200")
_HOW_TO_BUY = (
    (re.compile(r"a3-highgpu-[124]g"), ("spot",)),
    (re.compile(r"(a3-ultragpu|a4-highgpu)-8g"), ("spot", "reservation")),
    (re.compile(r"a4x-.*"), ("reservation",)),
)
"""What Google does not sell by the hour, by what a pool must write instead.

https://cloud.google.com/compute/docs/accelerator-optimized-machines
"""
_MEMORY_STEPS = ((4, 0.25), (4, 0.2), (8, 0.1), (112, 0.06), (float("inf"), 0.02))
"""GiB of memory, and the share of them that is set aside: see `set_aside`."""
_WAYS = {"spot": "a spot machine", "reservation": "reserved capacity"}
_LEAST_WEEKLY_HOURS = 12
"""GKE wants 48 hours of maintenance in 32 days, which hold four weekly windows.

https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions
"""

_Project = Annotated[
    str,
    matching(
        r"[a-z][-a-z0-9]{4,28}[a-z0-9]",
        "must be the id of a project: 6 to 30 lower-case letters, digits and '-', beginning with a letter",
        "write the id as `gcloud projects list` shows it, not the project's display name or number",
    ),
]

_ProjectNumber = Annotated[
    str,
    matching(
        r"[1-9][0-9]{5,14}",
        "must be the number of a project, which Google's own service accounts are named by",
        "write it in quotes, as `gcloud projects describe` shows it: '123456789012'",
    ),
]

_Region = Annotated[
    str,
    matching(
        r"[a-z]+-[a-z]+[0-9]{1,2}", "must be a region of Google Cloud, not a zone", "write it like 'europe-west3'"
    ),
]

_BillingAccount = Annotated[
    str,
    matching(
        r"[0-9A-F]{6}(-[0-9A-F]{6}){2}",
        "must be the id of a billing account",
        "write it as `gcloud billing accounts list` shows it: '012345-6789AB-CDEF01'",
    ),
]


_PRINCIPAL = re.compile(
    r"(user|group|serviceAccount):[^\s:@]+@[a-z0-9-]+(\.[a-z0-9-]+)+"
    r"|principal(Set)?://iam\.googleapis\.com/locations/global/workforcePools/[^\s]+"
)


def _principal(value: str) -> str:
    if not _PRINCIPAL.fullmatch(value):
        raise mistake(
            "must be a group, user or service account, or people of a workforce pool; never everybody",
            "write it like 'group:ml-platform@example.com'",
            allowed="group:…, user:…, serviceAccount:…, principalSet://iam.googleapis.com/locations/global/workforcePools/…",
        )
    return value


_SecurityGroup = Annotated[
    str,
    matching(
        r"gke-security-groups@[a-z0-9-]+(\.[a-z0-9-]+)+",
        "GKE knows one name for the group of groups: gke-security-groups@<your domain>",
        "make that group in Google Workspace, put your groups into it, and write it here",
    ),
]


class GcpNetworkSpec(NetworkSpec):
    """The VPC's address plan."""

    cidr: PrivateNetwork
    """Addresses of nodes, load balancers and file servers. They never change: another network is another cluster."""
    pod_cidr: PrivateNetwork
    """Addresses of pods: each node takes 256 of them. They never change either."""

    @field_validator("cidr")
    @classmethod
    def _as_subnets_are(cls, cidr: str) -> str:
        if not 12 <= ipaddress.IPv4Network(cidr).prefixlen <= 24:
            raise mistake("a network of this size is of no use", "write one like '10.20.0.0/20'", allowed="/12 to /24")
        return cidr

    @field_validator("pod_cidr")
    @classmethod
    def _beside_all_others(cls, pods: str, info: ValidationInfo) -> str:
        if not 9 <= ipaddress.IPv4Network(pods).prefixlen <= 21:
            raise mistake(
                "GKE takes no range of this size for pods", "write one like '10.64.0.0/14'", allowed="/9 to /21"
            )
        for key, name in (("cidr", "the network of the nodes"), ("service_cidr", "the addresses of services")):
            if (other := info.data.get(key)) and networks_overlap(pods, other):
                raise mistake(f"overlaps with {name} ({other})", "choose two networks that do not overlap")
        for network in info.data.get("connected_networks", ()):
            if networks_overlap(pods, network):
                raise mistake(f"overlaps with a connected network ({network})", "give the pods other addresses")
        return pods

    def own_networks(self) -> tuple[str, ...]:
        """Pods have addresses of their own."""
        return (*super().own_networks(), self.pod_cidr)


class GcpAccessSpec(AccessSpec):
    """Who reaches the API server, and which principals administer the cluster."""

    admins: Annotated[tuple[Annotated[str, AfterValidator(_principal)], ...], Field(min_length=1)]
    """Groups, users and service accounts that administer the cluster; the one that runs Pulumi must be among them."""
    security_group: _SecurityGroup | None = None
    """`gke-security-groups@<domain>`, if RBAC is to know groups of Google Workspace."""


class GcpBudgetSpec(BudgetSpec):
    """When somebody is told what the project costs."""

    billing_account_id: _BillingAccount
    """Billing account that pays for the project. The budget is in its currency."""
    emails: Annotated[tuple[EmailAddress, ...], Field(min_length=1, max_length=5)]
    """Who gets the mails; a budget of Google has at most five addresses."""


class AddressPlan(Spec):
    """The ranges of a VPC: the first half of it to nodes and load balancers, the last quarter to file servers."""

    nodes: str
    files: str

    @classmethod
    def of(cls, network: NetworkSpec) -> "AddressPlan":
        """The plan of a network; the quarter in between stays free."""
        nodes, rest = ipaddress.IPv4Network(network.cidr).subnets(prefixlen_diff=1)
        _, files = rest.subnets(prefixlen_diff=1)
        return cls.model_construct(nodes=str(nodes), files=str(files))


class GcpClusterSpec(ManagedClusterSpec):
    """A cluster of Google Kubernetes Engine (Standard) in a VPC of its own."""

    cloud: ClassVar[str] = "gcp"

    provider: Literal["gcp"]
    """Which cloud: `gcp` creates a GKE cluster."""
    project_id: _Project
    """Project that everything is created in. A cluster's name is unique in it."""
    project_number: _ProjectNumber
    """The project's number, quoted; Google's service accounts and the identities of pods are named by it."""
    region: _Region
    """Region, such as europe-west3."""
    network: GcpNetworkSpec  # pyright: ignore[reportIncompatibleVariableOverride] - specs are frozen
    """Addresses and zones."""
    availability_zones: tuple[str, ...] = Field(default=(), validate_default=True)
    """Zones by name, as many as `network.zones`; the region's first ones where nothing is written.

    Pools with an interconnect or a reservation stand in the first of them.
    """
    access: GcpAccessSpec  # pyright: ignore[reportIncompatibleVariableOverride]
    """Who reaches and administers the cluster."""
    maintenance: MaintenanceSpec | None = None
    """When GKE may patch control plane and nodes, at least 12 hours a week; none allows it at any time."""
    tags: Mapping[str, str] = {}
    """Labels of every resource of the cloud, besides the platform's own."""
    budget: GcpBudgetSpec  # pyright: ignore[reportIncompatibleVariableOverride]
    """Alerts on cost."""

    @field_validator("availability_zones")
    @classmethod
    def _of_the_region(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region, network = info.data.get("region"), info.data.get("network")
        if region is None or network is None:
            return zones
        letters = _ZONE_LETTERS.get(region, "abc")
        return lettered_zones(zones, region, network.zones, joint="-", letters=letters)

    @field_validator("maintenance")
    @classmethod
    def _long_enough(cls, maintenance: MaintenanceSpec | None) -> MaintenanceSpec | None:
        if maintenance is not None and maintenance.hours < _LEAST_WEEKLY_HOURS:
            raise mistake(
                "GKE demands 48 hours of maintenance in 32 days, which a weekly window of this length does not give",
                f"write `hours: {_LEAST_WEEKLY_HOURS}` or more, or remove `maintenance`",
            )
        return maintenance

    @field_validator("tags")
    @classmethod
    def _as_labels_are(cls, tags: Mapping[str, str]) -> Mapping[str, str]:
        for key, value in tags.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
                raise mistake(
                    f"'{key}: {value}' cannot be a label of Google Cloud: lower-case letters, digits, '_' and '-' only",
                    "write it like 'cost-center: c-4410'",
                )
        return tags

    @property
    def resource_labels(self) -> dict[str, str]:
        """Labels of every resource that has some, the platform's own among them."""
        return {**self.tags, "bedplate-platform": self.name}

    @property
    def cluster_id(self) -> str:
        """Full name of the cluster, known before it exists."""
        return f"projects/{self.project_id}/locations/{self.region}/clusters/{self.name}"

    @property
    def service_account_issuer(self) -> str:
        """Who signs the cluster's tokens.

        https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.well-known/getOpenid-configuration
        """
        return f"https://container.googleapis.com/v1/{self.cluster_id}"

    @property
    def workload_pool(self) -> str:
        """Pool of the identities of pods: the project has one."""
        return f"{self.project_id}.svc.id.goog"

    def bucket_form(self) -> tuple[re.Pattern[str], str]:
        """A bucket of Cloud Storage: https://cloud.google.com/storage/docs/buckets#naming."""
        return re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"), "nordwind-parcels"

    def secret_form(self) -> tuple[re.Pattern[str], str]:
        """Secret Manager's: https://cloud.google.com/secret-manager/docs/creating-and-accessing-secrets."""
        return re.compile(r"[A-Za-z0-9_-]{1,150}"), "database-reader"

    def bucket(self, purpose: str) -> str:
        """Name of a bucket; names are unique among all projects of the world, and have at most 63 characters."""
        return f"{self.name}-{self.project_number}-{purpose}"

    @property
    def registry_address(self) -> str:
        """What an image's reference begins with."""
        return f"{self._images}/{self.name}/images"

    @property
    def _images(self) -> str:
        return f"{self.region}-docker.pkg.dev/{self.project_id}"

    def tenant_repository(self, tenant: str, purpose: str = "images") -> str:
        """Id of a repository of a tenant's own: at most 63 characters, unique in the project."""
        digits = sha256(f"{self.name}/{tenant}/{purpose}".encode()).hexdigest()[:8]
        return f"{self.name}-{tenant[:20].rstrip('-')}-{purpose}-{digits}"

    def images_place(self, tenant: str) -> ImagesPlace:
        """Two repositories of its own: IAM knows no smaller part, and tags are immovable in all of one or in none."""
        images, caches = (self.tenant_repository(tenant, purpose) for purpose in ("images", "cache"))
        return ImagesPlace(images=f"{self._images}/{images}", caches=f"{self._images}/{caches}")

    def implementation(self) -> "ClusterImplementation":
        """The GKE cluster; imports pulumi_gcp. Raises MissingExtraError."""
        try:
            from bedplate.clouds.gcp.gcp_cluster import GcpCluster
        except ModuleNotFoundError as error:
            raise MissingExtraError(error, "bedplate[gcp]") from error

        return GcpCluster

    def set_aside(self, shape: MachineShape, disk_gib: float) -> tuple[float, float, float]:
        """https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes#resource_reservations"""
        disk = min(0.5 * disk_gib, 6 + 0.35 * disk_gib, 100.0)
        return stepped(shape.cpu, CPU_STEPS), 1024 * stepped(shape.memory_gib, _MEMORY_STEPS), disk

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """The machine of a pool, if Google sells it the way the pool wants it."""
        shape = super().shape_of(pool)
        for machines, keys in _HOW_TO_BUY:
            if machines.fullmatch(shape.machine_type) and not any(getattr(pool, key) for key in keys):
                raise mistake(
                    f"Google sells {shape.machine_type} as {' or '.join(_WAYS[key] for key in keys)} only",
                    f"add {' or '.join(f'`{key}:`' for key in keys)}, or choose another accelerator or count",
                )
        return shape

    def refuse_sharing(self, pool: NodePoolSpec) -> None:
        """GKE cuts the GPUs of its list: https://cloud.google.com/kubernetes-engine/docs/how-to/gpus-multi."""
        if pool.sharing and pool.accelerator:
            is_cut = pool.accelerator in _CUT_GPUS
            made = [profile for profile in PARTITIONS[pool.accelerator] if profile[0] != "4"] if is_cut else ()
            refuse_partitions_but(pool.sharing, pool.accelerator, made, "GKE")

    def most_nodes(self) -> int:
        """Each node has an address of its own, and 256 of the pods' range."""
        nodes = ipaddress.IPv4Network(AddressPlan.of(self.network).nodes).num_addresses - _RESERVED_ADDRESSES
        pods = ipaddress.IPv4Network(self.network.pod_cidr).num_addresses // POD_ADDRESSES_OF_A_NODE
        return min(nodes, pods)
