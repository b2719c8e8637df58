"""Whether prices are of something that there is, and money has prices. Budgets of nobody are no mistake: `growth`."""

from collections.abc import Iterator

from bedplate.clouds import ACCELERATORS
from bedplate.config import prices_of
from bedplate.services.cost.spec import BudgetsSpec, CostSpec, UsageBudgetSpec
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion

_KEYS = ("tenants", "projects", "people")


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


def usage_can_be_written(parts: Parts) -> Iterator[Problem]:
    """Somebody can give the right to write to the object store."""
    cost = _cost(parts, "usage")
    if cost is None or cost.usage is None or parts.cloud is None or parts.cloud.owns_cluster:
        return
    yield Problem(
        path=("cost", "usage", "folder"),
        message="this cluster is somebody else's, and nobody here can give its pods the right to write there",
        given=shown(cost.usage.folder) if has(cost.usage, ["folder"]) else None,
        fix="remove it and read Prometheus, or write it in the stack that owns the cluster",
    )


def _cost(parts: Parts, *needed: str) -> CostSpec | None:
    cost = parts.services.cost
    return cost if cost is not None and has(cost, needed) else None


def _every(budgets: BudgetsSpec) -> Iterator[tuple[PathParts, UsageBudgetSpec]]:
    for key in _KEYS:
        if has(budgets, [key]):
            for name, budget in getattr(budgets, key).items():
                yield ("cost", "budgets", key, name), budget
