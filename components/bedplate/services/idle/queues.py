"""What KEDA is told of a target that has more pods while much waits in them.

Owns the ScaledObject, as data. Prometheus sums what the target's pods tell; KEDA asks for so many pods that the sum
divided by them is at most what each should have. Where nobody tells anything, the trigger fails, and the number stays
as it is: no pod is taken away for want of figures. It never goes to none: only pods tell how much waits.
https://keda.sh/docs/latest/scalers/prometheus/
"""

from bedplate.kubernetes import Manifest, manifest
from bedplate.offers import BacklogRequest
from bedplate.services.idle.scaled_objects import API_VERSION

_INTERVAL_SECONDS = 15
_STAYS_SECONDS = 600
"""A model that took minutes to load is not given away in the first quiet moment."""


def scaled_by_queue(request: BacklogRequest, prometheus_url: str) -> Manifest:
    """The ScaledObject of a target, named after it."""
    down = {
        "stabilizationWindowSeconds": _STAYS_SECONDS,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
    }
    return manifest(
        API_VERSION,
        "ScaledObject",
        request.target,
        request.identity,
        namespace=request.namespace_name,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": request.target},
            "pollingInterval": _INTERVAL_SECONDS,
            "minReplicaCount": request.replicas_min,
            "maxReplicaCount": request.replicas_max,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": down}}},
            "triggers": [
                {
                    "type": "prometheus",
                    "name": series.rpartition(":")[2].replace("_", "-"),
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": prometheus_url,
                        "query": query(series, request.namespace_name, request.target),
                        "threshold": f"{value:g}",
                        "ignoreNullValues": "false",
                    },
                }
                for series, value in request.per_pod.items()
            ],
        },
    )


def query(series: str, namespace: str, target: str) -> str:
    """What KEDA asks Prometheus."""
    return f'sum({series}{{namespace="{namespace}",workload="{target}"}})'
