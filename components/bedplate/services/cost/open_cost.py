"""OpenCost beside the platform's own figures, to compare them with the cloud's bill.

Owns the chart's version and values. It deliberately takes part in nothing: no budget and no dashboard reads it, because
what it says of GPUs is known to be wrong in places (docs/guides/cost.md). It is reached by `kubectl port-forward`
alone, by platform admins: neither its page nor its server for language models is installed, which the chart would do.
"""

from typing import Any

from bedplate.kubernetes import PLATFORM_TOLERATIONS, Chart
from bedplate.services.monitoring.endpoint import PrometheusEndpoint

# renovate: datasource=helm depName=opencost registryUrl=https://opencost.github.io/opencost-helm-chart
VERSION = "2.5.29"
CHART = Chart(name="opencost", repository="https://opencost.github.io/opencost-helm-chart", version=VERSION)
"""https://github.com/opencost/opencost-helm-chart/blob/main/charts/opencost/values.yaml"""
_NON_ROOT = {
    "runAsNonRoot": True,
    "runAsUser": 1001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def values(prometheus: PrometheusEndpoint) -> dict[str, Any]:
    """Of the chart."""
    return {
        "fullnameOverride": "opencost",
        "opencost": {
            "tolerations": PLATFORM_TOLERATIONS,
            "mcp": {"enabled": False},
            "ui": {"enabled": False},
            "exporter": {
                "securityContext": _NON_ROOT,
                "resources": {
                    "requests": {"cpu": "100m", "memory": "512Mi"},
                    "limits": {"cpu": "1", "memory": "1Gi"},
                },
            },
            # kube-state-metrics is there already: twice the same series would count twice.
            "metrics": {
                "kubeStateMetrics": {"emitKsmV1Metrics": False, "emitKsmV1MetricsOnly": False},
                "serviceMonitor": {"enabled": False},
            },
            "prometheus": {
                "internal": {"enabled": False},
                "external": {"enabled": True, "url": prometheus.url},
            },
        },
    }
