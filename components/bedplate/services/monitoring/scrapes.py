"""What Prometheus reads, and under which name.

Owns the scrape jobs, as PodMonitors of the operator and as raw jobs for kubelets and queues. Rules rely on the label
`job`, so each monitor sets it; kube-state-metrics and node-exporter come with monitors of their chart. What describes
keeps its own labels (`honorLabels`): `namespace` and `pod` are then the pod's and not the exporter's. A monitor whose
pods do not run finds none.

Fields: https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/Documentation/api-reference/api.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import (
    ACCOUNT_FOLDER,
    AUTOSCALING_NAMESPACE,
    BUSY_KERNELS_PATH,
    CERTIFICATES_NAMESPACE,
    COMPONENT,
    EXTERNAL_SECRETS,
    FRONT_DOOR_NAMESPACE,
    GPU_METRICS_NAMESPACE,
    IDLE_NAMESPACE,
    KARPENTER_NAMESPACE,
    LOG_COLLECTOR_NAMESPACE,
    LOGIN_NAMESPACE,
    MONITORING_NAMESPACE,
    NAME,
    QUEUE_NAMESPACE,
    SECRETS_NAMESPACE,
    SSH_GATE,
    SSH_NAMESPACE,
    TELLS_BUSY_KERNELS,
    Identity,
)

MONITORS = "monitoring.coreos.com/v1"
_TOKEN = f"{ACCOUNT_FOLDER}/token"
KUBELET_PORT, NODE_EXPORTER_PORT = 10250, 9100


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """job: what its samples are called. name: value of the pods' label `label`. port: its name.
    path: of the figures, if not /metrics. interval_seconds: Prometheus' own if none."""

    job: str
    namespace: str
    name: str
    port: str
    label: str = NAME
    path: str = ""
    honor_labels: bool = False
    interval_seconds: int | None = None


LLM_PORT = 8000
SCRAPES: Sequence[Scrape] = (
    # Its counters wake workspaces; https://github.com/traefik/traefik-helm-chart names the port.
    Scrape(job="traefik", namespace=FRONT_DOOR_NAMESPACE, name="traefik", port="metrics", interval_seconds=15),
    Scrape(job="oauth2-proxy", namespace=LOGIN_NAMESPACE, name="oauth2-proxy", port="metrics"),
    Scrape(job="cert-manager", namespace=CERTIFICATES_NAMESPACE, name="cert-manager", port="http-metrics"),
    Scrape(job="cluster-autoscaler", namespace=AUTOSCALING_NAMESPACE, name="cluster-autoscaler", port="metrics"),
    Scrape(job="karpenter", namespace=KARPENTER_NAMESPACE, name="karpenter", port="http-metrics"),
    Scrape(job="keda-operator", namespace=IDLE_NAMESPACE, name="keda-operator", port="metrics"),
    Scrape(
        job=EXTERNAL_SECRETS,
        namespace=SECRETS_NAMESPACE,
        name=EXTERNAL_SECRETS,
        port="metrics",
        honor_labels=True,
    ),
    Scrape(
        job=SSH_GATE, namespace=SSH_NAMESPACE, name=SSH_GATE, port="metrics", honor_labels=True, interval_seconds=15
    ),
    Scrape(
        job="log-collector",
        namespace=LOG_COLLECTOR_NAMESPACE,
        name="log-collector",
        port="metrics",
        path="/api/v2/metrics/prometheus",
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
    """They stand in the namespace of monitoring and name the one that they look in, but for workspaces and
    language models, which are tenants'."""
    for scrape in SCRAPES:
        endpoint: dict[str, Any] = {
            "port": scrape.port,
            "honorLabels": scrape.honor_labels,
            "relabelings": [{"targetLabel": "job", "replacement": scrape.job, "action": "replace"}],
        }
        if scrape.path:
            endpoint["path"] = scrape.path
        if scrape.interval_seconds:
            endpoint["interval"] = f"{scrape.interval_seconds}s"
        where = {"matchNames": [scrape.namespace]}
        yield _monitor(identity, scrape.job, where, {scrape.label: scrape.name}, endpoint)
    yield _monitor(identity, "workspaces", {"any": True}, {TELLS_BUSY_KERNELS: "true"}, _BUSY_KERNELS, sampleLimit=10)
    yield _monitor(identity, "llm", {"any": True}, {COMPONENT: "llm"}, _MODELS, sampleLimit=5000)


_BUSY_KERNELS: Mapping[str, Any] = {
    "port": "http",
    "path": BUSY_KERNELS_PATH,
    "interval": "30s",
    "honorLabels": False,
    "relabelings": [{"targetLabel": "job", "replacement": "workspaces", "action": "replace"}],
    # Of what people run no other word is believed.
    "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "bedplate_workspace_busy_kernels", "action": "keep"}],
}
_MODELS: Mapping[str, Any] = {
    "port": "http",
    "interval": "15s",
    "honorLabels": False,
    "relabelings": [
        {"targetLabel": "job", "replacement": "llm", "action": "replace"},
        {
            "sourceLabels": ["__meta_kubernetes_pod_label_bedplate_dev_workload"],
            "targetLabel": "workload",
            "action": "replace",
        },
    ],
    "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "vllm:.+", "action": "keep"}],
}


def _monitor(
    identity: Identity,
    job: str,
    where: Mapping[str, Any],
    labels: Mapping[str, str],
    endpoint: Mapping[str, Any],
    **limits: int,
) -> Manifest:
    return manifest(
        MONITORS,
        "PodMonitor",
        job,
        identity,
        namespace=MONITORING_NAMESPACE,
        spec={
            "namespaceSelector": where,
            "selector": {"matchLabels": dict(labels)},
            "podMetricsEndpoints": [endpoint],
            **limits,
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


def queue_job() -> Mapping[str, Any]:
    """Kueue and JobSet: each with a certificate of its own making, and only for who may read their metrics, which a
    monitor of the operator cannot say by the token of Prometheus' own pod."""
    return {
        "job_name": "queue",
        "scheme": "https",
        "authorization": {"type": "Bearer", "credentials_file": _TOKEN},
        "tls_config": {"insecure_skip_verify": True},
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [QUEUE_NAMESPACE]}}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "metrics", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        ],
        "metric_relabel_configs": [_dropped("(controller_runtime|workqueue|rest_client|go)_.*")],
    }


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
