"""What somebody is told about costs and budgets."""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import COST_NAMESPACE, TENANT
from bedplate.services.cost.spec import CostSpec

MARKS, USAGE = "budget-marks", "usage-rows"
"""Names of the CronJobs in COST_NAMESPACE."""
_GUIDE = "docs/guides/cost.md"


def _late(job: str, seconds: int) -> str:
    last = f'kube_cronjob_status_last_successful_time{{namespace="{COST_NAMESPACE}", cronjob="{job}"}}'
    there = f'kube_cronjob_created{{namespace="{COST_NAMESPACE}", cronjob="{job}"}}'
    return f"(time() - max by (namespace, cronjob) ({last} or {there}) > {seconds}) or absent({there})"


COST_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateCostNotCounted",
        expression="absent(bedplate:node_cost_hourly)",
        for_minutes=15,
        severity="critical",
        summary="Nothing is counted of what the platform costs",
        description="kube-state-metrics or the rules do not answer. Work goes on, and no budget denies anything.",
        runbook=f"{_GUIDE}#costs-are-not-counted",
    ),
    Alert(
        name="BedplateCostNodeWithoutPrice",
        expression="max by (node) (kube_node_info) unless on (node) max by (node) (bedplate:node_cost_hourly)",
        for_minutes=60,
        severity="warning",
        summary="Node {{ $labels.node }} has no price",
        description="It belongs to no pool of the stack file, or its pool has no price: what runs there costs nothing.",
        runbook=f"{_GUIDE}#a-node-has-no-price",
    ),
    Alert(
        name="BedplateCostVolumeWithoutPrice",
        # Where machines have prices: otherwise hours alone are counted, and that is meant.
        expression=(
            "sum by (storageclass) (bedplate:claim_quantity unless on (storageclass) bedplate:storage_price_hourly) > 0"
            " and on () (count(bedplate:node_cost_hourly) > 0)"
        ),
        for_minutes=60,
        severity="warning",
        summary="Volumes of {{ $labels.storageclass }} have no price",
        description="{{ $value }} GiB are counted in no cost and no budget.",
        runbook=f"{_GUIDE}#a-volume-has-no-price",
    ),
    Alert(
        name="BedplateCostNobodys",
        expression=(
            'max by (namespace, pod) (bedplate:pod_owner{tenant=""}) and on (namespace) '
            f'max by (namespace) (kube_namespace_labels{{{metric_label(TENANT)}!=""}})'
        ),
        for_minutes=5,
        severity="warning",
        summary="Pod {{ $labels.namespace }}/{{ $labels.pod }} is nobody's",
        description="In a tenant's namespace, without the labels that say who pays; guardrails do not hold there.",
        runbook=f"{_GUIDE}#a-pod-belongs-to-nobody",
    ),
)
BUDGET_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateBudgetUsed",
        expression=(
            "max by (scope, name, unit, at, tenant) "
            "(bedplate:budget_share >= on (scope, name, unit) group_right bedplate:budget_warn_at)"
        ),
        for_minutes=0,
        severity="warning",
        summary="{{ $labels.at }} of the budget of {{ $labels.scope }} {{ $labels.name }} is used ({{ $labels.unit }})",
        description="{{ $value | humanizePercentage }} of this month's budget is used up to the last full hour.",
        runbook=f"{_GUIDE}#a-budget-is-used-up",
    ),
    Alert(
        name="BedplateBudgetNotCounted",
        expression="absent(bedplate:budget_share)",
        for_minutes=20,
        severity="critical",
        summary="No budget is counted",
        description="Nobody is warned, and nobody is denied anything, however much is used.",
        runbook=f"{_GUIDE}#budgets-are-not-counted",
    ),
)
MARKS_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateBudgetMarksLate",
        expression=_late(MARKS, 1200),
        for_minutes=5,
        severity="critical",
        summary="Nobody marks budgets that are used up",
        description="Marks hold for half an hour; then GPUs are given to whoever asks, whatever the budget says.",
        runbook=f"{_GUIDE}#budgets-are-not-counted",
    ),
)
USAGE_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateUsageNotExported",
        expression=_late(USAGE, 10_800),
        for_minutes=5,
        severity="warning",
        summary="Rows of usage are not written",
        description="For three hours nothing reached the object store. Hours of the last three days are written later.",
        runbook=f"{_GUIDE}#usage-is-not-exported",
    ),
)


def alerts_of(spec: CostSpec) -> tuple[Alert, ...]:
    """Those of what the stack file asks for."""
    idle = Alert(
        name="BedplateCostUnallocated",
        expression=(
            f"sum(bedplate:node_unallocated_hourly) / sum(bedplate:node_cost_hourly) > {spec.unallocated_share!r}"
        ),
        for_minutes=24 * 60,
        severity="warning",
        summary="{{ $value | humanizePercentage }} of what nodes cost is nobody's",
        description="For a day, pods took too little of them. Nodes are too large, too many, or do not go away.",
        runbook=f"{_GUIDE}#nodes-cost-more-than-pods-use",
    )
    has_budgets = spec.budgets.tenants or spec.budgets.projects or spec.budgets.people
    return (
        *COST_ALERTS,
        idle,
        *(BUDGET_ALERTS if has_budgets else ()),
        *(MARKS_ALERTS if spec.denies else ()),
        *(USAGE_ALERTS if spec.usage else ()),
    )
