"""A tenant: a namespace and everything that isolates and bounds it.

Owns the namespace, quotas with their LimitRange, network policies, the members' access and shared volumes. It
deliberately owns no workload (they are its children, made by the platform) and no guardrail (those match every tenant
by label). Removing a tenant removes exactly this; only retained disks stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import KubernetesObject, Manifest, namespace_manifest
from bedplate.labels import CLOSED_ENDINGS, OWNERS, PROJECTS, Identity, label_value
from bedplate.offered import Offered
from bedplate.tenants.access import marker_binding, role_binding
from bedplate.tenants.network import network_policies
from bedplate.tenants.offered import offered_manifest
from bedplate.tenants.quota import limit_range, resource_quotas
from bedplate.tenants.spec import TenantSpec
from bedplate.tenants.volumes import volume_claim


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """namespace: its full name. after: what must be there before the namespace, such as the guardrails. accelerators:
    those of the cluster's pools. projects and owners: of the tenant and of each of its workloads. max_cpu,
    max_memory_gib and max_disk_gib: the largest pod the guardrails allow. offered: what the platform has for whoever
    deploys there. others: names of all tenants."""

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
    offered: Offered
    others: Sequence[str]


class Tenant(pulumi.ComponentResource):
    """A tenant's namespace, bounds and access."""

    namespace: KubernetesObject
    """The tenant's namespace; whatever stands in it goes with it."""
    identity: Identity
    """Of what is the tenant's and no workload's."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Tenant", name, {}, opts)
        spec, namespace = args.spec, args.namespace
        identity = Identity(
            name="tenant", component="tenant", tenant=spec.name, project=spec.booked_project, owner=spec.owner
        )
        self.identity = identity
        self.namespace = KubernetesObject(
            f"{name}-namespace",
            _namespace(args, identity),
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        parts = [
            *resource_quotas(namespace, identity, spec.quota, args.accelerators, args.facts.fabrics),
            limit_range(namespace, identity, args.max_cpu, args.max_memory_gib, args.max_disk_gib),
            *network_policies(
                namespace, identity, spec.allowed_networks, args.facts, deploys=args.offered.has_front_door
            ),
            offered_manifest(namespace, identity, args.offered),
            *(volume_claim(namespace, identity, volume, args.facts) for volume in spec.volumes),
            marker_binding(namespace, identity),
        ]
        for part in parts:
            KubernetesObject(f"{name}-{part['kind'].lower()}-{part['metadata']['name']}", part, self.inside())
        # Deleted by itself, so before the namespace, which may take minutes to go: members would act there meanwhile
        # (https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/).
        members = role_binding(namespace, identity, spec.groups, args.facts.group_prefix)
        first = pulumi.ResourceOptions(parent=self, depends_on=[self.namespace])
        KubernetesObject(f"{name}-rolebinding-{members['metadata']['name']}", members, first)
        self.register_outputs({})

    def inside(self) -> pulumi.ResourceOptions:
        """Options of an object in the namespace: it comes after it and goes with it, not one by one."""
        return pulumi.ResourceOptions(parent=self, depends_on=[self.namespace], deleted_with=self.namespace)


def closed_endings(tenant: str, others: Sequence[str]) -> list[str]:
    """How no app of the tenant's members is called: `x-a` of tenant `b` would have the host of `x` of tenant `a-b`."""
    return sorted(f"-{name[: -len(tenant) - 1]}" for name in others if name.endswith(f"-{tenant}"))


def _namespace(args: TenantArgs, identity: Identity) -> Manifest:
    """The namespace, with the projects and owners that its objects may name; the guardrails read them there."""
    namespace = namespace_manifest(args.namespace, identity, args.spec.pod_security, args.facts.kubernetes_version)
    owners = {label_value(owner) for owner in args.owners}
    listed = {PROJECTS: ",".join(sorted(set(args.projects))), OWNERS: ",".join(sorted(owners))}
    if closed := closed_endings(args.spec.name, args.others):
        listed[CLOSED_ENDINGS] = ",".join(closed)
    namespace["metadata"]["annotations"] = {**namespace["metadata"].get("annotations", {}), **listed}
    return namespace
