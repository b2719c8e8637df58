"""A tenant on the platform: its namespace, what the services open for it, and its workloads, in that order.

Owns nothing itself and registers nothing of its own: what it makes are the platform's children, and their URNs a
contract.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster
from bedplate.clouds.buckets import identity_name
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.labels import host_label
from bedplate.offered import Offered
from bedplate.offers import Offers, SecretStoreRequest, TenantImages, TenantQueue
from bedplate.tenants import Tenant, TenantArgs
from bedplate.workloads import Workload, WorkloadArgs, WorkloadComponent, WorkloadSpec


@dataclass(frozen=True, kw_only=True)
class TenancyArgs:
    """platform: the whole spec, of which `spec` is one tenant. offers: of the services, if this stack has them. after:
    what must be there before a tenant is. secret: resolves the name of a config secret. children: options of what
    becomes the platform's child."""

    spec: TenantEntry
    platform: PlatformSpec
    cluster: Cluster
    offers: Offers
    after: Sequence[pulumi.Resource]
    secret: Callable[[str], pulumi.Output[str]]
    children: pulumi.ResourceOptions


class Tenancy:
    """What a stack makes of one of its tenants. name: the platform's."""

    def __init__(self, name: str, args: TenancyArgs) -> None:
        self._name, self._args = f"{name}/{args.spec.name}", args
        self._namespace = args.platform.namespace(args.spec.name)
        self._tenant = Tenant(self._name, self._tenant_args(), args.children)
        self._open_images()
        queue, store = self._queue(), self._store()
        self._admit()
        for workload in args.spec.workloads:
            self._run(workload, queue, store)

    def _tenant_args(self) -> TenantArgs:
        args, spec = self._args, self._args.spec
        largest = args.platform.guardrails.max_pod
        return TenantArgs(
            spec=spec,
            namespace=self._namespace,
            after=args.after,
            facts=args.cluster.facts,
            accelerators=args.platform.accelerators,
            projects=[spec.booked_project, *(each.project for each in spec.workloads if each.project)],
            owners=[spec.owner, *(each.owner for each in spec.workloads if each.owner)],
            max_cpu=largest.cpu,
            max_memory_gib=largest.memory_gib,
            max_disk_gib=largest.disk_gib,
            offered=self._offered(),
            others=[other.name for other in args.platform.tenants],
        )

    def _offered(self) -> Offered:
        """What members of the tenant find who deploy there."""
        spec, platform, offers = self._args.spec, self._args.platform, self._args.offers
        images, largest = offers.images, platform.guardrails.max_pod
        return Offered(
            domain=platform.domain,
            tenant=spec.name,
            project=spec.booked_project,
            owner=spec.owner,
            groups=spec.groups,
            has_front_door=offers.front_door is not None and offers.front_door.serves_any_host,
            has_login=platform.login is not None,
            public_routes=platform.guardrails.public_routes,
            approved_images=platform.guardrails.approved_images,
            max_cpu=largest.cpu,
            max_memory_gib=largest.memory_gib,
            volumes=tuple(volume.name for volume in spec.volumes),
            registry=(images.repository(spec.name) or None) if images else None,
            caches=(images.caches(spec.name) or None) if images else None,
            builds=images.builds_for(spec.name) if images else False,
            scans=images.scans_for(spec.name) if images else False,
            pull_secrets=tuple(images.pull_secrets) if images else (),
            of_stack={each.name: _shown(each, spec.name, platform.domain) for each in spec.workloads},
        )

    def _open_images(self) -> None:
        """Where its images are built and kept, if this stack has a place for them."""
        offers = self._args.offers
        if offers.images:
            request = TenantImages(
                identity=self._tenant.identity,
                namespace=self._tenant.namespace,
                namespace_name=self._namespace,
                groups=self._args.spec.groups,
            )
            offers.images.open(self._name, request, self._tenant)

    def _queue(self) -> pulumi.Resource | None:
        """Where the tenant's work waits its turn, if this stack has queues."""
        offers = self._args.offers
        if offers.queue is None:
            return None
        left = self._args.platform.queued(self._args.spec)
        request = TenantQueue(
            identity=self._tenant.identity,
            namespace=self._tenant.namespace,
            namespace_name=self._namespace,
            cpu=left.cpu,
            memory_gib=left.memory_gib,
            pods=left.pods,
            gpus=left.gpus,
            borrowed_gpus=left.borrowed_gpus,
        )
        return offers.queue.open(self._name, request, self._tenant)

    def _store(self) -> pulumi.Resource | None:
        """Where the tenant's external secrets are read, if this stack has a store."""
        offers, spec = self._args.offers, self._args.spec
        if offers.secrets is None:
            return None
        request = SecretStoreRequest(
            tenant=spec.name,
            identity=self._tenant.identity,
            namespace=self._tenant.namespace,
            namespace_name=self._namespace,
            names=sorted({one.external for each in spec.workloads for one in each.external_env().values()}),
        )
        return offers.secrets.open(self._name, request, self._tenant)

    def _admit(self) -> None:
        """Its members, at the routes that they make, where this stack has the front door itself."""
        door, layers = self._args.offers.front_door, self._args.platform.layers
        if door and "services" in layers:
            door.admit(self._name, self._args.spec.groups, self._tenant.identity, self._tenant)

    def _run(self, workload: WorkloadSpec, queue: pulumi.Resource | None, store: pulumi.Resource | None) -> None:
        args, spec = self._args, self._args.spec
        made = WorkloadArgs(
            spec=workload,
            namespace=self._tenant.namespace,
            namespace_name=self._namespace,
            identity=Workload.of(workload).identity_of(workload, spec.name, spec.booked_project, spec.owner),
            groups=spec.groups,
            facts=args.cluster.facts,
            acts_as=self._acts_as(workload) if workload.grants else None,
            secret=args.secret,
            offers=args.offers,
            queue=queue,
            store=store,
        )
        WorkloadComponent(f"{self._name}/{workload.name}", made, pulumi.ResourceOptions(parent=self._tenant))

    def _acts_as(self, workload: WorkloadSpec) -> WorkloadIdentity:
        """The identity of the cloud that has the workload's grants."""
        cluster, buckets = self._args.cluster, self._args.platform.buckets
        own = cluster.facts.artifact_bucket or ""
        grants = [buckets[grant.bucket].granted(own, grant.access, grant.prefix) for grant in workload.grants]
        name = identity_name(self._args.spec.name, workload.name)
        return cluster.workload_identity(name, self._namespace, workload.name, grants)


def _shown(workload: WorkloadSpec, tenant: str, domain: str) -> dict[str, str]:
    """A workload as members see it who look for what runs: its template, and its host if it has one."""
    endpoint = workload.endpoint()
    host = (endpoint.route.host or f"{host_label(tenant, workload.name)}.{domain}") if endpoint else ""
    return {"kind": type(Workload.of(workload)).component, **({"host": host} if host else {})}
