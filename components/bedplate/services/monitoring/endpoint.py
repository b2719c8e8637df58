"""Where Prometheus answers inside the cluster.

Owns the names that others ask it by. Service and port are those that the Prometheus operator makes for every Prometheus
of its namespace
(https://github.com/prometheus-operator/prometheus-operator/blob/main/Documentation/platform/exposing-prometheus-and-alertmanager.md).
"""

from bedplate.labels import MONITORING_NAMESPACE

PROMETHEUS_SERVICE = "prometheus-operated"
PROMETHEUS_PORT = 9090
PROMETHEUS_URL = f"http://{PROMETHEUS_SERVICE}.{MONITORING_NAMESPACE}.svc:{PROMETHEUS_PORT}"
