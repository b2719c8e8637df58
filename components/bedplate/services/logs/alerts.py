"""What somebody is told about logs: lines that are lost, that wait, and a disk that fills.

Fluent Bit's figures are by family of streams (`name`, the alias of an output: `pods`, `audit`) and machine
(https://docs.fluentbit.io/manual/administration/monitoring); the disk's are the kubelet's.
"""

from bedplate.kubernetes import Alert
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE
from bedplate.services.logs.roles import COLLECTOR, KEEPER

_GUIDE = "docs/guides/logs.md"
_FREE = (
    f'kubelet_volume_stats_available_bytes{{namespace="{LOGS_NAMESPACE}"}}'
    f' / kubelet_volume_stats_capacity_bytes{{namespace="{LOGS_NAMESPACE}"}}'
)
_FREE_BYTES = f'kubelet_volume_stats_available_bytes{{namespace="{LOGS_NAMESPACE}"}}'
_LAST = f'kube_cronjob_status_last_successful_time{{namespace="{LOGS_NAMESPACE}", cronjob="{KEEPER}"}}'
_CREATED = f'kube_cronjob_created{{namespace="{LOGS_NAMESPACE}", cronjob="{KEEPER}"}}'
_COLLECTORS = f'namespace="{LOG_COLLECTOR_NAMESPACE}", daemonset="{COLLECTOR}"'
WARNS_BELOW, FULL_BELOW = 0.25, 0.12
"""Free share of a disk. From 15 % on the keeper removes pods' lines before their time; at 5 % the store takes none."""


def _increase(series: str, minutes: int) -> str:
    return f"sum by (name) (increase({series}[{minutes}m]))"


COLLECTOR_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateLogsNotCollected",
        expression=(
            "max by (namespace, daemonset)"
            f" (kube_daemonset_status_desired_number_scheduled{{{_COLLECTORS}}}"
            f" - kube_daemonset_status_number_available{{{_COLLECTORS}}}) > 0"
        ),
        for_minutes=15,
        severity="warning",
        summary="{{ $value }} machines are without a running log collector",
        description="Lines wait in the files of these machines, of which the kubelet keeps 50 MiB a container.",
        runbook=f"{_GUIDE}#logs-are-not-collected",
    ),
    Alert(
        name="BedplateLogsLost",
        expression=f"{_increase('fluentbit_output_dropped_records_total', 15)} > 0",
        for_minutes=0,
        severity="critical",
        summary="Lines of {{ $labels.name }} are lost",
        description="The store did not take some of them in time, or the buffer of a machine was full.",
        runbook=f"{_GUIDE}#lines-are-lost",
    ),
    Alert(
        name="BedplateLogsNotStored",
        expression=(
            f"({_increase('fluentbit_output_retries_total', 15)} > 0)"
            f" unless on (name) ({_increase('fluentbit_output_proc_records_total', 15)} > 0)"
        ),
        for_minutes=10,
        severity="critical",
        summary="The store takes nothing of {{ $labels.name }}",
        description="Every request is tried again and none succeeds. Lines wait in the buffers of the machines.",
        runbook=f"{_GUIDE}#the-store-takes-nothing",
    ),
    Alert(
        name="BedplateLogBufferFills",
        expression="max by (name) (1 - fluentbit_output_chunk_available_capacity_percent / 100) > 0.6",
        for_minutes=10,
        severity="warning",
        summary="The buffer for {{ $labels.name }} is {{ $value | humanizePercentage }} full on some machine",
        description="When it is full the oldest lines in it are lost.",
        runbook=f"{_GUIDE}#a-buffer-fills",
    ),
    Alert(
        name="BedplateLogKeeperLate",
        expression=f"(time() - max by (namespace, cronjob) ({_LAST} or {_CREATED}) > 3600) or absent({_CREATED})",
        for_minutes=10,
        severity="warning",
        summary="Nobody has kept the streams of logs in order for an hour",
        description="No line is removed for its age, and a new tenant has no stream.",
        runbook=f"{_GUIDE}#the-keeper-is-late",
    ),
)
STORE_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateLogDiskFills",
        expression=f"min by (persistentvolumeclaim) ({_FREE}) < {WARNS_BELOW}",
        for_minutes=30,
        severity="warning",
        summary="{{ $value | humanizePercentage }} of disk {{ $labels.persistentvolumeclaim }} of the logs is free",
        description="More is printed than the stack file says, or `pods` are kept for longer than the disk is large.",
        runbook=f"{_GUIDE}#the-disk-fills",
    ),
    Alert(
        name="BedplateLogDiskFullSoon",
        expression=(
            f"min by (persistentvolumeclaim) (predict_linear({_FREE_BYTES}[1d], 7 * 86400)) < 0"
            f" and min by (persistentvolumeclaim) ({_FREE}) < 0.5"
        ),
        for_minutes=120,
        severity="warning",
        summary="Disk {{ $labels.persistentvolumeclaim }} of the logs is full within a week, at this pace",
        description="The pace of the last day, drawn on.",
        runbook=f"{_GUIDE}#the-disk-fills",
    ),
    Alert(
        name="BedplateLogDiskFull",
        expression=f"min by (persistentvolumeclaim) ({_FREE}) < {FULL_BELOW}",
        for_minutes=10,
        severity="critical",
        summary="{{ $value | humanizePercentage }} of disk {{ $labels.persistentvolumeclaim }} of the logs is free",
        description="The keeper removes lines of pods before their time. Below 5 % the store takes nothing more.",
        runbook=f"{_GUIDE}#the-disk-fills",
    ),
)
