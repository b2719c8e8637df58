"""Budgets as recording rules: the bound, what is used of it, and the shares at which somebody is told.

Owns the series `bedplate:budget_share`, which is there only while costs are counted: what was counted an hour ago says
nothing of now, and must not deny anybody anything.
"""

from collections.abc import Iterator, Mapping

from bedplate.kubernetes import RecordingRule, RuleGroup
from bedplate.labels import label_value
from bedplate.services.cost.spec import BudgetsSpec, UsageBudgetSpec

_SECONDS = 300
_LABELS = {"tenant": "tenant", "project": "project", "person": "owner"}
"""Label of usage by the scope of a budget."""
_UNITS = {
    "gpu_hours": 'bedplate:month_quantity{of="gpu"}',
    "cpu_hours": 'bedplate:month_quantity{of="cpu_core"}',
    "money": "bedplate:month_cost",
}


def every_budget(spec: BudgetsSpec) -> Iterator[tuple[str, str, UsageBudgetSpec]]:
    """Scope, name as labels have it, budget."""
    for name, budget in spec.tenants.items():
        yield "tenant", name, budget
    for name, budget in spec.projects.items():
        yield "project", name, budget
    for address, budget in spec.people.items():
        yield "person", label_value(address), budget


def budget_rules(spec: BudgetsSpec) -> RuleGroup:
    """The rules of all budgets."""
    rules: list[RecordingRule] = []
    for scope, name, budget in every_budget(spec):
        for unit, limit in budget.limits.items():
            labels = _labels(scope, name, unit)
            rules.append(RecordingRule(name="bedplate:budget", expression=f"vector({limit!r})", labels=labels))
            rules += [
                RecordingRule(
                    name="bedplate:budget_warn_at",
                    expression=f"vector({share!r})",
                    labels={**labels, "at": f"{round(share * 100)} %"},
                )
                for share in budget.warn_at
            ]
    used = " or ".join(_used(scope, unit) for scope in _LABELS for unit in _UNITS)
    rules.append(
        RecordingRule(
            name="bedplate:budget_used",
            expression=f"(({used}) and on (scope, name, unit) bedplate:budget) "
            "or sum by (scope, name, unit) (bedplate:budget) * 0",
        )
    )
    rules.append(
        RecordingRule(
            name="bedplate:budget_share",
            expression="bedplate:budget_used / on (scope, name, unit) group_right bedplate:budget "
            "and on () (count(bedplate:node_cost_hourly) > 0)",
        )
    )
    return RuleGroup(name="bedplate-budgets", rules=rules, interval_seconds=_SECONDS)


def _labels(scope: str, name: str, unit: str) -> Mapping[str, str]:
    """Of a budget. A tenant's own has its name as `tenant`, by which alerts are routed."""
    return {"scope": scope, "name": name, "unit": unit, **({"tenant": name} if scope == "tenant" else {})}


def _used(scope: str, unit: str) -> str:
    label = _LABELS[scope]
    total = f'sum by (name) (label_replace({_UNITS[unit]}, "name", "$1", "{label}", "(.+)"))'
    return f'label_replace(label_replace({total}, "scope", "{scope}", "", ""), "unit", "{unit}", "", "")'
