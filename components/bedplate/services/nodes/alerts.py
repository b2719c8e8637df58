"""What somebody is told about nodes and pods that wait for them, whoever adds the nodes.

The expressions read kube-state-metrics; its flag must let our label through:
`--metric-labels-allowlist=nodes=[bedplate.dev/accelerator,bedplate.dev/pool]`
(https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md).
"""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import (
    ACCELERATOR,
    AUTOSCALER_SERVICE_ACCOUNT,
    AUTOSCALING_NAMESPACE,
    GPU_NAMESPACE,
    KARPENTER,
    KARPENTER_NAMESPACE,
)

_ACCELERATOR = metric_label(ACCELERATOR)
_AUTOSCALER_DOES_NOT_WORK = "docs/guides/gpu-nodes.md#the-autoscaler-does-not-work"


def _available(namespace: str, deployment: str) -> str:
    return f'kube_deployment_status_replicas_available{{namespace="{namespace}", deployment="{deployment}"}}'


_AUTOSCALER = _available(AUTOSCALING_NAMESPACE, AUTOSCALER_SERVICE_ACCOUNT)
_KARPENTER = _available(KARPENTER_NAMESPACE, KARPENTER)

NODE_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateGpuNodeWithoutGpu",
        # A resource that a node never offered has no series: `unless` holds for absent and zero alike.
        expression=(
            f'max by (node, {_ACCELERATOR}) (kube_node_labels{{{_ACCELERATOR}!=""}})'
            ' unless on (node) (max by (node) (kube_node_status_allocatable{resource="nvidia_com_gpu"}) > 0)'
        ),
        for_minutes=15,
        severity="critical",
        summary=f"Node {{{{ $labels.node }}}} costs money and offers no {{{{ $labels.{_ACCELERATOR} }}}}",
        description="It has been there for 15 minutes without a GPU that pods could use; others may follow it.",
        runbook="docs/guides/gpu-nodes.md#a-gpu-node-offers-no-gpu",
    ),
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
DEVICE_PLUGIN_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateDevicePluginUnavailable",
        expression=(
            "max by (namespace, daemonset)"
            f' (kube_daemonset_status_desired_number_scheduled{{namespace="{GPU_NAMESPACE}"}}'
            f' - kube_daemonset_status_number_available{{namespace="{GPU_NAMESPACE}"}}) > 0'
        ),
        for_minutes=15,
        severity="warning",
        summary="{{ $value }} GPU nodes are without a running device plugin",
        description="Their GPUs are not offered to pods. The plugin's log says what it misses, most often the driver.",
        runbook="docs/guides/gpu-nodes.md#the-device-plugin-does-not-run",
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
