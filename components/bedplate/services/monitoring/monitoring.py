"""Who is told when something is wrong, and who measures it.

Owns what is made of the rules of all concerns: without the section `monitoring`, or with somebody else's Prometheus, a
rule file; otherwise a Prometheus of the platform's own, with Grafana where people can sign in: one for the platform's
team, and one for each tenant that is to see what is its own. It registers no resource of its own: its parts are the
platform's children, and their URNs a contract.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import Alert, Dashboard, ObjectMetrics, PlatformNamespace, RuleGroup
from bedplate.labels import NAME, grafana_host, grafana_label
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.monitoring.alerts import METRICS_ALERTS, WORKLOAD_ALERTS
from bedplate.services.monitoring.dashboards import DASHBOARDS
from bedplate.services.monitoring.endpoint import OWN_PROMETHEUS, PROMETHEUS_PORT
from bedplate.services.monitoring.grafana import Grafana, GrafanaArgs, Source
from bedplate.services.monitoring.metrics import Metrics, MetricsArgs
from bedplate.services.monitoring.published_alerts import Alerts, AlertsArgs
from bedplate.services.monitoring.spec import MonitoringSpec
from bedplate.services.monitoring.tenant_grafana import TenantGrafana, TenantGrafanaArgs


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """watched: the alerts of all that runs. recorded: its recording rules. shown: its dashboards. told: what it wants
    of kube-state-metrics. namespaces, groups: of all tenants, by tenant. secret: resolves the name of a config
    secret."""

    watched: Sequence[Alert]
    recorded: Sequence[RuleGroup]
    facts: ClusterFacts
    secret: Callable[[str], pulumi.Output[str]]
    domain: str
    spec: MonitoringSpec | None = None
    shown: Sequence[Dashboard] = ()
    told: Sequence[ObjectMetrics] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    front_door: FrontDoor | None = None
    authentication: AuthenticationEndpoints | None = None
    chart_source: str | None = None


def _with_runbooks(alerts: Sequence[Alert], spec: MonitoringSpec | None) -> Sequence[Alert]:
    address = spec.runbooks if spec else None
    return [alert.read_at(address) for alert in alerts] if address else alerts


class Monitoring:
    """The alerts of everything that the platform runs, and who measures."""

    alerts: Sequence[Alert]
    """Of what every workload counts on, whoever runs it, and of the Prometheus that is ours."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = args.spec if args.spec and args.spec.runs else None
        self.alerts = [*WORKLOAD_ALERTS, *(METRICS_ALERTS if spec else ())]
        told = RuleGroup(name="bedplate", rules=_with_runbooks([*args.watched, *self.alerts], args.spec))
        groups = [*args.recorded, told]
        published = Alerts(
            f"{name}-alerts",
            AlertsArgs(
                groups=() if spec else groups,
                kubernetes_version=args.facts.kubernetes_version,
                dns=args.facts.dns,
            ),
            opts,
        )
        if spec is None:
            return
        metrics = MetricsArgs(
            spec=spec,
            place=published.place,
            groups=groups,
            told=args.told,
            namespaces=args.namespaces,
            facts=args.facts,
            secret=args.secret,
            chart_source=args.chart_source,
        )
        Metrics(f"{name}-metrics", metrics, opts)
        if args.front_door and args.authentication:
            _shown(name, args, published.place, args.front_door, args.authentication, opts)


def _shown(
    name: str,
    args: MonitoringArgs,
    place: PlatformNamespace,
    door: FrontDoor,
    authentication: AuthenticationEndpoints,
    opts: pulumi.ResourceOptions | None,
) -> None:
    """Where people look: the platform's team, and those tenants that have a Grafana."""
    dashboards = [*DASHBOARDS, *args.shown]
    if authentication.admin_groups:
        source = Source(url=OWN_PROMETHEUS.url, pods={NAME: "prometheus"}, port=PROMETHEUS_PORT)
        grafana = GrafanaArgs(
            place=place,
            dashboards=dashboards,
            source=source,
            host=grafana_host(args.domain),
            label=grafana_label(),
            groups=authentication.admin_groups,
            front_door=door,
            authentication=authentication,
            chart_source=args.chart_source,
        )
        Grafana(f"{name}-grafana", grafana, opts)
    for tenant in args.spec.tenant_dashboards if args.spec else ():
        own = TenantGrafanaArgs(
            tenant=tenant,
            seen=args.namespaces[tenant],
            groups=args.groups[tenant],
            dashboards=dashboards,
            facts=args.facts,
            domain=args.domain,
            front_door=door,
            authentication=authentication,
            chart_source=args.chart_source,
        )
        TenantGrafana(f"{name}-grafana-{tenant}", own, opts)
