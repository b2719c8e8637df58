"""The platform: cluster, services, tenants, workloads, in that order.

Owns nothing itself; it decides what is made with what.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster, ClusterArgs, ClusterFacts, create_cluster
from bedplate.clouds.buckets import identity_name
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.guardrails import Guardrails, GuardrailsArgs
from bedplate.labels import Identity, host_label, image_version
from bedplate.offered import Offered
from bedplate.offers import Offers, SecretStoreRequest, TenantImages, TenantQueue
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.services import Services, ServicesArgs
from bedplate.services.ssh.keys import Reached
from bedplate.stack_file.consistency import refuse_inconsistent
from bedplate.tenants import Tenant, TenantAccess, TenantArgs
from bedplate.workloads import Workload, WorkloadArgs, WorkloadComponent, WorkloadSpec


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """secret: resolves the name of a config secret, such as `require_secret` of the program's configuration."""

    spec: PlatformSpec
    secret: Callable[[str], pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class _Inside:
    """What a tenant has beside its namespace: a queue, a store of secrets."""

    queue: pulumi.Resource | None
    store: pulumi.Resource | None


class Platform(pulumi.ComponentResource):
    """A machine-learning platform on one Kubernetes cluster.

    Raises ValueError with every inconsistency of the spec before the first resource is registered.
    """

    cluster: Cluster
    """The cluster, with its Kubernetes provider and its facts."""
    facts: ClusterFacts
    """What a stack above this one finds: the cluster's facts, and no need of what this stack's services are."""
    front_door: FrontDoor | None = None
    """Where people come in, if this stack has certificates and the layer of services."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = args.spec
        refuse_inconsistent(spec)
        super().__init__("bedplate:index:Platform", name, {}, opts)
        self._name, self._args = name, args
        self.cluster = create_cluster(
            f"{name}-cluster",
            ClusterArgs(spec=spec.cloud, node_pools=spec.node_pools, domain=spec.domain, secret=args.secret),
            pulumi.ResourceOptions(parent=self),
        )
        reserved = {"reserves_system_pool": spec.cloud.reserves_system_pool(spec.node_pools)}
        self.facts, offers = self.cluster.facts.model_copy(update=reserved), Offers()
        before_tenants: list[pulumi.Resource] = []
        if "services" in spec.layers:
            services = self._services()
            self.facts, self.front_door, offers = self.facts.with_services(), services.front_door, services.offers
            before_tenants = [*self._bounds(), *services.before_tenants]
        if "tenants" in spec.layers:
            for tenant in spec.tenants:
                self._tenant(tenant, offers, before_tenants)
        self.register_outputs({})

    def _on_cluster(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self.cluster.kubernetes_provider])

    def _services(self) -> Services:
        spec, listed = self._args.spec, self._args.spec.cloud.list_prices()
        args = ServicesArgs(
            spec=spec,
            domain=spec.domain,
            accelerators=spec.accelerators,
            max_idle_minutes=spec.guardrails.idle.max_minutes,
            prices=spec.prices(),
            listed_storage_gib_month=listed.storage_gib_month if listed else None,
            cluster=self.cluster,
            secret=self._args.secret,
            namespaces={tenant.name: spec.namespace(tenant.name) for tenant in spec.tenants},
            groups={tenant.name: tenant.groups for tenant in spec.tenants},
            reached_by_ssh=[
                Reached(namespace=spec.namespace(tenant.name), workspace=each.name, owner=each.owner or tenant.owner)
                for tenant in spec.tenants
                for each in tenant.workloads
                if each.is_reached_by_ssh()
            ],
        )
        return Services(self._name, args, self._on_cluster())

    def _bounds(self) -> list[pulumi.Resource]:
        """What no tenant may do, and what its members may."""
        spec = self._args.spec
        guardrails = GuardrailsArgs(
            spec=spec.guardrails,
            accelerators=spec.accelerators,
            domain=spec.domain,
            budgets_deny=spec.cost is not None and spec.cost.denies,
            contact=spec.cost.contact if spec.cost else None,
            resources=sorted({fabric.resource for fabric in self.cluster.facts.fabrics.values()}),
        )
        return [
            Guardrails(f"{self._name}-guardrails", guardrails, self._on_cluster()),
            TenantAccess(f"{self._name}-tenant-access", self._on_cluster()),
        ]

    def _tenant(self, spec: TenantEntry, offers: Offers, after: Sequence[pulumi.Resource]) -> None:
        platform = self._args.spec
        args = TenantArgs(
            spec=spec,
            namespace=platform.namespace(spec.name),
            after=after,
            facts=self.cluster.facts,
            accelerators=platform.accelerators,
            projects=[spec.booked_project, *(workload.project for workload in spec.workloads if workload.project)],
            owners=[spec.owner, *(workload.owner for workload in spec.workloads if workload.owner)],
            max_cpu=platform.guardrails.max_pod.cpu,
            max_memory_gib=platform.guardrails.max_pod.memory_gib,
            max_disk_gib=platform.guardrails.max_pod.disk_gib,
            offered=self._offered(spec, offers),
            others=[other.name for other in platform.tenants],
        )
        tenant = Tenant(f"{self._name}/{spec.name}", args, self._on_cluster())
        if offers.images:
            images = TenantImages(
                identity=tenant.identity,
                namespace=tenant.namespace,
                namespace_name=platform.namespace(spec.name),
                groups=spec.groups,
            )
            offers.images.open(f"{self._name}/{spec.name}", images, tenant)
        queue, store = self._queue(spec, tenant, offers), self._store(spec, tenant, offers)
        if offers.front_door and "services" in platform.layers:
            offers.front_door.admit(f"{self._name}/{spec.name}", spec.groups, tenant.identity, tenant)
        for workload in spec.workloads:
            self._workload(spec, tenant, workload, offers, _Inside(queue=queue, store=store))

    def _offered(self, spec: TenantEntry, offers: Offers) -> Offered:
        """What members of the tenant find who deploy there."""
        platform, images = self._args.spec, offers.images
        largest = platform.guardrails.max_pod
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
            builds=images.builds_for(spec.name) if images else False,
            pull_secrets=tuple(images.pull_secrets) if images else (),
            of_stack={workload.name: _shown(workload, spec.name, platform.domain) for workload in spec.workloads},
        )

    def _queue(self, spec: TenantEntry, tenant: Tenant, offers: Offers) -> pulumi.Resource | None:
        """Where the tenant's work waits its turn, if this stack has queues."""
        if offers.queue is None:
            return None
        left = self._args.spec.queued(spec)
        request = TenantQueue(
            identity=tenant.identity,
            namespace=tenant.namespace,
            namespace_name=self._args.spec.namespace(spec.name),
            cpu=left.cpu,
            memory_gib=left.memory_gib,
            pods=left.pods,
            gpus=left.gpus,
            borrowed_gpus=left.borrowed_gpus,
        )
        return offers.queue.open(f"{self._name}/{spec.name}", request, tenant)

    def _store(self, spec: TenantEntry, tenant: Tenant, offers: Offers) -> pulumi.Resource | None:
        """Where the tenant's external secrets are read, if this stack has a store."""
        if offers.secrets is None:
            return None
        request = SecretStoreRequest(
            tenant=spec.name,
            identity=tenant.identity,
            namespace=tenant.namespace,
            namespace_name=self._args.spec.namespace(spec.name),
            names=sorted({one.external for each in spec.workloads for one in each.external_env().values()}),
        )
        return offers.secrets.open(f"{self._name}/{spec.name}", request, tenant)

    def _workload(
        self, spec: TenantEntry, tenant: Tenant, workload: WorkloadSpec, offers: Offers, inside: "_Inside"
    ) -> None:
        args = WorkloadArgs(
            spec=workload,
            namespace=tenant.namespace,
            namespace_name=self._args.spec.namespace(spec.name),
            identity=_identity(spec, workload),
            groups=spec.groups,
            facts=self.cluster.facts,
            acts_as=self._acts_as(spec, workload) if workload.grants else None,
            secret=self._args.secret,
            offers=offers,
            queue=inside.queue,
            store=inside.store,
        )
        name = f"{self._name}/{spec.name}/{workload.name}"
        WorkloadComponent(name, args, pulumi.ResourceOptions(parent=tenant))

    def _acts_as(self, tenant: TenantEntry, workload: WorkloadSpec) -> WorkloadIdentity:
        """The identity of the cloud that has the workload's grants."""
        platform = self._args.spec
        own = self.cluster.facts.artifact_bucket or ""
        grants = [platform.buckets[grant.bucket].granted(own, grant.access, grant.prefix) for grant in workload.grants]
        name = identity_name(tenant.name, workload.name)
        return self.cluster.workload_identity(name, platform.namespace(tenant.name), workload.name, grants)


def _shown(workload: WorkloadSpec, tenant: str, domain: str) -> dict[str, str]:
    """A workload as members see it who look for what runs: its template, and its host if it has one."""
    endpoint = workload.endpoint()
    host = (endpoint.route.host or f"{host_label(tenant, workload.name)}.{domain}") if endpoint else ""
    return {"kind": type(Workload.of(workload)).component, **({"host": host} if host else {})}


def _identity(tenant: TenantEntry, workload: WorkloadSpec) -> Identity:
    template = Workload.of(workload)
    return Identity(
        name=template.component,
        component=template.component,
        owner=workload.owner or tenant.owner,
        tenant=tenant.name,
        project=workload.project or tenant.booked_project,
        workload=workload.name,
        version=image_version(workload.image),
    )
