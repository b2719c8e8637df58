"""A Grafana, behind the platform's login: that of the platform's team, and those of tenants.

Owns the chart of Grafana, its dashboards as files, its way in, and the way to the one source that it asks. Who it is
comes from the login, in headers that the front door alone sets: no other pod but those of monitoring reaches it. Who
comes in may ask its source anything, whatever a folder hides: so tenants have a Grafana each, with a source of their
own (`tenant_grafana`). It has no disk: what is not in a file here is gone when it restarts.

Values: https://github.com/grafana-community/helm-charts/blob/main/charts/grafana/values.yaml (12.11.1); settings:
https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/, of which the defaults are
https://github.com/grafana/grafana/blob/main/conf/defaults.ini.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from bedplate.kubernetes import (
    PLATFORM_TOLERATIONS,
    Chart,
    Dashboard,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    Release,
    ReleaseArgs,
    RouteSpec,
    manifest,
    network_policy,
)
from bedplate.kubernetes.dashboards import FOLDERS, Audience
from bedplate.labels import COMPONENT, GRAFANA, NAME, OWNER, PLATFORM_OWNER, Identity
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.front_door.routes import Route, RouteArgs
from bedplate.services.login.authentication import AuthenticationEndpoints

# renovate: datasource=docker depName=ghcr.io/grafana-community/helm-charts/grafana
CHART_VERSION = "12.11.1"
NAME_OF_ALL = GRAFANA
CHART = Chart(name=NAME_OF_ALL, repository="oci://ghcr.io/grafana-community/helm-charts", version=CHART_VERSION)
IDENTITY = Identity(name=NAME_OF_ALL, component="monitoring")
_PORT, SERVICE_PORT = 3000, 80
_FOLDER = "/var/lib/grafana/dashboards"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What answers a Grafana's questions. url: of its Service. pods: their labels, in Grafana's own namespace. port:
    that they listen on. most_at_once: questions; what is more waits."""

    url: str
    pods: Mapping[str, str]
    port: int
    most_at_once: int | None = None


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """place: the namespace that it runs in, alone of its kind. host: where it answers; label: of the objects of its
    route. groups: whose people come in. tenant: whose it is, if a tenant's."""

    place: PlatformNamespace
    dashboards: Sequence[Dashboard]
    source: Source
    host: str
    label: str
    groups: Sequence[str]
    front_door: FrontDoor
    authentication: AuthenticationEndpoints
    tenant: str = ""
    chart_source: str | None = None


class Grafana(pulumi.ComponentResource):
    """Where people look."""

    def __init__(self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Grafana", name, {}, opts)
        child, inside = pulumi.ResourceOptions(parent=self), args.place.inside(self)
        files = [
            KubernetesObject(f"{name}-{body['metadata']['name']}", body, inside)
            for body in dashboard_files(args.dashboards, args.place.namespace_name)
        ]
        way_out = KubernetesObject(f"{name}-questions", _questions(args), inside)
        release = ReleaseArgs(
            chart=CHART,
            namespace=args.place,
            values=values(args.dashboards, args.source, args.host),
            source=args.chart_source,
            after=[*files, way_out],
        )
        Release(f"{name}-release", release, child)
        Route(f"{name}-route", _route(args), child)
        self.register_outputs({})


def dashboard_files(dashboards: Sequence[Dashboard], namespace: str) -> list[Manifest]:
    """One ConfigMap a folder."""
    return [
        manifest(
            "v1",
            "ConfigMap",
            f"dashboards-{audience}",
            IDENTITY,
            namespace=namespace,
            data={f"{each.uid}.json": each.rendered() for each in dashboards if each.audience == audience},
        )
        for audience in _audiences(dashboards)
    ]


def _audiences(dashboards: Sequence[Dashboard]) -> list[Audience]:
    return sorted({dashboard.audience for dashboard in dashboards})


def values(dashboards: Sequence[Dashboard], source: Source, host: str) -> dict[str, Any]:
    """Of the chart."""
    audiences = _audiences(dashboards)
    return {
        "fullnameOverride": NAME_OF_ALL,
        "extraLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        "podLabels": {COMPONENT: IDENTITY.component},
        "grafana.ini": {**settings(host), **_limits(source)},
        "rbac": {"create": False, "namespaced": True},
        "serviceAccount": {"automountServiceAccountToken": False},
        "automountServiceAccountToken": False,
        "testFramework": {"enabled": False},
        "persistence": {"enabled": False},
        "initChownData": {"enabled": False},
        "containerSecurityContext": {"readOnlyRootFilesystem": True},
        "extraEmptyDirMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}},
        "tolerations": PLATFORM_TOLERATIONS,
        "datasources": {"datasources.yaml": {"apiVersion": 1, "datasources": [_data_source(source)]}},
        "dashboardProviders": {
            "dashboardproviders.yaml": {
                "apiVersion": 1,
                "providers": [_provider(audience, FOLDERS[audience]) for audience in audiences],
            }
        },
        "dashboardsConfigMaps": {audience: f"dashboards-{audience}" for audience in audiences},
    }


def settings(host: str) -> dict[str, Any]:
    """Nobody signs in here but by the front door's headers, and nothing is fetched from or told to anybody."""
    return {
        "server": {"root_url": f"https://{host}/", "domain": host},
        "auth": {"disable_login_form": True, "disable_signout_menu": True},
        "auth.basic": {"enabled": False},
        "auth.anonymous": {"enabled": False},
        "auth.proxy": {
            "enabled": True,
            "header_name": "X-Auth-Request-Email",
            "header_property": "email",
            "auto_sign_up": True,
            # A session of Grafana's own would outlive the one at the platform's login.
            "enable_login_token": False,
        },
        "users": {"allow_sign_up": False, "auto_assign_org_role": "Viewer", "viewers_can_edit": True},
        "security": {
            "disable_initial_admin_creation": True,
            "cookie_secure": True,
            "cookie_samesite": "strict",
            "strict_transport_security": True,
        },
        "snapshots": {"enabled": False},
        "public_dashboards": {"enabled": False},
        "unified_alerting": {"enabled": False},
        "plugins": {"preinstall_disabled": True, "plugin_admin_enabled": False},
        "analytics": {"reporting_enabled": False, "check_for_updates": False, "check_for_plugin_updates": False},
        "news": {"news_feed_enabled": False},
    }


def _limits(source: Source) -> dict[str, Any]:
    """What is more than that waits for a connection."""
    return {"dataproxy": {"max_conns_per_host": source.most_at_once}} if source.most_at_once else {}


def _data_source(source: Source) -> dict[str, Any]:
    return {
        "name": "Prometheus",
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": source.url,
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": "30s", "httpMethod": "POST"},
    }


def _provider(audience: str, folder: str) -> dict[str, Any]:
    return {
        "name": audience,
        "folder": folder,
        "type": "file",
        "disableDeletion": True,
        "editable": False,
        "options": {"path": f"{_FOLDER}/{audience}"},
    }


def _questions(args: GrafanaArgs) -> Manifest:
    return network_policy(
        "grafana-questions",
        args.place.namespace_name,
        IDENTITY,
        podSelector={"matchLabels": {NAME: NAME_OF_ALL}},
        policyTypes=["Egress"],
        egress=[
            {
                "to": [{"podSelector": {"matchLabels": dict(args.source.pods)}}],
                "ports": [{"protocol": "TCP", "port": args.source.port}],
            }
        ],
    )


def _route(args: GrafanaArgs) -> RouteArgs:
    return RouteArgs(
        spec=RouteSpec(access="browser"),
        identity=replace(IDENTITY, tenant=args.tenant),
        pods=IDENTITY.selector(),
        namespace=args.place.namespace,
        namespace_name=args.place.namespace_name,
        service=NAME_OF_ALL,
        service_port=SERVICE_PORT,
        port=_PORT,
        groups=args.groups,
        label=args.label,
        host=args.host,
        front_door=args.front_door,
        authentication=args.authentication,
    )
