"""How much is printed, by whom, and whether it arrives."""

from bedplate.kubernetes import Dashboard, Panel, Query, Row
from bedplate.labels import LOGS_NAMESPACE

_DAY = "sum by (name) (increase(fluentbit_output_proc_bytes_total[1d]))"
_FREE = (
    f'kubelet_volume_stats_available_bytes{{namespace="{LOGS_NAMESPACE}"}}'
    f' / kubelet_volume_stats_capacity_bytes{{namespace="{LOGS_NAMESPACE}"}}'
)
_LOGS = Dashboard(
    uid="bedplate-logs",
    title="Logs",
    audience="platform",
    description="Lines of pods and of the audit log that were sent. Figures of a day go into `logs.gibPerDay`.",
    range="now-7d",
    rows=[
        Row(
            title="How much",
            panels=[
                Panel(
                    title="Sent in a day",
                    kind="timeseries",
                    width=12,
                    unit="bytes",
                    description="As records, which have about 150 bytes more than the line.",
                    queries=[Query(expression=_DAY, legend="{{ name }}")],
                ),
                Panel(
                    title="Free disk of the store",
                    kind="timeseries",
                    width=12,
                    unit="percentunit",
                    queries=[
                        Query(
                            expression=f"min by (persistentvolumeclaim) ({_FREE})",
                            legend="{{ persistentvolumeclaim }}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Whether it arrives",
            panels=[
                Panel(
                    title="Requests that were tried again",
                    kind="timeseries",
                    width=12,
                    queries=[
                        Query(
                            expression="sum by (name) (increase(fluentbit_output_retries_total[15m]))",
                            legend="{{ name }}",
                        )
                    ],
                ),
                Panel(
                    title="Lines lost",
                    kind="timeseries",
                    width=12,
                    queries=[
                        Query(
                            expression="sum by (name) (increase(fluentbit_output_dropped_records_total[15m]))",
                            legend="{{ name }}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
DASHBOARDS = (_LOGS,)
