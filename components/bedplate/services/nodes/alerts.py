"""What somebody is told about nodes and pods that wait for them, whoever adds the nodes.

The expressions read kube-state-metrics and the autoscalers.
"""

from bedplate.kubernetes import Alert
from bedplate.labels import (
    AUTOSCALER_SERVICE_ACCOUNT,
    AUTOSCALING_NAMESPACE,
    KARPENTER,
    KARPENTER_NAMESPACE,
)

_AUTOSCALER_DOES_NOT_WORK = "docs/guides/gpu-nodes.md#the-autoscaler-does-not-work"


def _available(namespace: str, deployment: str) -> str:
    return f'kube_deployment_status_replicas_available{{namespace="{namespace}", deployment="{deployment}"}}'


_AUTOSCALER = _available(AUTOSCALING_NAMESPACE, AUTOSCALER_SERVICE_ACCOUNT)
_KARPENTER = _available(KARPENTER_NAMESPACE, KARPENTER)

NODE_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplatePodUnschedulable",
        expression="max by (namespace, pod) (kube_pod_status_unschedulable) == 1",
        for_minutes=30,
        severity="warning",
        summary="Pod {{ $labels.namespace }}/{{ $labels.pod }} has found no node for 30 minutes",
        description="Its pool is full, or no node of it comes up, or no pool has what it asks for.",
        runbook="docs/guides/gpu-nodes.md#a-pod-finds-no-node",
    ),
)
CLUSTER_AUTOSCALER_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateClusterAutoscalerDown",
        expression=f"max({_AUTOSCALER}) == 0 or absent({_AUTOSCALER})",
        for_minutes=10,
        severity="critical",
        summary="The cluster autoscaler does not run",
        description="Pods that need a new node wait, and nodes that nobody needs stay.",
        runbook=_AUTOSCALER_DOES_NOT_WORK,
    ),
    Alert(
        name="BedplateClusterAutoscalerHalted",
        expression="max(cluster_autoscaler_cluster_safe_to_autoscale) == 0",
        for_minutes=10,
        severity="critical",
        summary="The cluster autoscaler has stopped adding and removing nodes",
        description="More than three nodes, and more than 45 % of all, are unready or offer no GPU.",
        runbook=_AUTOSCALER_DOES_NOT_WORK,
    ),
    Alert(
        name="BedplateScaleUpFailed",
        # The counters are there from the start, at zero, so that the first failure is seen as an increase.
        expression="sum by (reason) (increase(cluster_autoscaler_failed_scale_ups_total[30m])) > 0",
        for_minutes=0,
        severity="warning",
        summary="Adding nodes failed: {{ $labels.reason }}",
        description="The cloud had none to give, refused, or the nodes did not join in 15 minutes.",
        runbook="docs/guides/gpu-nodes.md#adding-nodes-fails",
    ),
)
KARPENTER_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateKarpenterDown",
        expression=f"max({_KARPENTER}) == 0 or absent({_KARPENTER})",
        for_minutes=10,
        severity="critical",
        summary="Karpenter does not run",
        description="Pods that need a new node wait, and nodes that nobody needs stay.",
        runbook=_AUTOSCALER_DOES_NOT_WORK,
    ),
    Alert(
        name="BedplateMachineLaunchFailed",
        # A series begins with its first failure, which is no increase; Karpenter tries again at once, and that is one.
        expression='sum by (error) (increase(karpenter_cloudprovider_errors_total{method="Create"}[30m])) > 0',
        for_minutes=0,
        severity="warning",
        summary="Starting a machine failed: {{ $labels.error }}",
        description="The cloud had none to give, or refused.",
        runbook="docs/guides/gpu-nodes.md#adding-nodes-fails",
    ),
)
