"""What is used of each budget, by Prometheus' own evaluation of the rules; any other rule would be found out."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.kubernetes import Alert, RecordingRule, RuleGroup, rules_file
from bedplate.services.cost.alerts import BUDGET_ALERTS
from bedplate.services.cost.budgets import budget_rules
from bedplate.services.cost.spec import BudgetsSpec
from programs_under_test import program_under_test

BUDGETS = BudgetsSpec.model_validate(
    {
        "tenants": {
            "vision": {"gpuHoursPerMonth": 1000, "cpuHoursPerMonth": 400, "dollarsPerMonth": 2000},
            "search": {"gpuHoursPerMonth": 50},
        },
        "projects": {"atlas": {"gpuHoursPerMonth": 100, "dollarsPerMonth": 300, "warnAt": [0.5]}},
        "people": {"ines@example.com": {"gpuHoursPerMonth": 300, "warnAt": [1.0]}},
    }
)
"""Nobody of search has used anything."""
INES, MEI = "ines_at_example.com", "mei_at_example.com"
USED = (
    # Tenant, project, owner; hours of GPUs and cores, money.
    ("vision", "atlas", INES, 80, 90, 250),
    ("vision", "vision", INES, 220, 10, 750),
    ("vision", "vision", MEI, 200, 100, 600),
    ("audio", "atlas", MEI, 20, 7, 50),
)
SHARES = {
    ("tenant", "vision", "gpu_hours"): 0.5,
    ("tenant", "vision", "cpu_hours"): 0.5,
    ("tenant", "vision", "money"): 0.8,
    ("tenant", "search", "gpu_hours"): 0,
    ("project", "atlas", "gpu_hours"): 1,
    ("project", "atlas", "money"): 1,
    ("person", INES, "gpu_hours"): 1,
}
TOLD = (
    ("tenant", "vision", "gpu_hours", "50 %"),
    ("tenant", "vision", "cpu_hours", "50 %"),
    ("tenant", "vision", "money", "50 %"),
    ("tenant", "vision", "money", "80 %"),
    ("project", "atlas", "gpu_hours", "50 %"),
    ("project", "atlas", "money", "50 %"),
    ("person", INES, "gpu_hours", "100 %"),
)
MUTANTS = (
    ("bedplate:budget_used", '"tenant", "(.+)"', '"project", "(.+)"'),
    ("bedplate:budget_used", '"project", "(.+)"', '"tenant", "(.+)"'),
    ("bedplate:budget_used", '"owner", "(.+)"', '"tenant", "(.+)"'),
    ("bedplate:budget_used", 'of="gpu"', 'of="cpu_core"'),
    ("bedplate:budget_used", 'of="cpu_core"', 'of="gpu"'),
    ("bedplate:budget_used", "bedplate:month_cost", "bedplate:month_quantity"),
    ("bedplate:budget_used", "sum by (name)", "max by (name)"),
    ("bedplate:budget_used", " or sum by (scope, name, unit) (bedplate:budget) * 0", ""),
    ("bedplate:budget_share", "/ on (scope, name, unit)", "* on (scope, name, unit)"),
    ("bedplate:budget_share", "> 0", "> 1"),
    ("bedplate:budget_share", " and on () (count(bedplate:node_cost_hourly) > 0)", ""),
    ("BedplateBudgetUsed", ">=", ">"),
    ("BedplateBudgetUsed", "at, tenant", "tenant"),
    ("BedplateBudgetUsed", "on (scope, name, unit)", "on (scope, unit)"),
)


def groups() -> list[RuleGroup]:
    return [budget_rules(BUDGETS), RuleGroup(name="told", rules=BUDGET_ALERTS, interval_seconds=60)]


def of(**labels: str) -> str:
    """Labels as a selector; a tenant's budget carries its tenant, by which alerts are routed."""
    tenant = {"tenant": labels["name"]} if labels.get("scope") == "tenant" else {}
    return ", ".join(f'{key}="{value}"' for key, value in {**labels, **tenant}.items())


def question(expression: str, minute: int, samples: dict[str, float]) -> dict[str, Any]:
    expected = [{"labels": labels, "value": value} for labels, value in samples.items()]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": expected}


def judged(rules: Sequence[RuleGroup], folder: Path) -> str:
    """What promtool finds wrong, or nothing. Costs are counted for 20 minutes, and then not any more."""
    series = [{"series": 'bedplate:node_cost_hourly{node="a"}', "values": "3x20 stale"}]
    for tenant, project, owner, gpu, cpu, money in USED:
        whose = of(tenant=tenant, project=project, owner=owner)
        series += [
            {"series": f'bedplate:month_quantity{{{whose}, of="gpu"}}', "values": f"{gpu}x40"},
            {"series": f'bedplate:month_quantity{{{whose}, of="cpu_core"}}', "values": f"{cpu}x40"},
            {"series": f"bedplate:month_cost{{{whose}}}", "values": f"{money}x40"},
        ]
    shares = {f"{{{of(scope=scope, name=name, unit=unit)}}}": share for (scope, name, unit), share in SHARES.items()}
    told = {
        f'{{{of(scope=scope, name=name, unit=unit, at=at)}, alertname="BedplateBudgetUsed", severity="warning"}}': 1.0
        for scope, name, unit, at in TOLD
    }
    firing = 'sum without (alertstate, __name__) (ALERTS{alertname="BedplateBudgetUsed", alertstate="firing"})'
    questions = [
        question("sum without () (bedplate:budget_share)", 10, shares),
        question(firing, 10, told),
        question("bedplate:budget_share", 35, {}),
    ]
    (folder / "rules.yaml").write_text(rules_file(list(rules)))
    test = {"interval": "1m", "input_series": series, "promql_expr_test": questions}
    (folder / "tests.yaml").write_text(
        json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    command = [str(program_under_test("promtool")), "test", "rules", str(folder / "tests.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def changed(rule: RecordingRule | Alert, old: str, new: str) -> RecordingRule | Alert:
    return replace(rule, expression=rule.expression.replace(old, new))


def test_counts_whom_it_is_of_and_tells_at_its_shares(tmp_path: Path) -> None:
    assert judged(groups(), tmp_path) == ""


@pytest.mark.parametrize(("name", "old", "new"), MUTANTS, ids=lambda part: part)
def test_a_mutant_is_found_out(name: str, old: str, new: str, tmp_path: Path) -> None:
    assert any(rule.name == name and old in rule.expression for group in groups() for rule in group.rules)
    mutant = [
        replace(group, rules=[changed(rule, old, new) if rule.name == name else rule for rule in group.rules])
        for group in groups()
    ]
    answer = judged(mutant, tmp_path)
    assert "FAILED" in answer
    assert "parse error" not in answer
