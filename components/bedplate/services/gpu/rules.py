"""Who has which GPU, and uses how much of it, as series that alerts, cost, idle shutdown and dashboards read.

They read kube-state-metrics, whose flag must let the label of nodes through
(`--metric-labels-allowlist=nodes=[bedplate.dev/accelerator,…]`), and the DCGM exporter with `honorLabels`, so that
`namespace` and `pod` are those of who has the GPU; of one that nobody has they are the exporter's own.
"""

from bedplate.kubernetes import RecordingRule, RuleGroup, metric_label
from bedplate.labels import ACCELERATOR, GPU_METRICS_NAMESPACE

ALLOCATED = "bedplate:gpu_allocated"
"""`nvidia.com/gpu` by namespace, pod, node and accelerator, from the moment that a pod has its node."""
CAPACITY = "bedplate:gpu_capacity"
"""`nvidia.com/gpu` that a node offers, by node and accelerator."""
UTILISATION = "bedplate:gpu_utilisation"
"""0 to 1, by namespace, pod, node, gpu and GPU_I_ID (of a part). A GPU that is used in turns shows all of its use at
each of its pods."""
_LABEL = metric_label(ACCELERATOR)
_NODES = f'max by (node, {_LABEL}) (kube_node_labels{{{_LABEL}!=""}})'
_OF_PODS = f'{{namespace!="{GPU_METRICS_NAMESPACE}", namespace!="", pod!=""}}'


def _with_accelerator(by: str, what: str) -> str:
    joined = f"{what} * on (node) group_left ({_LABEL}) {_NODES}"
    return f'sum by ({by}, accelerator) (label_replace({joined}, "accelerator", "$1", "{_LABEL}", "(.+)"))'


def of_node(series: str) -> str:
    """The exporter's series with the label `node`."""
    return f'label_replace({series}, "node", "$1", "Hostname", "(.+)")'


# kube-state-metrics may run twice.
_REQUESTED = (
    "sum by (namespace, pod, node) (max by (namespace, pod, node, container) "
    '(kube_pod_container_resource_requests{resource="nvidia_com_gpu", node!=""})'
    ' and on (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running"} == 1))'
)
_OFFERED = 'max by (node) (kube_node_status_allocatable{resource="nvidia_com_gpu"})'
_USED = f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{_OF_PODS} or DCGM_FI_DEV_GPU_UTIL{_OF_PODS} / 100"

GPU_RULES: tuple[RuleGroup, ...] = (
    RuleGroup(
        name="bedplate-gpu",
        interval_seconds=30,
        rules=[
            RecordingRule(name=ALLOCATED, expression=_with_accelerator("namespace, pod, node", _REQUESTED)),
            RecordingRule(name=CAPACITY, expression=_with_accelerator("node", _OFFERED)),
            RecordingRule(
                name=UTILISATION,
                expression=f"max by (namespace, pod, node, gpu, GPU_I_ID) ({of_node(f'({_USED})')})",
            ),
        ],
    ),
)
