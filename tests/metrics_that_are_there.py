"""What the programs that run are known to tell: names of metrics and their labels, by where they are published.

Labels that every series has by being scraped (`job`, `namespace`, `pod`, `node`, `instance`) stand in SCRAPED.
"""

from collections.abc import Mapping

SCRAPED = frozenset({"job", "namespace", "pod", "node", "instance", "container", "endpoint", "metrics_path"})
_OWNED = "label_bedplate_dev_{}"
_LABELS = frozenset(_OWNED.format(key) for key in ("tenant", "project", "owner", "workload", "accelerator", "pool"))
KUBE_STATE_METRICS: Mapping[str, frozenset[str]] = {
    "kube_deployment_status_replicas_unavailable": frozenset({"namespace", "deployment"}),
    "kube_job_annotations": frozenset({"namespace", "job_name", "annotation_bedplate_dev_owner_email"}),
    "kube_job_complete": frozenset({"namespace", "job_name", "condition"}),
    "kube_job_failed": frozenset({"namespace", "job_name", "condition"}),
    "kube_job_labels": frozenset({"namespace", "job_name"}) | _LABELS,
    "kube_job_status_active": frozenset({"namespace", "job_name"}),
    "kube_job_status_completion_time": frozenset({"namespace", "job_name"}),
    "kube_job_status_start_time": frozenset({"namespace", "job_name"}),
    "kube_job_status_failed": frozenset({"namespace", "job_name", "reason"}),
    "kube_namespace_labels": frozenset({"namespace"}) | _LABELS,
    "kube_node_status_condition": frozenset({"node", "condition", "status"}),
    "kube_pod_container_resource_requests": frozenset({"namespace", "pod", "container", "resource", "unit", "node"}),
    "kube_pod_container_status_restarts_total": frozenset({"namespace", "pod", "container"}),
    "kube_pod_container_status_waiting_reason": frozenset({"namespace", "pod", "container", "reason"}),
    "kube_pod_status_phase": frozenset({"namespace", "pod", "phase"}),
    "kube_pod_status_unschedulable": frozenset({"namespace", "pod"}),
    "kube_resourcequota": frozenset({"namespace", "resourcequota", "resource", "type"}),
}
"""https://github.com/kubernetes/kube-state-metrics/tree/v2.19.1/docs/metrics"""
CADVISOR: Mapping[str, frozenset[str]] = {
    "container_cpu_usage_seconds_total": frozenset({"namespace", "pod", "container", "cpu", "id", "image"}),
    "container_memory_working_set_bytes": frozenset({"namespace", "pod", "container", "id", "image"}),
}
"""https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md"""
KUBELET: Mapping[str, frozenset[str]] = {
    "kubelet_volume_stats_available_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
    "kubelet_volume_stats_capacity_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
}
"""https://kubernetes.io/docs/reference/instrumentation/metrics/"""
TRAEFIK: Mapping[str, frozenset[str]] = {
    "traefik_entrypoint_requests_total": frozenset({"code", "method", "protocol", "entrypoint"}),
}
"""https://doc.traefik.io/traefik/reference/install-configuration/observability/metrics/"""
PROMETHEUS: Mapping[str, frozenset[str]] = {
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
    "prometheus_tsdb_head_samples_appended_total": frozenset({"type"}),
    "prometheus_tsdb_head_series": frozenset(),
    "up": frozenset(),
}
"""https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ and its own /metrics"""
ALERTMANAGER: Mapping[str, frozenset[str]] = {
    "alertmanager_notifications_failed_total": frozenset({"integration", "reason"}),
}
"""https://github.com/prometheus/alertmanager/blob/main/notify/notify.go"""
KUEUE: Mapping[str, frozenset[str]] = {
    "kueue_admitted_active_workloads": frozenset({"cluster_queue"}),
    "kueue_pending_workloads": frozenset({"cluster_queue", "status"}),
}
"""https://kueue.sigs.k8s.io/docs/reference/metrics/"""
DCGM = {
    "DCGM_FI_DEV_GPU_TEMP": frozenset({"node", "Hostname", "gpu", "namespace", "pod"}),
    "DCGM_EXP_XID_ERRORS_COUNT": frozenset({"node", "Hostname", "gpu", "xid", "namespace", "pod"}),
}
"""Of NVIDIA's DCGM exporter, with `node` of its own `Hostname`: see services/gpu/rules.py."""
_STREAM = frozenset({"name"})
FLUENT_BIT: Mapping[str, frozenset[str]] = {
    "fluentbit_output_dropped_records_total": _STREAM,
    "fluentbit_output_proc_bytes_total": _STREAM,
    "fluentbit_output_retries_total": _STREAM,
}
"""https://docs.fluentbit.io/manual/administration/monitoring"""
THERE: Mapping[str, frozenset[str]] = {
    **DCGM,
    **FLUENT_BIT,
    **KUEUE,
    **KUBE_STATE_METRICS,
    **CADVISOR,
    **KUBELET,
    **TRAEFIK,
    **PROMETHEUS,
    **ALERTMANAGER,
}
