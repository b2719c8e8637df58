"""The platform: cluster, services, tenants, workloads, in that order.

Owns nothing itself; it decides what is made with what.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster, ClusterArgs, ClusterFacts, create_cluster
from bedplate.config import PlatformSpec
from bedplate.guardrails import Guardrails, GuardrailsArgs
from bedplate.offers import Offers
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.secrets.opening import stores_of
from bedplate.services.services import Services, ServicesArgs, offers_of_below
from bedplate.services.ssh.keys import Reached
from bedplate.stack_file.consistency import refuse_inconsistent
from bedplate.tenancy import Tenancy, TenancyArgs
from bedplate.tenants import TenantAccess


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """secret: resolves the name of a config secret, such as `require_secret` of the program's configuration."""

    spec: PlatformSpec
    secret: Callable[[str], pulumi.Output[str]]


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
        elif "tenants" in spec.layers:
            offers = offers_of_below(name, self.facts, self._on_cluster())
        self._give_stores()
        if "tenants" in spec.layers:
            for tenant in spec.tenants:
                tenancy = TenancyArgs(
                    spec=tenant,
                    platform=spec,
                    cluster=self.cluster,
                    offers=offers,
                    after=before_tenants,
                    secret=args.secret,
                    children=self._on_cluster(),
                )
                Tenancy(name, tenancy)
        self.register_outputs({})

    def _give_stores(self) -> None:
        """To the tenants of stacks above this one: where their external secrets are read, as whom."""
        spec = self._args.spec
        if spec.secrets and "tenants" not in spec.layers:
            namespaces = {tenant.name: spec.namespace(tenant.name) for tenant in spec.tenants}
            stores = stores_of(spec.secrets, self.cluster, namespaces)
            self.facts = self.facts.model_copy(update={"secret_stores": stores})

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
            scanned_places=spec.scanned_places(),
        )
        return [
            Guardrails(f"{self._name}-guardrails", guardrails, self._on_cluster()),
            TenantAccess(f"{self._name}-tenant-access", self._on_cluster()),
        ]
