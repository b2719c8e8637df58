"""A tenant: a namespace and everything that isolates and bounds it.

Owns the namespace, quotas with their LimitRange, network policies, the members' access and shared volumes. It
deliberately owns no workload (they are its children, made by the platform) and no guardrail (those match every tenant
by label). Removing a tenant removes exactly this; only retained disks stay.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field, field_validator

from bedplate.clouds import ClusterFacts
from bedplate.clouds.networks import network_form
from bedplate.kubernetes import METADATA_ADDRESSES, KubernetesObject, Manifest, namespace_manifest
from bedplate.labels import OWNERS, PROJECTS, Identity, label_value
from bedplate.spec import DnsLabel, EmailAddress, GroupName, Spec, mistake, refuse, repeated
from bedplate.tenants.access import role_binding
from bedplate.tenants.network import network_policies
from bedplate.tenants.quota import QuotaSpec, limit_range, resource_quotas
from bedplate.tenants.volumes import VolumeSpec, volume_claim

_NEVER_ALLOWED = [
    ipaddress.ip_network(text) for text in (*METADATA_ADDRESSES, "fd00:ec2::/32", "fe80::/10", "::ffff:0:0/96")
]
"""Where the clouds hand credentials to nodes and pods (see `network.py`), and IPv4 written as IPv6."""


def _without_credentials(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return value
    if any(network.version == never.version and network.overlaps(never) for never in _NEVER_ALLOWED):
        raise mistake(
            "contains addresses where clouds hand out credentials (169.254.0.0/16, 168.63.129.16, fd00:ec2::/32)",
            "write the smaller network that is needed; where pods ask for names is said in cloud.facts.dns",
        )
    return value


_AllowedNetwork = Annotated[str, AfterValidator(_without_credentials), AfterValidator(network_form)]


class TenantSpec(Spec):
    """A team, a project or a person with a namespace of its own."""

    name: DnsLabel
    """Name of the tenant; with `tenantPrefix` before it, the name of its namespace."""
    groups: Annotated[tuple[GroupName, ...], Field(min_length=1)]
    """Groups of the identity provider whose members belong to the tenant."""
    owner: EmailAddress
    """Person or list that answers for the tenant."""
    project: DnsLabel | None = None
    """Project that cost is booked on; the tenant's name if absent."""
    quota: QuotaSpec
    """The most it may have at one time."""
    volumes: tuple[VolumeSpec, ...] = ()
    """Volumes that its workloads share."""
    allowed_networks: tuple[
        Annotated[str, AfterValidator(_without_credentials), AfterValidator(network_form)], ...
    ] = ()
    """Private networks (CIDR) that its pods may reach besides the internet, such as a database's subnet."""
    pod_security: Literal["restricted", "baseline"] = "restricted"
    """Pod Security level that the API server enforces on the tenant's pods."""

    @field_validator("volumes")
    @classmethod
    def _distinct(cls, volumes: tuple[VolumeSpec, ...]) -> tuple[VolumeSpec, ...]:
        twice = repeated(volume.name for volume in volumes)
        refuse(
            ((index, "name"), name, mistake("two volumes have this name", "give each its own name"))
            for index, name in twice.items()
        )
        return volumes

    @property
    def booked_project(self) -> str:
        """The project that cost is booked on."""
        return self.project or self.name


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """namespace: its full name. after: what must be there before the namespace, such as the guardrails. accelerators:
    those of the cluster's pools. projects and owners: of the tenant and of each of its workloads. max_cpu,
    max_memory_gib and max_disk_gib: the largest pod the guardrails allow."""

    spec: TenantSpec
    namespace: str
    after: Sequence[pulumi.Resource]
    facts: ClusterFacts
    accelerators: Sequence[str]
    projects: Sequence[str]
    owners: Sequence[str]
    max_cpu: float
    max_memory_gib: float
    max_disk_gib: float


class Tenant(pulumi.ComponentResource):
    """A tenant's namespace, bounds and access."""

    namespace: KubernetesObject
    """The tenant's namespace; whatever stands in it goes with it."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Tenant", name, {}, opts)
        spec, namespace = args.spec, args.namespace
        identity = Identity(
            name="tenant", component="tenant", tenant=spec.name, project=spec.booked_project, owner=spec.owner
        )
        self.namespace = KubernetesObject(
            f"{name}-namespace",
            _namespace(args, identity),
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        parts = [
            *resource_quotas(namespace, identity, spec.quota, args.accelerators),
            limit_range(namespace, identity, args.max_cpu, args.max_memory_gib, args.max_disk_gib),
            *network_policies(namespace, identity, spec.allowed_networks, args.facts),
            role_binding(namespace, identity, spec.groups, args.facts.group_prefix),
            *(volume_claim(namespace, identity, volume, args.facts) for volume in spec.volumes),
        ]
        for part in parts:
            KubernetesObject(f"{name}-{part['kind'].lower()}-{part['metadata']['name']}", part, self.inside())
        self.register_outputs({})

    def inside(self) -> pulumi.ResourceOptions:
        """Options of an object in the namespace: it comes after it and goes with it, not one by one."""
        return pulumi.ResourceOptions(parent=self, depends_on=[self.namespace], deleted_with=self.namespace)


def _namespace(args: TenantArgs, identity: Identity) -> Manifest:
    """The namespace, with the projects and owners that its objects may name; the guardrails read them there."""
    namespace = namespace_manifest(args.namespace, identity, args.spec.pod_security, args.facts.kubernetes_version)
    owners = {label_value(owner) for owner in args.owners}
    listed = {PROJECTS: ",".join(sorted(set(args.projects))), OWNERS: ",".join(sorted(owners))}
    namespace["metadata"]["annotations"] = {**namespace["metadata"].get("annotations", {}), **listed}
    return namespace
