"""What the stack file says of a cluster that the platform creates, the same on every cloud.

Owns the keys that all clouds share, and the choice of a machine for a pool. It deliberately knows no cloud: machines
come from the catalogue's rows, and what a cloud allows in a name, region or principal is that cloud's spec.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.clouds.allocatable import PODS_BY_DEFAULT
from bedplate.clouds.catalogue import MACHINES, Machine, MachineShape
from bedplate.clouds.contract import ClusterSpec, NodePoolSpec
from bedplate.clouds.namespaces import namespaces_of_others
from bedplate.clouds.networks import Network, PrivateNetwork, networks_overlap
from bedplate.clouds.prices import LIST_PRICES, ListPrices
from bedplate.spec import DnsLabel, EmailAddress, PositiveCount, Spec, StrictBool, mistake
from bedplate.wording import counted

PODS_OF_A_NODE = PODS_BY_DEFAULT
"""The most pods a node runs: https://kubernetes.io/docs/setup/best-practices/cluster-large/."""


def lettered_zones(
    zones: tuple[str, ...], region: str, count: int, *, joint: str = "", letters: str = "abc"
) -> tuple[str, ...]:
    """Zones that are named by their region and a letter: those written down, or the first ones of the region."""
    zones = zones or tuple(f"{region}{joint}{letter}" for letter in letters[:count])
    if len(set(zones)) != count or not all(re.fullmatch(rf"{region}{joint}[a-z]", zone) for zone in zones):
        raise mistake(
            f"must be {count} different zones of {region}",
            f"write {count} of them like '{region}{joint}{letters[0]}', or remove the key",
        )
    return zones


_MOST_TAGS, _LONGEST_TAG_NAME, _LONGEST_TAG = 40, 128, 256
"""Of AWS and Azure, which have 50 tags a resource, ten of them left to the platform and the cloud; a storage account of
Azure takes no longer name: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources."""
_AUDIT_DAYS = 400
"""A year, and a month to look into it."""


class NetworkSpec(Spec):
    """The cluster's address plan."""

    cidr: PrivateNetwork
    """Addresses of nodes and pods. They never change: another network is another cluster."""
    zones: Annotated[int, Field(strict=True, ge=2, le=3)] = 3
    """Availability zones that nodes are spread over."""
    service_cidr: PrivateNetwork = Field(default="172.20.0.0/16", validate_default=True)
    """Addresses of Kubernetes services, which exist inside the cluster only."""
    connected_networks: tuple[Network, ...] = ()
    """Networks that are or will be joined to this one by peering or VPN."""

    @field_validator("service_cidr")
    @classmethod
    def _beside_the_nodes(cls, services: str, info: ValidationInfo) -> str:
        if (cidr := info.data.get("cidr")) and networks_overlap(services, cidr):
            raise mistake(f"overlaps with the network of the nodes ({cidr})", "choose two networks that do not overlap")
        return services

    @field_validator("connected_networks")
    @classmethod
    def _beside_the_cluster(cls, networks: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for network in networks:
            for key in ("cidr", "service_cidr"):
                if (own := info.data.get(key)) and networks_overlap(network, own):
                    raise mistake(
                        f"{network} overlaps with the cluster's own {own}", "give the cluster other addresses"
                    )
        return networks

    def own_networks(self) -> tuple[str, ...]:
        """All that is the cluster's own or joined to it, which no pod of a tenant reaches as the internet."""
        return (self.cidr, self.service_cidr, *self.connected_networks)


class AccessSpec(Spec):
    """Who reaches the API server, and who administers the cluster."""

    endpoint: Literal["private", "public"] = "private"
    """Where the API server is reached: only from the network, or from `allowedNetworks` of the internet too."""
    open_to_the_internet: StrictBool = False
    """Whether `allowedNetworks` may be the whole internet."""
    allowed_networks: tuple[Network, ...] = Field(default=(), validate_default=True)
    """Networks (CIDR) that reach a public endpoint."""
    admins: Annotated[tuple[str, ...], Field(min_length=1)]
    """Principals of the cloud that administer the cluster; whoever runs Pulumi must be one."""

    @field_validator("allowed_networks")
    @classmethod
    def _named(cls, networks: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        is_public = info.data.get("endpoint") == "public"
        if is_public and not networks:
            raise mistake("a public endpoint needs the networks that reach it", "add the CIDRs, or `endpoint: private`")
        if networks and info.data.get("endpoint") == "private":
            raise mistake("a private endpoint is reached from the network alone", "remove it, or `endpoint: public`")
        is_open = any(ipaddress.IPv4Network(network).prefixlen == 0 for network in networks)
        if is_open and not info.data.get("open_to_the_internet", True):
            raise mistake(
                "the whole internet would reach the API server",
                "write the networks you work from; if it is meant, add `openToTheInternet: true`",
            )
        return networks


class MaintenanceSpec(Spec):
    """When the cloud may change what runs."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    """Day of the week."""
    start_hour: Annotated[int, Field(strict=True, ge=0, le=23)]
    """Hour, in UTC."""
    hours: Annotated[int, Field(strict=True, ge=4, le=24)] = 4
    """Length."""


class BudgetSpec(Spec):
    """When somebody is told what the platform costs."""

    dollars_per_month: Annotated[PositiveCount, Field(le=1_000_000_000)]
    """Cost of a month; mails go out at 80 % of it spent, and when the forecast passes it."""
    emails: Annotated[tuple[EmailAddress, ...], Field(min_length=1, max_length=10)]
    """Who gets the mails."""


class ManagedClusterSpec(ClusterSpec):
    """What the clouds' sections of the stack file share."""

    cloud: ClassVar[str]
    """Name of the cloud in the catalogue."""
    owns_cluster: ClassVar[bool] = True

    name: Annotated[DnsLabel, Field(max_length=24)]
    """Name of the cluster, and beginning of the names of all that belongs to it. It never changes."""
    region: str
    """Region of the cloud."""
    network: NetworkSpec
    """Addresses and zones."""
    access: AccessSpec
    """Who reaches and administers the cluster."""
    maintenance: MaintenanceSpec | None = None
    """When the cloud may change what runs; none leaves it to the cloud."""
    tags: Mapping[str, str] = {}
    """Tags of every resource of the cloud, besides the platform's own."""
    budget: BudgetSpec
    """Alerts on cost."""
    shorter_audit_because: Annotated[str, Field(min_length=10, max_length=200)] | None = None
    """Why audit logs are kept for less than 400 days, such as a law; it stands in reviews and nowhere else."""
    audit_days: Annotated[int, Field(strict=True, ge=7, le=3650)] = 400
    """Days that audit logs are kept; less than 400 only with `shorterAuditBecause`."""

    @field_validator("audit_days")
    @classmethod
    def _for_a_year_or_with_a_reason(cls, days: int, info: ValidationInfo) -> int:
        if days < _AUDIT_DAYS and not info.data.get("shorter_audit_because", True):
            raise mistake(
                f"must be at least {_AUDIT_DAYS}: what happened a year ago is asked for when something is found out",
                f"write {_AUDIT_DAYS}, or say beside it why less: `shorterAuditBecause: …`",
                allowed=f"at least {_AUDIT_DAYS}",
            )
        return days

    def namespaces_of_others(self) -> Sequence[str]:
        """Those of the one cloud."""
        return namespaces_of_others(self.cloud)

    def owns_dns_zone(self) -> bool:
        """Every cloud's implementation makes one."""
        return True

    def list_prices(self) -> ListPrices | None:
        """The cloud's."""
        return LIST_PRICES[self.cloud]

    def folder_scheme(self) -> str:
        """The cloud's."""
        return {"aws": "s3", "azure": "abfs", "gcp": "gs"}[self.cloud]

    def publishes_service_account_keys(self) -> bool:
        """Every cloud does, under an address of its own."""
        return True

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """The machine of a pool: by `machineType`, or the smallest of the catalogue that is what the pool asks for."""
        shape = self._named(pool, pool.machine_type) if pool.machine_type else self._smallest(pool)
        if pool.interconnect and not shape.interconnects:
            raise mistake(
                f"{shape.machine_type} has no interconnect",
                "remove `interconnect`, or choose an accelerator and count that has one",
                allowed=_listed(machine for machine in self._machines() if machine.shape.interconnects),
            )
        if pool.local_disks and not shape.local_disk_gib:
            raise mistake(
                f"{shape.machine_type} has no disks of its own",
                "remove `localDisks`, or write a `machineType` that has them",
                allowed=", ".join(m.shape.machine_type for m in self._machines() if m.shape.local_disk_gib),
            )
        return shape

    def _machines(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in MACHINES if machine.cloud == self.cloud)

    def _named(self, pool: NodePoolSpec, machine_type: str) -> MachineShape:
        for machine in self._machines():
            if machine.shape.machine_type == machine_type:
                if (machine.accelerator or None, machine.shape.gpus) != (pool.accelerator, pool.count or 0):
                    has = f"{machine.shape.gpus} {machine.accelerator}" if machine.accelerator else "no accelerator"
                    raise mistake(f"{machine_type} has {has}", "correct `accelerator` and `count`, or the machineType")
                return machine.shape
        if pool.machine is None:
            raise mistake(f"the size of {machine_type} is not known here", "add `machine: {cpu: …, memoryGib: …}`")
        return MachineShape(
            machine_type=machine_type,
            cpu=pool.machine.cpu,
            memory_gib=pool.machine.memory_gib,
            gpus=pool.count or 0,
        )

    def _smallest(self, pool: NodePoolSpec) -> MachineShape:
        if pool.machine is None and pool.accelerator is None:
            raise mistake("a CPU pool needs the size of its machines", "add `machine: {cpu: 4, memoryGib: 16}`")
        cpu, memory = (pool.machine.cpu, pool.machine.memory_gib) if pool.machine else (0, 0)
        offered = self._machines()
        alike = [
            machine
            for machine in offered
            if (machine.accelerator or None, machine.shape.gpus) == (pool.accelerator, pool.count or 0)
        ]
        fitting = [
            machine.shape for machine in alike if machine.shape.cpu >= cpu and machine.shape.memory_gib >= memory
        ]
        if not alike:
            raise mistake(
                f"this cloud has no machine with {pool.count} {pool.accelerator}",
                "choose one of these, or write `machineType` and `machine`",
                allowed=_listed(machine for machine in offered if machine.accelerator),
            )
        if not fitting:
            raise mistake(
                "no machine is this large",
                "ask for less, or write `machineType` and `machine`",
                allowed="; ".join(f"{m.shape.cpu:g} CPU, {m.shape.memory_gib:g} GiB" for m in alike),
            )
        return min(fitting, key=lambda shape: (shape.cpu, shape.memory_gib))


def _listed(machines: Iterable[Machine]) -> str:
    return ", ".join(dict.fromkeys(f"{machine.shape.gpus} {machine.accelerator}" for machine in machines))


def refuse_large_tags(tags: Mapping[str, str]) -> None:
    """Raises a `mistake` where no cloud of those that have tags takes them."""
    if len(tags) > _MOST_TAGS:
        said = f"{counted(len(tags), 'tag')} are more than a resource has room for beside the platform's own"
        raise mistake(said, f"write {_MOST_TAGS} at most")
    for name, value in tags.items():
        if not name.strip() or len(name) > _LONGEST_TAG_NAME:
            said = f"the name of the tag '{name[:40]}' has {len(name)} characters"
            raise mistake(said, f"write 1 to {_LONGEST_TAG_NAME}")
        if len(value) > _LONGEST_TAG:
            said = f"the value of the tag '{name}' has {len(value)} characters"
            raise mistake(said, f"write {_LONGEST_TAG} at most")
