"""What somebody is told about queues: work that waits for long, and a controller without which nothing new starts.

The expressions read kube-state-metrics and what Kueue says of itself.
"""

from bedplate.kubernetes import Alert
from bedplate.labels import QUEUE_NAMESPACE
from bedplate.services.queue.controllers import JOBSET, KUEUE

_GUIDE = "docs/guides/training.md"


def _down(name: str, titled: str) -> Alert:
    available = f'kube_deployment_status_replicas_available{{namespace="{QUEUE_NAMESPACE}", deployment="{name}"}}'
    return Alert(
        name=f"Bedplate{titled}Down",
        expression=f"max({available}) == 0 or absent({available})",
        for_minutes=5,
        severity="critical",
        summary=f"{titled} does not run: no tenant can start a job",
        description="Jobs and trainings are refused, and none that waits begins. What runs goes on.",
        runbook=f"{_GUIDE}#a-controller-does-not-run",
    )


QUEUE_ALERTS = (
    _down(KUEUE, "Kueue"),
    _down(JOBSET, "JobSet"),
    Alert(
        name="BedplateQueueStuck",
        expression=(
            'sum by (cluster_queue) (kueue_pending_workloads{status="active"}) > 0 '
            "unless on (cluster_queue) sum by (cluster_queue) (kueue_admitted_active_workloads) > 0"
        ),
        for_minutes=60,
        severity="warning",
        summary="Work of {{ $labels.cluster_queue }} waits for an hour, and none of it runs",
        description="It is larger than what its queue has, or others hold what it could borrow.",
        runbook=f"{_GUIDE}#work-waits-and-nothing-runs",
    ),
    Alert(
        name="BedplateQueueInadmissible",
        expression='sum by (cluster_queue) (kueue_pending_workloads{status="inadmissible"}) > 0',
        for_minutes=360,
        severity="warning",
        summary="Work of {{ $labels.cluster_queue }} has found no room for six hours",
        description="What it asks for is held by others, or more than the queue will ever have.",
        runbook=f"{_GUIDE}#work-waits-and-nothing-runs",
    ),
)
