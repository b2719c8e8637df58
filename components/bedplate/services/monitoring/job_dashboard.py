"""Runs of jobs: how each ended, how long it took, what goes on.

What is shown is what is still there: a finished run goes after its `keepDays`, or when its history is full.
"""

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable, metric_label
from bedplate.labels import TENANT, WORKLOAD

_NAMESPACE = Variable(
    name="namespace", title="Tenant", selector=f'kube_namespace_labels{{{metric_label(TENANT)}!=""}}', label="namespace"
)
_OF = 'namespace=~"$namespace"'
_RUN = "by (namespace, job_name)"
_ON = "on (namespace, job_name)"
_WORKLOAD = metric_label(WORKLOAD)
_JOB = f'max by (namespace, job_name, {_WORKLOAD}) (kube_job_labels{{{_OF}, {_WORKLOAD}!=""}})'
_STARTED = f"max {_RUN} (kube_job_status_start_time{{{_OF}}})"
_ENDED = f"max {_RUN} (kube_job_status_completion_time{{{_OF}}})"
_SUCCEEDED = f'max {_RUN} (kube_job_complete{{{_OF}, condition="true"}}) == 1'
_FAILED = f'max {_RUN} (kube_job_failed{{{_OF}, condition="true"}}) == 1'


def _by_job(series: str, how: str) -> str:
    """how: such as `sum`."""
    return f"{how} by (namespace, {_WORKLOAD}) (({series}) * {_ON} group_left ({_WORKLOAD}) {_JOB})"


_LEGEND = f"{{{{namespace}}}}/{{{{{_WORKLOAD}}}}}"
JOBS = Dashboard(
    uid="bedplate-jobs",
    title="Jobs",
    audience="tenant",
    description="Runs of jobs that are still there; finished ones go after `keepDays` or when their history is full.",
    variables=[_NAMESPACE],
    range="now-7d",
    rows=[
        Row(
            title="Results",
            panels=[
                Panel(
                    title="Runs that succeeded",
                    kind="table",
                    width=8,
                    queries=[Query(expression=_by_job(_SUCCEEDED, "sum"), legend=_LEGEND)],
                ),
                Panel(
                    title="Runs that failed",
                    kind="table",
                    width=8,
                    queries=[Query(expression=_by_job(_FAILED, "sum"), legend=_LEGEND)],
                ),
                Panel(
                    title="Failed runs by name",
                    kind="table",
                    width=8,
                    description="`kubectl describe job NAME` says why, the logs of its pods what they said.",
                    queries=[Query(expression=_FAILED)],
                ),
            ],
        ),
        Row(
            title="Time",
            panels=[
                Panel(
                    title="How long runs took that succeeded",
                    unit="s",
                    description="On average of those that are there, by job.",
                    queries=[Query(expression=_by_job(f"{_ENDED} - {_STARTED}", "avg"), legend=_LEGEND)],
                ),
                Panel(
                    title="Longest runs that succeeded",
                    kind="table",
                    unit="s",
                    queries=[
                        Query(expression=f"topk(25, {_ENDED} - {_STARTED})", legend=""),
                    ],
                ),
                Panel(
                    title="Going on for",
                    kind="table",
                    unit="s",
                    queries=[Query(expression=f"time() - {_STARTED} unless {_ON} {_ENDED} unless {_ON} ({_FAILED})")],
                ),
                Panel(
                    title="Pods of runs",
                    queries=[
                        Query(
                            expression=_by_job(f"max {_RUN} (kube_job_status_active{{{_OF}}})", "sum"), legend=_LEGEND
                        )
                    ],
                ),
            ],
        ),
    ],
)
