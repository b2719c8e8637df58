"""Reloader as the platform runs it: the chart and its values.

Owns data only; `secrets` installs it, in External Secrets' namespace. It replaces the pods of Deployments that name a
Secret in an annotation, when External Secrets has changed that Secret. Jobs and CronJobs it neither sees nor may touch.
Values: https://github.com/stakater/Reloader/blob/v1.4.21/deployments/kubernetes/chart/reloader/values.yaml.
"""

from typing import Any

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Chart,
    spread_over_zones_and_nodes,
)
from bedplate.labels import NAME

# renovate: datasource=helm depName=reloader registryUrl=https://stakater.github.io/stakater-charts
RELOADER_VERSION = "2.2.16"
RELOADER = "reloader"
CHART = Chart(name=RELOADER, repository="https://stakater.github.io/stakater-charts", version=RELOADER_VERSION)
_REPLICAS = 2
_MANAGED = "reconcile.external-secrets.io/managed=true"
"""A label that External Secrets puts on each Secret of its own."""


def values() -> dict[str, Any]:
    """Values of the chart: the Secrets of External Secrets alone, and a mark in the pods that only Reloader writes."""
    return {
        "fullnameOverride": RELOADER,
        "reloader": {
            "ignoreConfigMaps": True,
            "ignoreJobs": True,
            "ignoreCronJobs": True,
            "resourceLabelSelector": _MANAGED,
            "reloadStrategy": "annotations",
            "reloadOnCreate": False,
            "syncAfterRestart": False,
            "enableHA": True,
            "readOnlyRootFileSystem": True,
            "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
            "deployment": {
                "replicas": _REPLICAS,
                "revisionHistoryLimit": 5,
                "priorityClassName": CRITICAL_PRIORITY_CLASS,
                "tolerations": PLATFORM_TOLERATIONS,
                "topologySpreadConstraints": spread_over_zones_and_nodes({NAME: RELOADER}),
                "containerSecurityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "resources": {
                    "requests": {"cpu": "20m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "256Mi"},
                },
            },
        },
    }
