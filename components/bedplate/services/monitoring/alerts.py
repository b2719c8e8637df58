"""What somebody is told about workloads, whichever cloud they run on, and about who measures.

Read off kube-state-metrics (https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics), kubelets
(https://kubernetes.io/docs/reference/instrumentation/metrics/), and Prometheus' and Alertmanager's own metrics
(https://github.com/prometheus/prometheus/tree/main/documentation/prometheus-mixin,
https://github.com/prometheus/alertmanager/tree/main/doc/alertmanager-mixin).
"""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import MONITORING_NAMESPACE, TENANT, WORKLOAD
from bedplate.services.monitoring.alertmanager import HEARTBEAT

_DOES_NOT_START = (
    '{reason=~"CrashLoopBackOff|ImagePullBackOff|ErrImagePull|InvalidImageName'
    '|CreateContainerConfigError|CreateContainerError"}'
)
_BY_CONTAINER, _ON_CONTAINER = "by (namespace, pod, container)", "on (namespace, pod, container)"
_DISKS = f'{{namespace="{MONITORING_NAMESPACE}", persistentvolumeclaim=~"prometheus-.+"}}'

_FAILED = 'kube_job_failed{condition="true"}'
_OF_RUN = "by (namespace, job_name)"
_WHOSE_RUN = (
    "max by (namespace, job_name, owner) (label_replace(kube_job_annotations, "
    '"owner", "$1", "annotation_bedplate_dev_owner_email", "(.+)")) * on (namespace, job_name) '
    "group_left (tenant, workload) max by (namespace, job_name, tenant, workload) (label_replace(label_replace("
    f'kube_job_labels{{{metric_label(WORKLOAD)}!=""}}, "tenant", "$1", "{metric_label(TENANT)}", "(.+)"), '
    f'"workload", "$1", "{metric_label(WORKLOAD)}", "(.+)"))'
)
WORKLOAD_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateRunFailed",
        # A failed run stays for days; it is told for an hour, and not again when who measures was away.
        expression=(
            f"(max {_OF_RUN} ({_FAILED}) == 1 unless on (namespace, job_name)"
            f" max {_OF_RUN} (max_over_time({_FAILED}[1h] offset 1h)) == 1)"
            f" * on (namespace, job_name) group_right () max by (namespace, job_name, tenant, workload, owner)"
            f" ({_WHOSE_RUN})"
        ),
        for_minutes=0,
        severity="warning",
        summary="Run {{ $labels.namespace }}/{{ $labels.job_name }} of {{ $labels.workload }} failed",
        description="It has used up its retries or its time, and nothing tries again before the next run is due.",
        runbook="docs/guides/add-a-workload.md#a-run-failed",
    ),
    Alert(
        name="BedplateAutoscalerCannotMeasure",
        expression=(
            "max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_condition"
            '{condition="ScalingActive", status="false"}) == 1'
            # Where somebody has set its target to no pods it says that it is off, and nothing is wrong.
            " unless on (namespace, horizontalpodautoscaler)"
            " max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas) == 0"
            # A fixed number of pods has an autoscaler too, which need not measure to keep it.
            " unless on (namespace, horizontalpodautoscaler)"
            " (max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas)"
            " - max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_min_replicas)) == 0"
        ),
        for_minutes=15,
        severity="warning",
        summary="Autoscaler {{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} cannot measure",
        description="It adds no pods, however much there is to do: metrics-server is missing or does not answer.",
        runbook="docs/guides/add-a-workload.md#an-autoscaler-cannot-measure",
    ),
    Alert(
        name="BedplateRolloutDoesNotMove",
        # Kubernetes says so once a Deployment has made no progress for its deadline, of ten minutes if it names none.
        expression=(
            "max by (namespace, deployment)"
            ' (kube_deployment_status_condition{condition="Progressing", status="false"}) == 1'
        ),
        for_minutes=5,
        severity="warning",
        summary="The rollout of {{ $labels.namespace }}/{{ $labels.deployment }} does not move",
        description="The former version goes on serving: new pods find no place, do not start, or do not get ready.",
        runbook="docs/guides/add-a-workload.md#a-rollout-does-not-move",
    ),
    Alert(
        name="BedplateVolumeFills",
        expression=(
            "max by (namespace, persistentvolumeclaim) (predict_linear(kubelet_volume_stats_available_bytes[6h],"
            f" {4 * 86400}) < 0 and kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.2)"
        ),
        for_minutes=30,
        severity="warning",
        summary="Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} is full within four days",
        description="Less than a fifth of it is left, and it goes on filling as it did in the last six hours.",
        runbook="docs/guides/monitoring.md#a-volume-fills",
    ),
    Alert(
        name="BedplateContainerDoesNotStart",
        # It is told as waiting only between two attempts.
        expression=" or ".join(
            f"max by (namespace, pod, container) (max_over_time({metric}{_DOES_NOT_START}[10m])) == 1"
            for metric in (
                "kube_pod_container_status_waiting_reason",
                "kube_pod_init_container_status_waiting_reason",
            )
        ),
        for_minutes=10,
        severity="warning",
        summary="{{ $labels.container }} of {{ $labels.namespace }}/{{ $labels.pod }} does not start",
        description="Its image cannot be had, what it is configured with is missing, or it ends as soon as it starts.",
        runbook="docs/guides/monitoring.md#a-container-does-not-start",
    ),
    Alert(
        name="BedplateOutOfMemory",
        expression=(
            f'max {_BY_CONTAINER} (kube_pod_container_resource_limits{{resource="memory"}})'
            f" and {_ON_CONTAINER} (increase(kube_pod_container_status_restarts_total[30m]) > 0)"
            f' and {_ON_CONTAINER} (kube_pod_container_status_last_terminated_reason{{reason="OOMKilled"}} == 1)'
        ),
        for_minutes=0,
        severity="warning",
        summary=("{{ $labels.namespace }}/{{ $labels.pod }} was killed at its memory of {{ $value | humanize1024 }}B"),
        description="It needs more than its memoryGib, and lost what it worked on. It was started again.",
        runbook="docs/guides/add-a-workload.md#a-pod-was-killed-for-its-memory",
    ),
    Alert(
        name="BedplateModelRequestsWait",
        expression=(
            "sum by (namespace, workload) (vllm:num_requests_waiting)"
            " / count by (namespace, workload) (vllm:num_requests_waiting) > 5"
        ),
        for_minutes=10,
        severity="warning",
        summary="{{ $value | humanize }} requests wait in each pod of {{ $labels.namespace }}/{{ $labels.workload }}",
        description="Callers wait for their first token: its pods are too few, or their cache is full.",
        runbook="docs/guides/llm.md#requests-wait",
    ),
    Alert(
        name="BedplatePodPending",
        expression=(
            'max by (namespace, pod) (kube_pod_status_phase{phase="Pending"}) == 1'
            # What has no node has an alert of its own.
            " unless on (namespace, pod) max by (namespace, pod) (kube_pod_status_unschedulable) == 1"
        ),
        for_minutes=30,
        severity="warning",
        summary="Pod {{ $labels.namespace }}/{{ $labels.pod }} has a node and has not started for 30 minutes",
        description="Its volume is not attached, its image is large, or one of its first containers waits.",
        runbook="docs/guides/monitoring.md#a-pod-is-pending",
    ),
    Alert(
        name="BedplatePodTerminating",
        # The time of deletion has the grace that the pod was given in it.
        expression="max by (namespace, pod) (kube_pod_deletion_timestamp) < time() - 600",
        for_minutes=1,
        severity="warning",
        summary="Pod {{ $labels.namespace }}/{{ $labels.pod }} should have been gone for 10 minutes",
        description="Its node does not answer, or a finalizer waits. A volume of one node stays with it.",
        runbook="docs/guides/monitoring.md#a-pod-does-not-end",
    ),
    Alert(
        name="BedplateNamespaceTerminating",
        expression='max by (namespace) (kube_namespace_status_phase{phase="Terminating"}) == 1',
        for_minutes=10,
        severity="warning",
        summary="Namespace {{ $labels.namespace }} has not been gone for 10 minutes",
        description="Something in it has a finalizer that nobody answers.",
        runbook="docs/guides/monitoring.md#a-namespace-does-not-end",
    ),
    Alert(
        name="BedplateQuotaNearlyUsed",
        expression=(
            'max by (namespace, resourcequota, resource) (kube_resourcequota{type="used"}) >= 0.9 *'
            ' (max by (namespace, resourcequota, resource) (kube_resourcequota{type="hard"}) > 0)'
        ),
        for_minutes=30,
        severity="warning",
        summary="{{ $labels.namespace }} has used nine tenths of {{ $labels.resource }} ({{ $labels.resourcequota }})",
        description="What asks for more is refused.",
        runbook="docs/guides/monitoring.md#a-quota-is-nearly-used",
    ),
)
"""Of any workload, whoever measures."""

METRICS_ALERTS: tuple[Alert, ...] = (
    Alert(
        name=HEARTBEAT,
        expression="vector(1)",
        for_minutes=0,
        severity="warning",
        summary="Alerts work",
        description="It always fires. Whoever gets it raises the alarm when it stays away.",
        runbook="docs/guides/monitoring.md#the-heartbeat-stays-away",
    ),
    Alert(
        name="BedplateTargetDown",
        expression="count by (job) (up == 0) / count by (job) (up) > 0.1",
        for_minutes=10,
        severity="warning",
        summary="More than a tenth of {{ $labels.job }} cannot be read",
        description="Alerts that need it do not fire.",
        runbook="docs/guides/monitoring.md#a-target-is-down",
    ),
    Alert(
        name="BedplateNobodyTellsOfObjects",
        expression=(
            'absent(up{job="kube-state-metrics"} == 1)'
            ' or absent(up{job="kubelet", metrics_path="/metrics/cadvisor"} == 1)'
        ),
        for_minutes=10,
        severity="critical",
        summary="Prometheus knows of no pods: kube-state-metrics or every kubelet cannot be read",
        description="Most alerts cannot fire, nothing is stopped for being idle, and costs are not counted.",
        runbook="docs/guides/monitoring.md#a-target-is-down",
    ),
    Alert(
        name="BedplatePrometheusDiskFull",
        expression=(
            f"min by (persistentvolumeclaim) (kubelet_volume_stats_available_bytes{_DISKS}"
            f" / kubelet_volume_stats_capacity_bytes{_DISKS}) < 0.1"
        ),
        for_minutes=15,
        severity="critical",
        summary="Less than a tenth of Prometheus' disk {{ $labels.persistentvolumeclaim }} is left",
        description="When it is full nothing is recorded any more. Its limit should have made room before.",
        runbook="docs/guides/monitoring.md#prometheus-disk-is-full",
    ),
    Alert(
        name="BedplatePrometheusStorageFails",
        expression=" or ".join(
            f"sum by (pod) (increase({metric}[1h])) > 0"
            for metric in (
                "prometheus_tsdb_wal_corruptions_total",
                "prometheus_tsdb_wal_truncations_failed_total",
                "prometheus_tsdb_head_truncations_failed_total",
                "prometheus_tsdb_compactions_failed_total",
            )
        ),
        for_minutes=0,
        severity="critical",
        summary="{{ $labels.pod }} cannot keep its log or its blocks",
        description="The log grows until the disk is full, or what was in it is lost at the next start.",
        runbook="docs/guides/monitoring.md#prometheus-storage-fails",
    ),
    Alert(
        name="BedplateRulesFail",
        expression=(
            "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[10m])) > 0"
            " or sum by (rule_group) (increase(prometheus_rule_group_iterations_missed_total[10m])) > 0"
        ),
        for_minutes=10,
        severity="critical",
        summary="Rules of {{ $labels.rule_group }} fail or are late",
        description="Its alerts do not fire, and what it records has gaps.",
        runbook="docs/guides/monitoring.md#rules-fail",
    ),
    Alert(
        name="BedplateNotificationsFail",
        expression=(
            "sum by (integration) (rate(alertmanager_notifications_failed_total[15m]))"
            " / sum by (integration) (rate(alertmanager_notifications_total[15m])) > 0.05"
        ),
        for_minutes=10,
        severity="critical",
        summary="Alertmanager cannot tell people by {{ $labels.integration }}",
        description="Whoever is to be told by it is not.",
        runbook="docs/guides/monitoring.md#notifications-fail",
    ),
    Alert(
        name="BedplateNobodyIsTold",
        expression="max(prometheus_notifications_alertmanagers_discovered) < 1",
        for_minutes=10,
        severity="critical",
        summary="Prometheus finds no Alertmanager",
        description="Alerts fire, and nobody hears of them.",
        runbook="docs/guides/monitoring.md#notifications-fail",
    ),
    Alert(
        name="BedplateMonitoringNotConfigured",
        expression=(
            "min by (pod) (prometheus_config_last_reload_successful) == 0"
            " or min by (pod) (alertmanager_config_last_reload_successful) == 0"
        ),
        for_minutes=10,
        severity="critical",
        summary="{{ $labels.pod }} does not accept its configuration",
        description="It goes on with the former one: new rules, targets and receivers are not there.",
        runbook="docs/guides/monitoring.md#a-configuration-is-not-accepted",
    ),
)
"""Of the Prometheus that the platform runs itself."""
