"""What KEDA is told of one target: up while the rules want it, down when they do not, and as it is when nobody knows.

Owns the ScaledObject, as data; it deliberately decides nothing about use (see `rules`). KEDA looks at one sample, so
that a poll costs next to nothing, and at none that is older than three evaluations: what was known before an outage
stops nothing. It asks for the last whole second, so a decision is seen up to a second after it was taken. Without a
sample the trigger fails, and KEDA leaves the target alone; a `fallback` or `ignoreNullValues` would make a number of
that. https://keda.sh/docs/latest/reference/scaledobject-spec/,
https://keda.sh/docs/latest/scalers/prometheus/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import ACCELERATOR, HOST, IDLE_TIMEOUT_MINUTES, Identity
from bedplate.services.idle.rules import Clock
from bedplate.services.idle.waker import host_mark
from bedplate.services.idle.workspace_objects import GPUS, ROUTE

API_VERSION = "keda.sh/v1alpha1"
_MAX_NAME = 63


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is stopped and started. name: of the Deployment or StatefulSet, and of its workload.

    replicas_min, replicas_max: while it is up. cpu_percent: of the request, above which pods are added; none where
    their number is fixed. route: name of the IngressRoute at which its use is counted, if there is one; host: whose
    requests start it. gpus: of its pods together.
    """

    kind: Literal["Deployment", "StatefulSet"]
    name: str
    namespace: str
    identity: Identity
    after_minutes: int
    replicas_min: int = 1
    replicas_max: int = 1
    cpu_percent: int | None = None
    route: str = ""
    host: str = ""
    gpus: int = 0
    accelerator: str = ""


def query(namespace: str, workspace: str, clock: Clock) -> str:
    """What KEDA asks Prometheus."""
    selected = f'bedplate:workspace_wanted{{namespace="{namespace}",workspace="{workspace}"}}'
    return f"last_over_time({selected}[{clock.fresh_seconds}s])"


def scaled_object(target: Target, prometheus_url: str, clock: Clock | None = None) -> Manifest:
    """The ScaledObject of a target, named after it. Raises ValueError for a name that KEDA makes no autoscaler of."""
    if len(target.name) > _MAX_NAME:
        raise ValueError(f"'{target.name}' has {len(target.name)} characters; shorten it to at most {_MAX_NAME}")
    clock = clock or Clock()
    triggers: list[Manifest] = [_wanted(target, prometheus_url, clock)]
    if target.cpu_percent is not None:
        triggers.append({"type": "cpu", "metricType": "Utilization", "metadata": {"value": str(target.cpu_percent)}})
    made = manifest(
        API_VERSION,
        "ScaledObject",
        target.name,
        target.identity,
        namespace=target.namespace,
        annotations=_annotations(target),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": target.kind, "name": target.name},
            "pollingInterval": clock.interval_seconds,
            # The rules have waited already; a cooldown would count from when KEDA last saw it in use.
            "cooldownPeriod": 0,
            "idleReplicaCount": 0,
            "minReplicaCount": target.replicas_min,
            "maxReplicaCount": target.replicas_max,
            "triggers": triggers,
        },
    )
    if target.host:
        made["metadata"]["labels"][HOST] = host_mark(target.host)
    return made


def _wanted(target: Target, prometheus_url: str, clock: Clock) -> Manifest:
    return {
        "type": "prometheus",
        "name": "wanted",
        "metricType": "AverageValue",
        # Otherwise the autoscaler asks Prometheus once more, every fifteen seconds, for what never decides how many.
        "useCachedMetrics": True,
        "metadata": {
            "serverAddress": prometheus_url,
            "query": query(target.namespace, target.name, clock),
            "threshold": "1",
            "activationThreshold": "0",
            "ignoreNullValues": "false",
        },
    }


def _annotations(target: Target) -> Mapping[str, str]:
    said = {
        IDLE_TIMEOUT_MINUTES: str(target.after_minutes),
        ROUTE: target.route,
        GPUS: str(target.gpus) if target.gpus else "",
        ACCELERATOR: target.accelerator,
    }
    return {key: value for key, value in said.items() if value}
