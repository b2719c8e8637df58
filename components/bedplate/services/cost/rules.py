"""What everything costs, as recording rules over kube-state-metrics and a price table.

Owns the arithmetic. A pod costs from the moment that it has a node until it has finished, what it requests (the
greater of its containers together and of its largest init container) times the prices of its node's pool. What a node
costs beyond its pods is nobody's, and a series of its own. A claim costs while it is bound.

Time: everything is looked at once a minute, and what is there then counts for the whole minute. A run between two looks
counts nothing, any other is at most a minute too long or too short, and on average right. An hour is the sum of its
looks; a month (UTC) is the sum of its full hours. Nothing is counted up from what was counted before, so a restart
loses the minutes that it takes and nothing else.

Metrics: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics.
"""

from collections.abc import Mapping, Sequence

from bedplate.clouds import HOURS_PER_MONTH, PoolPrices
from bedplate.kubernetes import RecordingRule, RuleGroup, metric_label
from bedplate.labels import ACCELERATOR, OWNER, POOL, PROJECT, TENANT, WORKLOAD

LABELS_READ: Mapping[str, Sequence[str]] = {
    "pods": (TENANT, PROJECT, OWNER, WORKLOAD),
    "persistentvolumeclaims": (TENANT, PROJECT, OWNER, WORKLOAD),
    "namespaces": (TENANT,),
    "nodes": (POOL, ACCELERATOR),
}
"""Labels of objects that kube-state-metrics must show, by kind (--metric-labels-allowlist)."""
LOOK_SECONDS = 60
GPU_PRICE = "bedplate:gpu_price_hourly"
"""One GPU for one hour by what pods ask for, in the pool where it costs least."""
MONTH_DAYS, TWO_MONTHS_DAYS = 32, 63
"""For how long samples must be kept: for a month, and for a whole one before it, with the hour that is not over."""
_MONTHS_SECONDS = 300
_OWNED = {"tenant": TENANT, "project": PROJECT, "owner": OWNER, "workload": WORKLOAD}
_WHOSE = ", ".join(_OWNED)
_OF_USAGE = f"namespace, {_WHOSE}, accelerator, of"


def price_rules(pools: Mapping[str, PoolPrices], storage_gib_month: Mapping[str, float]) -> RuleGroup:
    """The price table as series: of pools by what is bought, of GPUs and their parts by name, of storage by class."""
    rules: list[RecordingRule] = []
    for pool, prices in sorted(pools.items()):
        bought = {"node": prices.node, "cpu_core": prices.cpu_core, "memory_gib": prices.memory_gib, "gpu": prices.gpu}
        rules += [_constant("bedplate:pool_price_hourly", price, pool=pool, of=of) for of, price in bought.items()]
    cheapest: dict[str, float] = {}
    for prices in pools.values():
        if prices.accelerator:
            cheapest[prices.accelerator] = min(prices.gpu, cheapest.get(prices.accelerator, prices.gpu))
    rules += [_constant(GPU_PRICE, price, accelerator=name) for name, price in sorted(cheapest.items())]
    for storage_class, price in sorted(storage_gib_month.items()):
        labels = {"storageclass": storage_class}
        rules.append(_constant("bedplate:storage_price_hourly", price / HOURS_PER_MONTH, **labels))
    return RuleGroup(name="bedplate-prices", rules=rules, interval_seconds=LOOK_SECONDS)


def _constant(name: str, value: float, **labels: str) -> RecordingRule:
    return RecordingRule(name=name, expression=f"vector({value!r})", labels=labels)


def _named(series: str, names: Mapping[str, str]) -> str:
    """The series with labels of objects under short names."""
    for short, label in names.items():
        series = f'label_replace({series}, "{short}", "$1", "{metric_label(label)}", "(.+)")'
    return series


_PRESENT = (
    RecordingRule(
        name="bedplate:node_pool",
        expression="max by (node, pool, accelerator) ("
        + _named(f'kube_node_labels{{{metric_label(POOL)}!=""}}', {"pool": POOL, "accelerator": ACCELERATOR})
        + ")",
    ),
    RecordingRule(
        name="bedplate:pod_placed",
        expression=(
            'max by (namespace, pod, node) (kube_pod_info{node!=""}) and on (namespace, pod) '
            '(max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running|Unknown"}) == 1)'
        ),
    ),
    RecordingRule(
        name="bedplate:pod_owner",
        expression=f"max by (namespace, pod, {_WHOSE}) ({_named('kube_pod_labels', _OWNED)})",
    ),
    RecordingRule(
        name="bedplate:pod_request",
        expression=(
            "max by (namespace, pod, resource) (sum by (namespace, pod, resource) "
            "(max by (namespace, pod, container, resource) (kube_pod_container_resource_requests)) or label_replace("
            "max by (namespace, pod, resource) (kube_pod_init_container_resource_requests), "
            '"of", "init", "", "")) * on (namespace, pod) group_left (node) bedplate:pod_placed'
        ),
    ),
)
_POOL = "* on (node) group_left (pool, accelerator) bedplate:node_pool"
_TAKEN = (
    RecordingRule(
        name="bedplate:pod_quantity",
        expression=f'sum without (resource) (bedplate:pod_request{{resource="cpu"}} {_POOL})',
        labels={"of": "cpu_core"},
    ),
    RecordingRule(
        name="bedplate:pod_quantity",
        expression=f'sum without (resource) (bedplate:pod_request{{resource="memory"}} {_POOL}) / 2^30',
        labels={"of": "memory_gib"},
    ),
    RecordingRule(
        name="bedplate:pod_quantity",
        # A part of a GPU is one of these too, on nodes of an accelerator of its own.
        expression=f'sum without (resource) (bedplate:pod_request{{resource="nvidia_com_gpu"}} {_POOL})',
        labels={"of": "gpu"},
    ),
    RecordingRule(
        name="bedplate:pod_cost_hourly",
        expression="bedplate:pod_quantity * on (pool, of) group_left bedplate:pool_price_hourly",
    ),
    RecordingRule(
        name="bedplate:node_cost_hourly",
        expression='bedplate:node_pool * on (pool) group_left bedplate:pool_price_hourly{of="node"}',
    ),
    RecordingRule(
        name="bedplate:node_unallocated_hourly",
        expression=(
            "bedplate:node_cost_hourly - on (node, pool, accelerator) "
            "(sum by (node, pool, accelerator) (bedplate:pod_cost_hourly) or bedplate:node_cost_hourly * 0)"
        ),
    ),
    RecordingRule(
        name="bedplate:claim_quantity",
        expression=(
            "max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_resource_requests_storage_bytes)"
            " / 2^30 * on (namespace, persistentvolumeclaim) group_left (storageclass) "
            "max by (namespace, persistentvolumeclaim, storageclass) (kube_persistentvolumeclaim_info) "
            "and on (namespace, persistentvolumeclaim) (max by (namespace, persistentvolumeclaim) "
            '(kube_persistentvolumeclaim_status_phase{phase="Bound"}) == 1)'
        ),
    ),
    RecordingRule(
        name="bedplate:claim_owner",
        expression=f"max by (namespace, persistentvolumeclaim, {_WHOSE}) "
        f"({_named('kube_persistentvolumeclaim_labels', _OWNED)})",
    ),
)
_PODS_OF = f"* on (namespace, pod) group_left ({_WHOSE}) bedplate:pod_owner"
_CLAIMS_OF = f"* on (namespace, persistentvolumeclaim) group_left ({_WHOSE}) bedplate:claim_owner"
_BOOKED = (
    RecordingRule(
        name="bedplate:quantity",
        expression=f"sum by ({_OF_USAGE}) (bedplate:pod_quantity {_PODS_OF})",
    ),
    RecordingRule(
        name="bedplate:quantity",
        expression=f"sum by (namespace, {_WHOSE}) (bedplate:claim_quantity {_CLAIMS_OF})",
        labels={"of": "storage_gib"},
    ),
    RecordingRule(
        name="bedplate:cost_hourly",
        expression=f"sum by ({_OF_USAGE}) (bedplate:pod_cost_hourly {_PODS_OF})",
    ),
    RecordingRule(
        name="bedplate:cost_hourly",
        expression=f"sum by (namespace, {_WHOSE}) (bedplate:claim_quantity {_CLAIMS_OF} "
        "* on (storageclass) group_left bedplate:storage_price_hourly)",
        labels={"of": "storage_gib"},
    ),
)


def cost_rules(look_seconds: int = LOOK_SECONDS) -> RuleGroup:
    """From what is there to what each hour cost. Series of an hour are those of the hour before the look."""
    hours = [
        RecordingRule(name=of_hour, expression=f"sum_over_time({of_look}[1h]) / {3600 // look_seconds}")
        for of_hour, of_look in (
            ("bedplate:quantity_hour", "bedplate:quantity"),
            ("bedplate:cost_hour", "bedplate:cost_hourly"),
            ("bedplate:node_cost_hour", "bedplate:node_cost_hourly"),
            ("bedplate:node_unallocated_hour", "bedplate:node_unallocated_hourly"),
        )
    ]
    return RuleGroup(name="bedplate-cost", rules=(*_PRESENT, *_TAKEN, *_BOOKED, *hours), interval_seconds=look_seconds)


# An hour belongs to the month in which it begins; a step of a subquery stands at its end.
_MONTH_OF_STEP = "month(vector(time() - 60))"
_MONTH_NOW = f"last_over_time({_MONTH_OF_STEP}[1m:1m] @ end())"
_MONTH_BEFORE = f"(({_MONTH_NOW} + 10) % 12 + 1)"
_BY_WHOM = "tenant, project, owner"


def _over_month(series: str, by: str, month: str, days: int) -> str:
    return (
        f"sum by ({by}) (sum_over_time((sum by ({by}) ({series}) "
        f"and on () ({_MONTH_OF_STEP} == on () {month}))[{days}d:1h]))"
    )


MONTH_RULES = RuleGroup(
    name="bedplate-cost-months",
    interval_seconds=_MONTHS_SECONDS,
    rules=(
        RecordingRule(
            name="bedplate:month_cost", expression=_over_month("bedplate:cost_hour", _BY_WHOM, _MONTH_NOW, 31)
        ),
        RecordingRule(
            name="bedplate:month_quantity",
            expression=_over_month("bedplate:quantity_hour", f"{_BY_WHOM}, of", _MONTH_NOW, 31),
        ),
        RecordingRule(
            name="bedplate:previous_month_cost",
            expression=_over_month("bedplate:cost_hour", _BY_WHOM, _MONTH_BEFORE, 62),
        ),
    ),
)
"""The month to date, up to the last full hour, and the whole month before it."""
