"""What somebody is told about GPUs: those that are not offered, that are broken, and that nobody uses.

What the expressions read, and which labels must be let through for it: see `rules`.
"""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import ACCELERATOR, GPU_NAMESPACE, TENANT
from bedplate.services.gpu.rules import ALLOCATED, UTILISATION, of_node

_ACCELERATOR, _TENANT = metric_label(ACCELERATOR), metric_label(TENANT)
_GUIDE = "docs/guides/gpu-nodes.md"
HARDWARE_XIDS = (48, 62, 64, 74, 79, 92, 95, 110, 119, 120, 140, 143, 149)
"""What ends with a reset of the GPU or another machine: memory, NVLink, the bus, the GPU's own firmware.

https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html
"""
PROGRAM_XIDS = (13, 31, 43, 45, 63, 68, 94, 154)
"""What a program did wrong or was ended by (13, 31, 43, 45, 68), or what was mended without loss to others (63, 94),
and 154, which only repeats what to do."""
_BROKEN, _HARMLESS = ("|".join(str(xid) for xid in xids) for xids in (HARDWARE_XIDS, PROGRAM_XIDS))
_NODES = f'max by (node, {_ACCELERATOR}) (kube_node_labels{{{_ACCELERATOR}!=""}})'
UNUSED_SHARE = 0.05


def _xids(which: str) -> str:
    series = f"DCGM_EXP_XID_ERRORS_COUNT{{{which}}}"
    return f"max by (node, gpu, xid) ({of_node(series)}) > 0"


GPU_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateGpuNodeWithoutGpu",
        # A resource that a node never offered has no series: `unless` holds for absent and zero alike.
        expression=(
            f'{_NODES} unless on (node) (max by (node) (kube_node_status_allocatable{{resource="nvidia_com_gpu"}}) > 0)'
        ),
        for_minutes=10,
        severity="critical",
        summary=f"Node {{{{ $labels.node }}}} costs money and offers no {{{{ $labels.{_ACCELERATOR} }}}}",
        description="It has been there for 10 minutes without a GPU that pods could use; others may follow it.",
        runbook=f"{_GUIDE}#a-gpu-node-offers-no-gpu",
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
        runbook=f"{_GUIDE}#the-device-plugin-does-not-run",
    ),
)
EXPORTER_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateGpuMetricsMissing",
        expression=f"{_NODES} unless on (node) (max by (node) ({of_node('DCGM_FI_DEV_GPU_TEMP')}))",
        for_minutes=15,
        severity="warning",
        summary=f"Nobody knows how {{{{ $labels.{_ACCELERATOR} }}}} of node {{{{ $labels.node }}}} are used",
        description="Broken and unused GPUs are not told, and workspaces there are not stopped when they are idle.",
        runbook=f"{_GUIDE}#metrics-of-gpus-are-missing",
    ),
    Alert(
        name="BedplateGpuBroken",
        expression=_xids(f'xid=~"{_BROKEN}"'),
        for_minutes=0,
        severity="critical",
        summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} is broken: XID {{ $labels.xid }}",
        description="What runs on it fails, and so does what comes there next.",
        runbook=f"{_GUIDE}#a-gpu-is-broken",
    ),
    Alert(
        name="BedplateGpuFault",
        expression=_xids(f'xid!="", xid!~"0|{_BROKEN}|{_HARMLESS}"'),
        for_minutes=0,
        severity="warning",
        summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} reports XID {{ $labels.xid }}",
        description="It is neither a program's own fault nor surely the hardware's.",
        runbook=f"{_GUIDE}#a-gpu-is-broken",
    ),
    Alert(
        name="BedplateGpuMemoryFails",
        expression=f"max by (node, gpu) ({of_node('DCGM_FI_DEV_ROW_REMAP_FAILURE')}) > 0",
        for_minutes=0,
        severity="critical",
        summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} has no spare memory left for what fails",
        description="The next error there ends what runs on it.",
        runbook=f"{_GUIDE}#a-gpu-is-broken",
    ),
    Alert(
        name="BedplateGpuHot",
        expression=f"max by (node, gpu) ({of_node('DCGM_FI_DEV_GPU_TEMP')}) > 90",
        for_minutes=10,
        severity="warning",
        summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} has {{ $value }} °C",
        description="It slows down to stay whole.",
        runbook=f"{_GUIDE}#a-gpu-is-hot",
    ),
    Alert(
        name="BedplateGpuUnused",
        expression=(
            f"max by (namespace, pod, {_TENANT}) ("
            f"(max by (namespace, pod) (avg_over_time({UTILISATION}[10m])) < {UNUSED_SHARE}"
            f" and on (namespace, pod) {ALLOCATED} > 0)"
            f" * on (namespace) group_left ({_TENANT}) max by (namespace, {_TENANT}) (kube_namespace_labels))"
        ),
        for_minutes=60,
        severity="warning",
        summary=f"Pod {{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}} of {{{{ $labels.{_TENANT} }}}} has a GPU that "
        "it does not use",
        description="Less than 5 % for an hour; nobody else can have it meanwhile.",
        runbook=f"{_GUIDE}#a-gpu-is-not-used",
    ),
)
