"""The platform: cluster, services, tenants, workloads, in that order.

Owns nothing itself; it decides what is made with what. It is the one module that knows all the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi

from bedplate.clouds import AutoscalerFacts, Cluster, ClusterArgs, ClusterFacts, KarpenterFacts, create_cluster
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.guardrails import Guardrails, GuardrailsArgs
from bedplate.labels import Identity, host_label, image_version
from bedplate.services.certificates.certificates import Certificates, CertificatesArgs
from bedplate.services.front_door.front_door import FrontDoor, FrontDoorArgs
from bedplate.services.front_door.routes import Route, RouteArgs, SignInRoute, SignInRouteArgs
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.login.login import Login, LoginArgs
from bedplate.services.monitoring.alerts import Alerts, AlertsArgs
from bedplate.services.nodes.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.nodes.alerts import NODE_ALERTS
from bedplate.services.nodes.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.services.nodes.device_plugin import DevicePlugin, DevicePluginArgs
from bedplate.services.nodes.karpenter import Karpenter, KarpenterArgs
from bedplate.services.nodes.storage_classes import StorageClasses, StorageClassesArgs
from bedplate.stack_file.consistency import refuse_inconsistent
from bedplate.tenants import Tenant, TenantAccess, TenantArgs
from bedplate.workloads import Workload, WorkloadArgs, WorkloadSpec, workload_of

_NodeService = DevicePlugin | ClusterAutoscaler | Karpenter
_Watched = _NodeService | Login | Certificates | FrontDoor


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
    front_door: FrontDoor | None
    """Where people come in, if this stack has certificates and the layer of services."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = args.spec
        refuse_inconsistent(spec)
        super().__init__("bedplate:index:Platform", name, {}, opts)
        self.cluster = create_cluster(
            f"{name}-cluster",
            ClusterArgs(spec=spec.cloud, node_pools=spec.node_pools, domain=spec.domain, secret=args.secret),
            pulumi.ResourceOptions(parent=self),
        )
        services: list[pulumi.Resource] = []
        self.front_door = None
        self._authentication: AuthenticationEndpoints | None = None
        if "services" in spec.layers:
            services = self._services(name, spec)
            logins = self._login(name, args)
            self._authentication = logins[0].endpoints if logins else None
            certificates = self._certificates(name, spec)
            self.front_door = self._make_front_door(name, spec, certificates) if certificates else None
            running = [*self._node_services(name, spec), *logins, certificates, self.front_door]
            self._watched(name, [service for service in running if service])
            self._let_sign_in(name)
        self.facts = self.cluster.facts.with_services() if "services" in spec.layers else self.cluster.facts
        if "tenants" in spec.layers:
            for tenant in spec.tenants:
                self._tenant(name, args, tenant, services)
        self.register_outputs({})

    def _on_cluster(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self.cluster.kubernetes_provider])

    def _services(self, name: str, spec: PlatformSpec) -> list[pulumi.Resource]:
        """What every tenant needs to be there before it."""
        facts = self.cluster.facts
        storage: list[pulumi.Resource] = []
        if facts.block_storage:
            args = StorageClassesArgs(facts=facts)
            storage.append(StorageClasses(f"{name}-storage-classes", args, self._on_cluster()))
        return [
            *storage,
            Guardrails(f"{name}-guardrails", GuardrailsArgs(spec=spec.guardrails), self._on_cluster()),
            TenantAccess(f"{name}-tenant-access", self._on_cluster()),
            AcceleratorClasses(
                f"{name}-accelerator-classes",
                AcceleratorClassesArgs(accelerators=spec.accelerators),
                self._on_cluster(),
            ),
        ]

    def _node_services(self, name: str, spec: PlatformSpec) -> list[_NodeService]:
        """What nodes need of the platform, where the cluster does not bring it."""
        facts = self.cluster.facts
        services: list[_NodeService] = []
        if spec.accelerators and not facts.has_device_plugin:
            args = DevicePluginArgs(kubernetes_version=facts.kubernetes_version)
            services.append(DevicePlugin(f"{name}-device-plugin", args, self._on_cluster()))
        if isinstance(facts.autoscaler, AutoscalerFacts):
            args = ClusterAutoscalerArgs(facts=facts.autoscaler, kubernetes_version=facts.kubernetes_version)
            services.append(ClusterAutoscaler(f"{name}-autoscaler", args, self._on_cluster()))
        if isinstance(facts.autoscaler, KarpenterFacts):
            args = KarpenterArgs(
                facts=facts.autoscaler, kubernetes_version=facts.kubernetes_version, chart_source=spec.charts.source
            )
            services.append(Karpenter(f"{name}-karpenter", args, self._on_cluster()))
        return services

    def _watched(self, name: str, services: list[_Watched]) -> None:
        """The alerts of what runs."""
        alerts = [*NODE_ALERTS, *(alert for service in services for alert in service.alerts)]
        args = AlertsArgs(alerts=alerts, kubernetes_version=self.cluster.facts.kubernetes_version)
        Alerts(f"{name}-alerts", args, self._on_cluster())

    def _login(self, name: str, args: PlatformArgs) -> list[Login]:
        """Where people sign in, if the stack says by whom."""
        if args.spec.login is None:
            return []
        login_args = LoginArgs(
            spec=args.spec.login, domain=args.spec.domain, facts=self.cluster.facts, secret=args.secret
        )
        return [Login(f"{name}-login", login_args, self._on_cluster())]

    def _let_sign_in(self, name: str) -> None:
        if self.front_door and self._authentication:
            args = SignInRouteArgs(authentication=self._authentication, front_door=self.front_door)
            SignInRoute(f"{name}-sign-in", args, self._on_cluster())

    def _certificates(self, name: str, spec: PlatformSpec) -> Certificates | None:
        """No tenant waits for them: an authority that cannot be reached must not hold up anybody's work."""
        if spec.certificates is None:
            return None
        args = CertificatesArgs(
            spec=spec.certificates, domain=spec.domain, facts=self.cluster.facts, chart_source=spec.charts.source
        )
        return Certificates(f"{name}-certificates", args, self._on_cluster())

    def _make_front_door(self, name: str, spec: PlatformSpec, certificates: Certificates) -> FrontDoor:
        args = FrontDoorArgs(certificates=certificates, facts=self.cluster.facts, chart_source=spec.charts.source)
        front_door = FrontDoor(f"{name}-front-door", args, self._on_cluster())
        self.cluster.point_hosts("hosts", front_door.address)
        return front_door

    def _tenant(self, name: str, args: PlatformArgs, spec: TenantEntry, after: list[pulumi.Resource]) -> None:
        tenant = Tenant(
            f"{name}/{spec.name}",
            TenantArgs(
                spec=spec,
                namespace=args.spec.namespace(spec.name),
                after=after,
                facts=self.cluster.facts,
                accelerators=args.spec.accelerators,
                max_cpu=args.spec.guardrails.max_pod.cpu,
                max_memory_gib=args.spec.guardrails.max_pod.memory_gib,
            ),
            self._on_cluster(),
        )
        for workload in spec.workloads:
            resource = workload_of(workload)(
                f"{name}/{spec.name}/{workload.name}",
                WorkloadArgs(
                    spec=workload,
                    namespace=tenant.namespace,
                    namespace_name=args.spec.namespace(spec.name),
                    identity=_identity(spec, workload),
                    facts=self.cluster.facts,
                    secret=args.secret,
                ),
                pulumi.ResourceOptions(parent=tenant),
            )
            self._route(args.spec, spec, tenant, workload, resource)

    def _route(
        self, platform: PlatformSpec, spec: TenantEntry, tenant: Tenant, workload: WorkloadSpec, parent: Workload
    ) -> None:
        endpoint = workload.endpoint()
        if endpoint is None or self.front_door is None:
            return
        label = host_label(spec.name, workload.name)
        Route(
            f"{parent.pulumi_resource_name}-route",
            RouteArgs(
                spec=endpoint.route,
                label=label,
                host=endpoint.route.host or f"{label}.{platform.domain}",
                identity=_identity(spec, workload),
                namespace=tenant.namespace,
                namespace_name=platform.namespace(spec.name),
                service=endpoint.service,
                service_port=endpoint.service_port,
                port=endpoint.port,
                front_door=self.front_door,
                authentication=self._authentication,
                groups=spec.groups,
            ),
            pulumi.ResourceOptions(parent=parent),
        )


def _identity(tenant: TenantEntry, workload: WorkloadSpec) -> Identity:
    template = workload_of(workload)
    return Identity(
        name=template.component,
        component=template.component,
        owner=workload.owner or tenant.owner,
        tenant=tenant.name,
        project=workload.project or tenant.booked_project,
        workload=workload.name,
        version=image_version(workload.image),
    )
