"""The rules of idle shutdown, asked by the real promtool about what happens to workspaces."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bedplate.kubernetes import RuleGroup, rules_file
from bedplate.services.idle.alerts import idle_alerts
from bedplate.services.idle.rules import Thresholds, idle_rules
from programs_under_test import program_under_test
from unit.services.idle.scenarios import SCENARIOS, STEP_SECONDS, Scenario


@pytest.fixture(scope="module")
def promtool() -> str:
    return str(program_under_test("promtool"))


def judged(promtool: str, groups: Sequence[RuleGroup], scenario: Scenario, folder: Path) -> str:
    """What promtool finds wrong, or nothing."""
    (folder / "rules.yaml").write_text(rules_file([evaluated_from(scenario.evaluated_from, one) for one in groups]))
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": [scenario.test()],
    }
    with (folder / "tests.yaml").open("w") as file:
        YAML(typ="safe").dump(tests, file)  # pyright: ignore[reportUnknownMemberType]
    done = subprocess.run(
        [promtool, "test", "rules", str(folder / "tests.yaml")], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def groups() -> list[RuleGroup]:
    """The rules as a stack publishes them."""
    alerts = RuleGroup(name="bedplate", rules=idle_alerts(15, "bedplate-idle"), interval_seconds=STEP_SECONDS)
    return [*idle_rules(Thresholds()), alerts]


def evaluated_from(minute: float, group: RuleGroup) -> RuleGroup:
    """The rules of a Prometheus that begins then: it finds what was recorded before, and marked nothing as ended."""
    if not minute:
        return group
    begun = f"and on () (vector(time()) >= {minute * 60:.0f})"
    rules = [replace(rule, expression=f"({rule.expression}) {begun}") for rule in group.rules]
    return replace(group, rules=rules)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_decides_as_it_should(scenario: Scenario, promtool: str, tmp_path: Path) -> None:
    assert judged(promtool, groups(), scenario, tmp_path) == ""
