"""A tenant's own Grafana, which can see nothing but the tenant's series.

Owns the namespace that it runs in, which is no part of the tenant's and holds nothing else: Grafana, and the proxy that
is its only source (`label_proxy`). The open-source Grafana does not limit what a source can be asked, and gives people
into organisations only by an OAuth client of its own; so what limits them stands behind it, in another pod, and the
network lets Grafana reach that pod and no other (docs/adr/0044-grafana-for-tenants.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import Dashboard, KubernetesObject, PlatformNamespace, PlatformNamespaceArgs
from bedplate.labels import TENANT_GRAFANA, Identity, grafana_host, grafana_label, tenant_grafana_namespace
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.monitoring.grafana import Grafana, GrafanaArgs
from bedplate.services.monitoring.label_proxy import policies, proxy, source

IDENTITY = Identity(name=TENANT_GRAFANA, component="monitoring")


@dataclass(frozen=True, kw_only=True)
class TenantGrafanaArgs:
    """seen: the tenant's namespace. groups: whose people come in. dashboards: of all that runs; those for tenants are
    shown."""

    tenant: str
    seen: str
    groups: Sequence[str]
    dashboards: Sequence[Dashboard]
    facts: ClusterFacts
    domain: str
    front_door: FrontDoor
    authentication: AuthenticationEndpoints
    chart_source: str | None = None


class TenantGrafana(pulumi.ComponentResource):
    """Where a tenant's people look at what is theirs."""

    def __init__(self, name: str, args: TenantGrafanaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:TenantGrafana", name, {}, opts)
        namespace, child = tenant_grafana_namespace(args.seen), pulumi.ResourceOptions(parent=self)
        place = PlatformNamespace(f"{name}-place", _place(namespace, args.facts), child)
        for part in proxy(namespace, args.seen):
            KubernetesObject(f"{name}-proxy-{part['kind'].lower()}", part, place.inside(self))
        grafana = GrafanaArgs(
            place=place,
            dashboards=[one for one in args.dashboards if one.audience == "tenant"],
            source=source(namespace),
            host=grafana_host(args.domain, args.tenant),
            label=grafana_label(args.tenant),
            groups=args.groups,
            tenant=args.tenant,
            front_door=args.front_door,
            authentication=args.authentication,
            chart_source=args.chart_source,
        )
        Grafana(f"{name}-grafana", grafana, child)
        self.register_outputs({})


def _place(namespace: str, facts: ClusterFacts) -> PlatformNamespaceArgs:
    return PlatformNamespaceArgs(
        namespace=namespace,
        identity=IDENTITY,
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        policies=policies(namespace),
        critical_pods=2,
    )
