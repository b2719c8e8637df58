"""What somebody is told about nodes and pods that wait for them, whoever adds the nodes.

The expressions read kube-state-metrics; its flag must let our label through:
`--metric-labels-allowlist=nodes=[bedplate.dev/accelerator,bedplate.dev/pool]`
(https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md).
"""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import ACCELERATOR

_ACCELERATOR = metric_label(ACCELERATOR)

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
