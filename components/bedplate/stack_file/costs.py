"""Whether prices are of something that there is, money has prices of one currency, and a month is kept to be summed.

Budgets of nobody are no mistake, nor is a month before that is not kept whole: `growth`.
"""

from collections.abc import Iterator

from bedplate.clouds import ACCELERATORS
from bedplate.config import prices_of
from bedplate.labels import DELETED_CLASS, RETAINED_CLASS, label_value
from bedplate.services.cost.rules import MONTH_DAYS, TWO_MONTHS_DAYS
from bedplate.services.cost.spec import BudgetsSpec, CostSpec, UsageBudgetSpec, UsageSpec
from bedplate.stack_file.monitoring import spec_runs
from bedplate.stack_file.parts import Parts, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion

_KEYS = ("tenants", "projects", "people")
LIST_CURRENCY = "USD"
_FOLDERS = {
    "s3": "s3://bucket/usage",
    "gs": "gs://bucket/usage",
    "abfs": "abfs://container@account.dfs.core.windows.net/usage",
}


def prices(parts: Parts) -> Iterator[Problem]:
    """Own prices name accelerators that there are."""
    cost = _cost(parts, "prices")
    if cost is None or not has(cost.prices, ["accelerators"]):
        return
    for name in cost.prices.accelerators:
        if name not in ACCELERATORS:
            yield Problem(
                path=("cost", "prices", "accelerators", name),
                message="unknown accelerator",
                given=shown(name),
                allowed=", ".join(ACCELERATORS),
                fix=suggestion(name, ACCELERATORS, "write one of these names"),
            )


def budgets_have_prices(parts: Parts) -> Iterator[Problem]:
    """Money is counted only where every machine has a price."""
    cost = _cost(parts, "prices", "budgets")
    if cost is None or not has(cost.prices, list(type(cost.prices).model_fields)):
        return
    in_money = next((path for path, budget in _every(cost.budgets) if "money" in budget.limits), None)
    if in_money is None or parts.cloud is None or parts.pools is None:
        return
    try:
        priced = prices_of(cost, parts.cloud, parts.pools)
    except (AttributeError, ValueError):
        return  # A pool that could not be read, or has no machine, is a problem of its own.
    missing = [name for name in parts.pools if name not in priced]
    if not missing:
        return
    accelerators = sorted({pool.accelerator or "" for name, pool in parts.pools.items() if name in missing} - {""})
    keys = [f"accelerators: {{{', '.join(f'{name}: …' for name in accelerators)}}}"] if accelerators else []
    if parts.cloud.list_prices() is None:
        keys += ["cpuCoreHour: …"] if cost.prices.cpu_core_hour is None else []
        keys += ["memoryGibHour: …"] if cost.prices.memory_gib_hour is None else []
    yield Problem(
        path=(*in_money, "dollarsPerMonth"),
        message="a budget of money without prices: no list has one of the machines of " + ", ".join(missing),
        fix=f"say under cost.prices what an hour costs ({', '.join(keys)}), or write gpuHoursPerMonth instead",
    )


def prices_are_of_one_currency(parts: Parts) -> Iterator[Problem]:
    """Lists are in US dollars: beside them, own prices are too."""
    cost = _cost(parts, "currency", "prices")
    if cost is None or cost.currency == LIST_CURRENCY or not is_whole(cost.prices) or parts.cloud is None:
        return
    if parts.cloud.list_prices() is None or not all(
        has(pool, ["accelerator"]) for pool in (parts.pools or {}).values()
    ):
        return
    own = cost.prices
    bought = {pool.accelerator for pool in (parts.pools or {}).values() if pool.accelerator}
    listed = [
        *(["cpuCoreHour"] if own.cpu_core_hour is None else []),
        *(["memoryGibHour"] if own.memory_gib_hour is None else []),
        *(f"accelerators.{name}" for name in sorted(bought - set(own.accelerators))),
        *(f"storageGibMonth.{name}" for name in (DELETED_CLASS, RETAINED_CLASS) if name not in own.storage_gib_month),
    ]
    if listed:
        yield Problem(
            path=("cost", "currency"),
            message=f"the lists are in {LIST_CURRENCY}, and {', '.join(listed)} would be taken from them as they are",
            given=shown(cost.currency),
            allowed=LIST_CURRENCY,
            fix=f"write prices of these in {cost.currency} under cost.prices, or write `currency: {LIST_CURRENCY}`",
        )


def a_month_is_kept(parts: Parts) -> Iterator[Problem]:
    """Costs and budgets of a month are sums over its samples: what is gone would cost nothing, and deny nobody."""
    spec = parts.services.monitoring
    if parts.services.cost is None or spec is None or not spec_runs(spec) or not has(spec, ["retention_days"]):
        return
    if spec.retention_days < MONTH_DAYS:
        yield Problem(
            path=("monitoring", "retentionDays"),
            message="costs and budgets are sums over a month, and its first samples would be gone before it ends",
            given=str(spec.retention_days),
            allowed=f"at least {MONTH_DAYS}",
            fix=f"write `retentionDays: {MONTH_DAYS}`, or {TWO_MONTHS_DAYS} to see the whole month before, too",
        )


def people_are_told_apart(parts: Parts) -> Iterator[Problem]:
    """Costs are booked by the label of owners, which has no room for every character of an address."""
    cost = _cost(parts, "budgets")
    first: dict[str, PathParts] = {}
    for address in cost.budgets.people if cost and has(cost.budgets, ["people"]) else ():
        place = ("cost", "budgets", "people", address)
        other = first.setdefault(label_value(address), place)
        if other != place:
            yield Problem(
                path=place,
                message=f"another one has the same label of owners, {label_value(address)}, by which costs are booked",
                given=shown(address),
                fix="leave one of both",
                other=other,
            )


def usage_can_be_written(parts: Parts) -> Iterator[Problem]:
    """Somebody can give the right to write to the object store."""
    cost = _cost(parts, "usage")
    if cost is None or cost.usage is None or parts.cloud is None:
        return
    if parts.cloud.owns_cluster:
        yield from _in_the_clouds_own_store(cost.usage, parts.cloud.folder_scheme())
        return
    yield Problem(
        path=("cost", "usage", "folder"),
        message="this cluster is somebody else's, and nobody here can give its pods the right to write there",
        given=shown(cost.usage.folder) if has(cost.usage, ["folder"]) else None,
        fix="remove it and read Prometheus, or write it in the stack that owns the cluster",
    )


def _in_the_clouds_own_store(usage: UsageSpec, scheme: str) -> Iterator[Problem]:
    """Pods are given rights in the object store of their own cloud, and in no other."""
    if has(usage, ["folder"]) and scheme and not usage.folder.startswith(f"{scheme}://"):
        yield Problem(
            path=("cost", "usage", "folder"),
            message="this is another cloud's object store, in which pods of this cluster have no rights",
            given=shown(usage.folder),
            allowed=f"folders that begin with {scheme}://",
            fix=f"write a folder of a bucket of this cloud, like '{_FOLDERS[scheme]}'",
        )


def _cost(parts: Parts, *needed: str) -> CostSpec | None:
    cost = parts.services.cost
    return cost if cost is not None and has(cost, needed) else None


def _every(budgets: BudgetsSpec) -> Iterator[tuple[PathParts, UsageBudgetSpec]]:
    for key in _KEYS:
        if has(budgets, [key]):
            for name, budget in getattr(budgets, key).items():
                yield ("cost", "budgets", key, name), budget
