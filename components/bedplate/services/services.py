"""The services of a platform, each after what it requires, and what they offer to tenants and workloads.

Owns the composition and nothing else: what a concern is made of stands in its folder. It registers no resource of its
own, because the concerns are the platform's children, and their URNs a contract.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import pulumi

from bedplate.clouds import Cluster, ClusterFacts, PoolPrices
from bedplate.kubernetes import Alert, Dashboard, ObjectMetrics, RuleGroup
from bedplate.offers import Offers
from bedplate.services.certificates.certificates import Certificates, CertificatesArgs
from bedplate.services.cost.cost import Cost, CostArgs
from bedplate.services.cost.rules import LABELS_READ
from bedplate.services.front_door.front_door import FrontDoor, FrontDoorArgs
from bedplate.services.front_door.routes import Routes, SignInRoute, SignInRouteArgs
from bedplate.services.gpu.gpu import Gpu, GpuArgs
from bedplate.services.idle.idle import Idle, IdleArgs
from bedplate.services.idle.workspace_objects import custom_resource_state
from bedplate.services.images.images import Images, ImagesArgs
from bedplate.services.login.login import Login, LoginArgs
from bedplate.services.logs.logs import Logs, LogsArgs
from bedplate.services.monitoring.endpoint import prometheus_of
from bedplate.services.monitoring.monitoring import Monitoring, MonitoringArgs
from bedplate.services.nodes.nodes import Nodes, NodesArgs
from bedplate.services.queue.queue import Queue, QueueArgs
from bedplate.services.secrets.opening import SecretsBelow
from bedplate.services.secrets.secrets import Secrets, SecretsArgs
from bedplate.services.spec import ServicesSpec
from bedplate.services.ssh.keys import Reached
from bedplate.services.ssh.ssh import Ssh, SshArgs


class _Watched(Protocol):
    @property
    def alerts(self) -> Sequence[Alert]: ...


class _Recorded(_Watched, Protocol):
    @property
    def rules(self) -> Sequence[RuleGroup]: ...


_Concern = TypeVar("_Concern", bound=_Watched)
_RecordedConcern = TypeVar("_RecordedConcern", bound=_Recorded)


@dataclass(frozen=True, kw_only=True)
class ServicesArgs:
    """domain: of the platform's hosts. accelerators: those of the pools. max_idle_minutes: the longest that anything
    may be kept without use. prices: of machines by pool. listed_storage_gib_month: of disks by the cloud's list.
    secret: resolves the name of a config secret. namespaces, groups: of all tenants, by tenant. reached_by_ssh:
    workspaces."""

    spec: ServicesSpec
    domain: str
    max_idle_minutes: int
    accelerators: Sequence[str]
    prices: Mapping[str, PoolPrices]
    listed_storage_gib_month: float | None
    cluster: Cluster
    secret: Callable[[str], pulumi.Output[str]]
    namespaces: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    reached_by_ssh: Sequence[Reached] = ()


class Services:
    """All that runs in the cluster for everybody."""

    before_tenants: Sequence[pulumi.Resource]
    """What must be there before a tenant is. None waits for more: an authority that cannot be reached must not hold up
    anybody's work."""
    front_door: FrontDoor | None
    """Where people come in, if there are certificates."""
    offers: Offers
    """What tenants and workloads may use."""

    def __init__(self, name: str, args: ServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._name, self._args, self._opts = name, args, opts
        self._alerts: list[Alert] = []
        self._rules: list[RuleGroup] = []
        self._dashboards: list[Dashboard] = []
        self._told: list[ObjectMetrics] = []
        facts, charts = args.cluster.facts, args.spec.charts.source
        nodes = NodesArgs(facts=facts, accelerators=args.accelerators, chart_source=charts)
        self.before_tenants = self._watch(Nodes(name, nodes, opts)).classes
        gpus = GpuArgs(facts=facts, accelerators=args.accelerators)
        self._dashboards += self._record(Gpu(name, gpus, opts)).dashboards
        login = self._login()
        certificates = self._certificates()
        self.front_door = self._front_door(certificates) if certificates else None
        self.offers = self._offers(login)
        self._cost()
        self._logs(login)
        self._monitoring(login)

    def _watch(self, concern: _Concern) -> _Concern:
        """The concern, whose alerts are now among those of the platform."""
        self._alerts += concern.alerts
        return concern

    def _record(self, concern: _RecordedConcern) -> _RecordedConcern:
        """The concern, whose recording rules and alerts are now among those of the platform."""
        self._rules += concern.rules
        return self._watch(concern)

    def _monitoring(self, login: Login | None) -> None:
        """Last, because it is told of all others."""
        args = self._args
        monitoring = MonitoringArgs(
            spec=args.spec.monitoring,
            watched=self._alerts,
            recorded=self._rules,
            shown=self._dashboards,
            told=self._told,
            namespaces=args.namespaces,
            groups=args.groups,
            facts=args.cluster.facts,
            secret=args.secret,
            domain=args.domain,
            front_door=self.front_door,
            authentication=login.endpoints if login else None,
            chart_source=args.spec.charts.source,
        )
        Monitoring(self._name, monitoring, self._opts)

    def _login(self) -> Login | None:
        """Where people sign in, if the stack says by whom."""
        spec = self._args.spec.login
        if spec is None:
            return None
        facts = self._args.cluster.facts
        args = LoginArgs(spec=spec, domain=self._args.domain, facts=facts, secret=self._args.secret)
        return self._watch(Login(f"{self._name}-login", args, self._opts))

    def _certificates(self) -> Certificates | None:
        spec, charts = self._args.spec.certificates, self._args.spec.charts.source
        if spec is None:
            return None
        facts = self._args.cluster.facts
        args = CertificatesArgs(spec=spec, domain=self._args.domain, facts=facts, chart_source=charts)
        return self._watch(Certificates(f"{self._name}-certificates", args, self._opts))

    def _front_door(self, certificates: Certificates) -> FrontDoor:
        cluster, charts = self._args.cluster, self._args.spec.charts.source
        args = FrontDoorArgs(certificates=certificates, facts=cluster.facts, chart_source=charts)
        front_door = self._watch(FrontDoor(f"{self._name}-front-door", args, self._opts))
        cluster.point_hosts("hosts", front_door.address)
        return front_door

    def _idle(self) -> Idle | None:
        spec = self._args.spec.idle
        if spec is None:
            return None
        args = IdleArgs(
            spec=spec,
            max_minutes=self._args.max_idle_minutes,
            domain=self._args.domain,
            prometheus=prometheus_of(self._args.spec.monitoring),
            facts=self._args.cluster.facts,
            chart_source=self._args.spec.charts.source,
        )
        self._told.append(ObjectMetrics(custom=[custom_resource_state()], plurals={"keda.sh": ("scaledobjects",)}))
        idle = self._record(Idle(f"{self._name}-idle", args, self._opts))
        self._dashboards += idle.dashboards
        return idle

    def _queue(self) -> Queue | None:
        """Where jobs and trainings wait their turn, if the stack asks for it."""
        spec = self._args.spec.queue
        if spec is None:
            return None
        args = QueueArgs(spec=spec, accelerators=self._args.accelerators, facts=self._args.cluster.facts)
        return self._watch(Queue(f"{self._name}-queue", args, self._opts))

    def _ssh(self) -> Ssh | None:
        """The gate, if the stack says who may come in."""
        spec, args = self._args.spec.ssh, self._args
        if spec is None:
            return None
        made = SshArgs(spec=spec, workspaces=args.reached_by_ssh, cluster=args.cluster, secret=args.secret)
        return self._watch(Ssh(f"{self._name}-ssh", made, self._opts))

    def _images(self) -> Images | None:
        """The registry and the builds, if the stack says of them."""
        spec, args = self._args.spec.images, self._args
        if spec is None:
            return None
        made = ImagesArgs(spec=spec, cluster=args.cluster, secret=args.secret)
        return self._watch(Images(f"{self._name}-images", made, self._opts))

    def _secrets(self) -> Secrets | None:
        """Where secrets are read that stand outside of the stack, if it says where."""
        spec, args = self._args.spec, self._args
        if spec.secrets is None:
            return None
        made = SecretsArgs(spec=spec.secrets, cluster=args.cluster, chart_source=spec.charts.source)
        return self._watch(Secrets(f"{self._name}-secrets", made, self._opts))

    def _cost(self) -> None:
        """What everything costs, if the stack asks for it."""
        spec, args = self._args.spec, self._args
        if spec.cost is None:
            return
        cost = CostArgs(
            spec=spec.cost,
            prices=args.prices,
            listed_storage_gib_month=args.listed_storage_gib_month,
            cluster=args.cluster,
            prometheus=prometheus_of(spec.monitoring),
            chart_source=spec.charts.source,
        )
        self._told.append(ObjectMetrics(labels=LABELS_READ))
        self._dashboards += self._record(Cost(f"{self._name}-cost", cost, self._opts)).dashboards

    def _logs(self, login: Login | None) -> None:
        """What containers print, if the stack keeps it."""
        spec, args = self._args.spec, self._args
        if spec.logs is None:
            return
        made = LogsArgs(
            spec=spec.logs,
            domain=args.domain,
            namespaces=args.namespaces,
            groups=args.groups,
            facts=args.cluster.facts,
            secret=args.secret,
            front_door=self.front_door,
            authentication=login.endpoints if login else None,
            chart_source=spec.charts.source,
        )
        self._dashboards += self._watch(Logs(f"{self._name}-logs", made, self._opts)).dashboards

    def _offers(self, login: Login | None) -> Offers:
        idle = self._idle()
        inside = Offers(
            activity=idle,
            backlog=idle,
            queue=self._queue(),
            shell=self._ssh(),
            images=self._images(),
            secrets=self._secrets(),
        )
        door, authentication = self.front_door, login.endpoints if login else None
        if door is None:
            return inside
        if authentication:
            sign_in = SignInRouteArgs(authentication=authentication, front_door=door)
            SignInRoute(f"{self._name}-sign-in", sign_in, self._opts)
        routes = Routes(front_door=door, authentication=authentication, domain=self._args.domain)
        return replace(inside, front_door=routes)


def offers_of_below(name: str, facts: ClusterFacts, opts: pulumi.ResourceOptions | None = None) -> Offers:
    """What tenants and workloads may use of the services that the stack below has."""
    stores = facts.secret_stores
    return Offers(secrets=SecretsBelow(f"{name}-secrets", stores, opts) if stores else None)
