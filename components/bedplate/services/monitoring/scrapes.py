"""What Prometheus reads, and under which name.

Owns the scrape jobs, as PodMonitors of the operator and as raw jobs for kubelets. Rules rely on the label `job`, so
each monitor sets it; kube-state-metrics and node-exporter come with monitors of their chart. What describes other pods
keeps its own labels (`honorLabels`): `namespace` and `pod` are then the pod's and not the exporter's. A monitor whose
pods do not run finds none.

Fields: https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/Documentation/api-reference/api.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import (
    AUTOSCALING_NAMESPACE,
    CERTIFICATES_NAMESPACE,
    COMPONENT,
    FRONT_DOOR_NAMESPACE,
    GPU_METRICS_NAMESPACE,
    IDLE_NAMESPACE,
    KARPENTER_NAMESPACE,
    LOGIN_NAMESPACE,
    MONITORING_NAMESPACE,
    NAME,
    SSH_GATE,
    SSH_NAMESPACE,
    Identity,
)

MONITORS = "monitoring.coreos.com/v1"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
KUBELET_PORT, NODE_EXPORTER_PORT = 10250, 9100


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """job: what its samples are called. name: value of the pods' label `label`. port: its name.
    interval_seconds: Prometheus' own if none."""

    job: str
    namespace: str
    name: str
    port: str
    label: str = NAME
    honor_labels: bool = False
    interval_seconds: int | None = None


SCRAPES: Sequence[Scrape] = (
    # Its counters wake workspaces; https://github.com/traefik/traefik-helm-chart names the port.
    Scrape(job="traefik", namespace=FRONT_DOOR_NAMESPACE, name="traefik", port="metrics", interval_seconds=15),
    Scrape(job="oauth2-proxy", namespace=LOGIN_NAMESPACE, name="oauth2-proxy", port="metrics"),
    Scrape(job="cert-manager", namespace=CERTIFICATES_NAMESPACE, name="cert-manager", port="http-metrics"),
    Scrape(job="cluster-autoscaler", namespace=AUTOSCALING_NAMESPACE, name="cluster-autoscaler", port="metrics"),
    Scrape(job="karpenter", namespace=KARPENTER_NAMESPACE, name="karpenter", port="http-metrics"),
    Scrape(job="keda-operator", namespace=IDLE_NAMESPACE, name="keda-operator", port="metrics"),
    Scrape(
        job=SSH_GATE, namespace=SSH_NAMESPACE, name=SSH_GATE, port="metrics", honor_labels=True, interval_seconds=15
    ),
    Scrape(
        job="dcgm-exporter",
        namespace=GPU_METRICS_NAMESPACE,
        # Of two DaemonSets where GPUs are cut.
        name="gpu-metrics",
        label=COMPONENT,
        port="metrics",
        honor_labels=True,
        interval_seconds=15,
    ),
)


def pod_monitors(identity: Identity) -> Iterator[Manifest]:
    """They stand in the namespace of monitoring and name the one that they look in."""
    for scrape in SCRAPES:
        endpoint: dict[str, Any] = {
            "port": scrape.port,
            "honorLabels": scrape.honor_labels,
            "relabelings": [{"targetLabel": "job", "replacement": scrape.job, "action": "replace"}],
        }
        if scrape.interval_seconds:
            endpoint["interval"] = f"{scrape.interval_seconds}s"
        yield manifest(
            MONITORS,
            "PodMonitor",
            scrape.job,
            identity,
            namespace=MONITORING_NAMESPACE,
            spec={
                "namespaceSelector": {"matchNames": [scrape.namespace]},
                "selector": {"matchLabels": {scrape.label: scrape.name}},
                "podMetricsEndpoints": [endpoint],
            },
        )


def kubelet_jobs() -> list[Mapping[str, Any]]:
    """kubelets and their cAdvisor, found as nodes: the operator needs no right to write Endpoints in kube-system.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
    """
    return [
        _kubelet("kubelet", "/metrics", [_dropped("apiserver_.*|storage_operation_duration_seconds_bucket")]),
        _kubelet(
            "kubelet-cadvisor",
            "/metrics/cadvisor",
            # Of cgroups that are no pod's, and counters that nothing here reads.
            [_dropped("container_(tasks_state|memory_failures_total|blkio_device_usage_total)")],
        ),
    ]


def _kubelet(name: str, path: str, dropped: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "job_name": name,
        "scheme": "https",
        "metrics_path": path,
        "honor_labels": True,
        "scrape_interval": "15s" if path.endswith("cadvisor") else "30s",
        "authorization": {"type": "Bearer", "credentials_file": _TOKEN},
        # Kubelets of some clouds sign their certificate themselves; what the token may do is read metrics.
        "tls_config": {"insecure_skip_verify": True},
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [
            {"target_label": "job", "replacement": "kubelet"},
            {"target_label": "metrics_path", "replacement": path},
            {"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"},
        ],
        "metric_relabel_configs": dropped,
    }


def _dropped(pattern: str) -> Mapping[str, Any]:
    return {"source_labels": ["__name__"], "regex": pattern, "action": "drop"}
