"""What stands between a tenant's Grafana and Prometheus: every question is about the tenant's namespace, or refused.

Owns the proxy as data: its Deployment, its Service, and its ways in and out. The proxy writes `namespace="…"` into
each selector, and refuses a query that asks for another one; which namespace it is stands in its arguments, and in
nothing that a request could carry. It serves the paths of queries, series, labels, exemplars, rules
and alerts; all others (configuration, targets, flags, deletion) it does not know. It deliberately owns no Grafana.

https://github.com/prometheus-community/prom-label-proxy
"""

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Container,
    Manifest,
    manifest,
    network_policy,
    pod_spec,
    pods_of,
    service_account,
    template_metadata,
)
from bedplate.labels import GRAFANA, MONITORING_NAMESPACE, NAME, Identity
from bedplate.services.monitoring.endpoint import OWN_PROMETHEUS, PROMETHEUS_PORT
from bedplate.services.monitoring.grafana import Source

# renovate: datasource=docker depName=quay.io/prometheuscommunity/prom-label-proxy
VERSION = "v0.11.1"
PROXY, PORT = "prom-label-proxy", 8080
IDENTITY = Identity(name=PROXY, component="monitoring", version=VERSION)
_MOST_QUESTIONS = 8
"""At once, of a tenant: Prometheus answers twenty, and its rules and idle shutdown ask it too."""


def source(namespace: str) -> Source:
    """What the Grafana of a namespace asks. namespace: that both run in."""
    return Source(
        url=f"http://{PROXY}.{namespace}.svc:{PORT}",
        pods=IDENTITY.selector(),
        port=PORT,
        most_at_once=_MOST_QUESTIONS,
    )


def arguments(seen: str, prometheus_url: str, listens: str) -> list[str]:
    """Of the program. seen: the one namespace whose series can be asked for."""
    return [
        f"--insecure-listen-address={listens}",
        f"--upstream={prometheus_url}",
        "--label=namespace",
        f"--label-value={seen}",
        # Prometheus matches names and values of labels by selectors, too.
        "--enable-label-apis",
        # Who asks for another namespace is told so, and not shown the own one in its place.
        "--error-on-replace",
    ]


def proxy(namespace: str, seen: str) -> list[Manifest]:
    """Its objects. namespace: that it runs in. seen: the tenant's."""
    port = {"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}
    # Nothing waits for its endpoints, and the engine would for ten seconds.
    service = {"type": "ClusterIP", "selector": IDENTITY.selector(), "ports": [port]}
    return [
        service_account(PROXY, namespace, IDENTITY),
        manifest("v1", "Service", PROXY, IDENTITY, namespace=namespace, annotations=SKIP_AWAIT, spec=service),
        _deployment(namespace, seen),
    ]


def policies(namespace: str) -> list[Manifest]:
    """In from Grafana, out to Prometheus."""
    itself = {"matchLabels": IDENTITY.selector()}
    grafana = {"podSelector": {"matchLabels": {NAME: GRAFANA}}}
    prometheus = {**pods_of(MONITORING_NAMESPACE), "podSelector": {"matchLabels": {NAME: "prometheus"}}}
    comes = {"from": [grafana], "ports": [{"protocol": "TCP", "port": PORT}]}
    goes = {"to": [prometheus], "ports": [{"protocol": "TCP", "port": PROMETHEUS_PORT}]}
    return [
        network_policy(
            PROXY,
            namespace,
            IDENTITY,
            podSelector=itself,
            policyTypes=["Ingress", "Egress"],
            ingress=[comes],
            egress=[goes],
        )
    ]


def _deployment(namespace: str, seen: str) -> Manifest:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    container = Container(
        name=PROXY,
        image=f"quay.io/prometheuscommunity/{PROXY}:{VERSION}",
        cpu=0.05,
        memory_gib=0.125,
        scratch_gib=0.0625,
        args=arguments(seen, OWN_PROMETHEUS.url, f"0.0.0.0:{PORT}"),
        extra={
            "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
            "readinessProbe": {**probe, "periodSeconds": 10},
            "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
        },
    )
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": IDENTITY.selector()},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 5,
        "template": {
            "metadata": template_metadata(IDENTITY, {}),
            "spec": pod_spec(
                container, PROXY, priorityClassName=CRITICAL_PRIORITY_CLASS, tolerations=PLATFORM_TOLERATIONS
            ),
        },
    }
    return manifest("apps/v1", "Deployment", PROXY, IDENTITY, namespace=namespace, spec=spec)
