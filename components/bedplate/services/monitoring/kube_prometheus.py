"""Prometheus, Alertmanager and the exporters of Kubernetes as the platform runs them: the chart and its values.

Owns data only; `metrics` installs it. Left out of the chart: its rules and dashboards (ours are tested), Grafana (a
chart of its own), the control plane's scrapes (a cloud's cannot be read), its definitions (see `operator_definitions`),
its roles (see `rights`), and the operator's admission webhooks: what they would refuse, promtool refuses in our tests,
and one webhook less stands in the way of an update. Values are checked against
https://github.com/prometheus-community/helm-charts/blob/kube-prometheus-stack-88.5.3/charts/kube-prometheus-stack/values.yaml.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.kubernetes import (
    PLATFORM_TOLERATIONS,
    Chart,
    CustomKind,
    Manifest,
    ObjectMetrics,
    allow_list,
    spread_over_zones_and_nodes,
)
from bedplate.labels import (
    ACCELERATOR,
    MONITORING_NAMESPACE,
    NAME,
    NODE_EXPORTER_NAMESPACE,
    OWNER,
    OWNER_EMAIL,
    PLATFORM_OWNER,
    POOL,
    PROJECT,
    TENANT,
    WORKLOAD,
    Identity,
)
from bedplate.services.monitoring.alertmanager import SECRET, configuration
from bedplate.services.monitoring.operator_definitions import published
from bedplate.services.monitoring.scrapes import kubelet_jobs, queue_job
from bedplate.services.monitoring.spec import BLOCKS_SHARE, MonitoringSpec

# renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/kube-prometheus-stack
CHART_VERSION = "88.5.3"
# renovate: datasource=go depName=github.com/prometheus-operator/prometheus-operator
OPERATOR_VERSION = "v0.93.1"
CHART = Chart(
    name="kube-prometheus-stack",
    repository="oci://ghcr.io/prometheus-community/charts",
    version=CHART_VERSION,
)
IDENTITY = Identity(name="prometheus", component="monitoring")
OPERATOR_ACCOUNT, PROMETHEUS_ACCOUNT = "prometheus-operator", "prometheus-prometheus"
REMOTE_WRITE_SECRET = "prometheus-remote-write"
_COLLECTORS = (
    *("cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "jobs", "namespaces", "nodes"),
    *("persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets", "pods", "replicasets"),
    *("resourcequotas", "statefulsets", "storageclasses"),
)
"""No Secrets, no ConfigMaps: nobody asks for them, and whoever may list them may read them."""
_OWNED = (TENANT, PROJECT, OWNER, WORKLOAD, ACCELERATOR, POOL)
OBJECT_METRICS = ObjectMetrics(
    labels={
        **dict.fromkeys(("pods", "jobs", "statefulsets", "deployments", "persistentvolumeclaims"), _OWNED),
        "namespaces": (TENANT, PROJECT, OWNER),
        "nodes": (ACCELERATOR, POOL),
    },
    annotations={"jobs": (OWNER_EMAIL,)},
)
"""What rules of every concern may rely on."""
_NOT_TENANTS = {"matchExpressions": [{"key": TENANT, "operator": "DoesNotExist"}]}
"""Nobody in a tenant's namespace may tell Prometheus what to read or to compute."""


def definitions() -> Sequence[Mapping[str, Any]]:
    """Of the operator's kinds."""
    return published()[1]


def kinds() -> Sequence[CustomKind]:
    """What they define."""
    return [CustomKind.defined_by(body) for body in definitions()]


def values(
    spec: MonitoringSpec, namespaces: Mapping[str, str], storage_class: str, told: Sequence[ObjectMetrics]
) -> dict[str, Any]:
    """namespaces: of all tenants, by tenant. told: what else concerns want of kube-state-metrics."""
    return {
        "fullnameOverride": "prometheus",
        "cleanPrometheusOperatorObjectNames": True,
        "commonLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        "crds": {"enabled": False},
        "defaultRules": {"create": False},
        "global": {"rbac": {"create": False}},
        "grafana": {"enabled": False},
        "kubernetesServiceMonitors": {"enabled": False},
        "prometheusOperator": _operator(),
        "prometheus": {"prometheusSpec": _prometheus(spec, storage_class)},
        "alertmanager": {
            "config": configuration(spec, namespaces),
            "podDisruptionBudget": {"enabled": True},
            "serviceAccount": {"automountServiceAccountToken": False},
            "alertmanagerSpec": _alertmanager(spec, storage_class),
        },
        "kube-state-metrics": _kube_state_metrics([OBJECT_METRICS, *told]),
        "prometheus-node-exporter": {
            # It reads the node's own files, which no closed namespace allows.
            "namespaceOverride": NODE_EXPORTER_NAMESPACE,
            "tolerations": [{"operator": "Exists"}],
            "serviceAccount": {"automountServiceAccountToken": False},
            "resources": _bounds("50m", "64Mi"),
        },
    }


def _bounds(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def _operator() -> dict[str, Any]:
    here = [MONITORING_NAMESPACE]
    return {
        "admissionWebhooks": {"enabled": False},
        "tls": {"enabled": False},
        "kubeletService": {"enabled": False},
        "kubeletEndpointsEnabled": False,
        # Beyond its own namespace it reads monitors and rules, and never a Secret.
        "prometheusInstanceNamespaces": here,
        "alertmanagerInstanceNamespaces": here,
        "alertmanagerConfigNamespaces": here,
        "thanosRulerInstanceNamespaces": here,
        "tolerations": PLATFORM_TOLERATIONS,
        "resources": _bounds("100m", "256Mi"),
        "prometheusConfigReloader": {
            "resources": {
                "requests": {"cpu": "10m", "memory": "50Mi"},
                "limits": {"cpu": "100m", "memory": "50Mi"},
            }
        },
    }


def _prometheus(spec: MonitoringSpec, storage_class: str) -> dict[str, Any]:
    selectors: dict[str, Any] = {}
    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig"):
        selectors |= {f"{kind}SelectorNilUsesHelmValues": False, f"{kind}NamespaceSelector": _NOT_TENANTS}
    return {
        **selectors,
        "replicas": spec.replicas,
        "retention": f"{spec.retention_days}d",
        "retentionSize": f"{int(spec.disk_gib * BLOCKS_SHARE)}GiB",
        "walCompression": True,
        "scrapeInterval": "30s",
        "evaluationInterval": "30s",
        "enableAdminAPI": False,
        # A monitor names no file of Prometheus' own pod, such as its token.
        "arbitraryFSAccessThroughSMs": True,
        "additionalScrapeConfigs": [*kubelet_jobs(), queue_job()],
        **_remote_write(spec),
        "storageSpec": _disk(spec.disk_gib, storage_class),
        "resources": {"requests": {"cpu": "500m", "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
        "tolerations": PLATFORM_TOLERATIONS,
        "topologySpreadConstraints": spread_over_zones_and_nodes({NAME: "prometheus"}),
    }


def _remote_write(spec: MonitoringSpec) -> Manifest:
    if spec.remote_write is None:
        return {}
    token = {"name": REMOTE_WRITE_SECRET, "key": spec.remote_write.token_ref}
    authorization = {"type": "Bearer", "credentials": token}
    return {"remoteWrite": [{"url": spec.remote_write.url, "authorization": authorization}]}


def _alertmanager(spec: MonitoringSpec, storage_class: str) -> dict[str, Any]:
    return {
        # Two agree on what was told, and on what is silenced.
        "replicas": 2,
        **({"secrets": [SECRET]} if list(receiver_secrets(spec)) else {}),
        "automountServiceAccountToken": False,
        "storage": _disk(2, storage_class),
        "resources": _bounds("50m", "128Mi"),
        "tolerations": PLATFORM_TOLERATIONS,
        "topologySpreadConstraints": spread_over_zones_and_nodes({NAME: "alertmanager"}),
    }


def receiver_secrets(spec: MonitoringSpec) -> list[str]:
    """Names of the config secrets that Alertmanager reads."""
    return sorted({key for place, key in spec.config_secrets() if place[0] != "remoteWrite"})


def _disk(gib: int, storage_class: str) -> dict[str, Any]:
    claim = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{gib}Gi"}},
    }
    return {"volumeClaimTemplate": {"spec": claim}}


def _kube_state_metrics(told: Sequence[ObjectMetrics]) -> dict[str, Any]:
    custom = [dict(resource) for each in told for resource in each.custom]
    of_kinds = [(group, plurals) for each in told for group, plurals in sorted(each.plurals.items())]
    rules = [
        {"apiGroups": [group], "resources": list(plurals), "verbs": ["list", "watch"]} for group, plurals in of_kinds
    ]
    annotations = allow_list([each.annotations for each in told])
    state = {"kind": "CustomResourceStateMetrics", "spec": {"resources": custom}}
    return {
        "collectors": list(_COLLECTORS),
        "metricLabelsAllowlist": allow_list([each.labels for each in told]),
        **({"metricAnnotationsAllowList": annotations} if annotations else {}),
        "tolerations": PLATFORM_TOLERATIONS,
        "resources": _bounds("100m", "512Mi"),
        **(
            {"customResourceState": {"enabled": True, "config": state}, "rbac": {"extraRules": rules}} if custom else {}
        ),
    }
