"""What kube-state-metrics tells of each ScaledObject of ours: the workspaces that there are, and what was said of them.

Owns the names of the series, and the annotations that only the platform writes. It deliberately runs nothing:
monitoring gives this to kube-state-metrics as its custom resource state configuration
(https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md). A value
that is no number and no RFC 3339 time makes no series there.
"""

from typing import Any

from bedplate.labels import (
    ACCELERATOR,
    DOMAIN,
    IDLE_TIMEOUT_MINUTES,
    KEEP_UNTIL,
    OWNER_EMAIL,
    PROJECT,
    START_AT,
    STOPPED,
    TENANT,
)

ROUTE = f"{DOMAIN}/route"
"""Name of the IngressRoute at which its use is counted."""
GPUS = f"{DOMAIN}/gpus"
"""GPUs of its pods together while it runs."""
IDLE_AFTER = "bedplate_workspace_idle_after_minutes"
KEPT_UNTIL = "bedplate_workspace_keep_until_seconds"
STARTED_AT = "bedplate_workspace_start_at_seconds"
STOPPED_BY_HAND = "bedplate_workspace_paused_replicas"
GPU_COUNT = "bedplate_workspace_gpus"
_GAUGES = {
    IDLE_AFTER: IDLE_TIMEOUT_MINUTES,
    KEPT_UNTIL: KEEP_UNTIL,
    STARTED_AT: START_AT,
    STOPPED_BY_HAND: STOPPED,
    GPU_COUNT: GPUS,
}
_PREFIX = "bedplate_workspace"


def custom_resource_state() -> dict[str, Any]:
    """One resource of kube-state-metrics' configuration. It needs `list` and `watch` of scaledobjects."""
    return {
        "groupVersionKind": {"group": "keda.sh", "version": "v1alpha1", "kind": "ScaledObject"},
        "metricNamePrefix": _PREFIX,
        "labelsFromPath": {
            "namespace": ["metadata", "namespace"],
            "workspace": ["metadata", "name"],
            "route": ["metadata", "annotations", ROUTE],
            "tenant": ["metadata", "labels", TENANT],
            "project": ["metadata", "labels", PROJECT],
            "accelerator": ["metadata", "annotations", ACCELERATOR],
            "owner": ["metadata", "annotations", OWNER_EMAIL],
        },
        "metrics": [
            {
                "name": series.removeprefix(f"{_PREFIX}_"),
                "help": f"Annotation {annotation} of a ScaledObject.",
                # Most workspaces lack most of them.
                "errorLogV": 9,
                "each": {
                    "type": "Gauge",
                    "gauge": {"path": ["metadata", "annotations"], "valueFrom": [annotation], "nilIsZero": False},
                },
            }
            for series, annotation in _GAUGES.items()
        ],
    }
