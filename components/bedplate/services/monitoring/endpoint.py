"""Where Prometheus answers inside the cluster, the platform's own or somebody else's.

Owns the names that others ask it by, and the way there. Service and port of the platform's own are those that the
Prometheus operator makes for every Prometheus of its namespace
(https://github.com/prometheus-operator/prometheus-operator/blob/main/Documentation/platform/exposing-prometheus-and-alertmanager.md).
"""

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

from bedplate.kubernetes import Manifest, pods_of
from bedplate.labels import MONITORING_NAMESPACE
from bedplate.services.monitoring.spec import MonitoringSpec

PROMETHEUS_PORT = 9090


@dataclass(frozen=True, kw_only=True)
class PrometheusEndpoint:
    """url: without a slash at its end. namespace: that its pods are in. pod_ports: those that they listen on; none if
    they are not known."""

    url: str
    namespace: str
    pod_ports: Sequence[int] = ()

    def way_there(self) -> Manifest:
        """What lets pods through to it, as a rule of egress. Network policies see ports of pods, not of Services."""
        ports = [{"protocol": "TCP", "port": port} for port in self.pod_ports]
        return {"to": [pods_of(self.namespace)], **({"ports": ports} if ports else {})}


OWN_PROMETHEUS = PrometheusEndpoint(
    url=f"http://prometheus-operated.{MONITORING_NAMESPACE}.svc:{PROMETHEUS_PORT}",
    namespace=MONITORING_NAMESPACE,
    pod_ports=(PROMETHEUS_PORT,),
)


def prometheus_of(spec: MonitoringSpec | None) -> PrometheusEndpoint:
    """The Prometheus that a stack asks."""
    if spec is None or spec.provided is None:
        return OWN_PROMETHEUS
    url = spec.provided.url.rstrip("/")
    _, namespace, *_ = (urllib.parse.urlsplit(url).hostname or "").split(".")
    return PrometheusEndpoint(url=url, namespace=namespace)
