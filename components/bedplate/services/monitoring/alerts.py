"""What somebody is told about workloads, whichever cloud they run on.

Read off kube-state-metrics:
https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/horizontalpodautoscaler-metrics.md,
https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/deployment-metrics.md.
"""

from bedplate.kubernetes import Alert

WORKLOAD_ALERTS: tuple[Alert, ...] = (
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
)
