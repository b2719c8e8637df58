"""Every dashboard of every concern: its queries parse, and what they name is there."""

import importlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from bedplate.kubernetes import Dashboard
from conformance.everything import EVERYTHING, SECRETS
from conformance.test_concerns import CONCERNS, FOLDER
from harness import objects, record
from metrics_that_are_there import SCRAPED, THERE
from programs_under_test import program_under_test

RECORDING = record(EVERYTHING, SECRETS)
RECORDED = {
    rule["record"]
    for body in objects(RECORDING, "PrometheusRule")
    for group in body.inputs["spec"]["groups"]
    for rule in group["rules"]
    if "record" in rule
}
DASHBOARDS: list[Dashboard] = [
    dashboard
    for concern in CONCERNS
    if (FOLDER / concern / "dashboards.py").is_file()
    for dashboard in importlib.import_module(f"bedplate.services.{concern}.dashboards").DASHBOARDS
]
_GRAFANA = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}


def asked(dashboard: Dashboard) -> list[str]:
    """Its expressions, and the selectors of its variables, with something in the place of what Grafana fills in."""
    expressions = [query.expression for query in dashboard.queries()]
    expressions += [variable.selector for variable in dashboard.variables]
    for name, value in _GRAFANA.items():
        expressions = [expression.replace(name, value) for expression in expressions]
    return expressions


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
class TestEveryDashboard:
    def test_is_in_grafana(self, dashboard: Dashboard) -> None:
        """The platform's; one for tenants is in theirs too, and no other."""
        name = f"{dashboard.uid}.json"
        files = [body.inputs for body in objects(RECORDING, "ConfigMap") if name in body.inputs.get("data", {})]
        assert {json.loads(body["data"][name])["title"] for body in files} == {dashboard.title}
        of_tenants = ["bedplate-grafana-vision"] if dashboard.audience == "tenant" else []
        assert sorted(body["metadata"]["namespace"] for body in files) == [*of_tenants, "bedplate-monitoring"]

    def test_asks_what_prometheus_can_read(self, dashboard: Dashboard, tmp_path: Path) -> None:
        rules = [{"record": f"q:{number}", "expr": text} for number, text in enumerate(asked(dashboard))]
        (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": dashboard.uid, "rules": rules}]}))
        command = [str(program_under_test("promtool")), "check", "rules", str(tmp_path / "rules.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_names_metrics_that_are_there(self, dashboard: Dashboard) -> None:
        for expression in asked(dashboard):
            bare = re.sub(r'"[^"]*"', "", re.sub(r"\b(by|on|without|ignoring|group_left) ?\([^)]*\)", "", expression))
            named = set(re.findall(r"\b[a-zA-Z_:]+_[a-zA-Z_:]+\b|\bup\b|\bALERTS\b", re.sub(r"\{[^}]*\}", "", bare)))
            functions = set(re.findall(r"\b([a-z_]+) ?\(", bare))
            assert named - functions - RECORDED <= set(THERE), expression

    def test_names_labels_that_these_have(self, dashboard: Dashboard) -> None:
        for expression in asked(dashboard):
            metrics = [name for name in THERE if re.search(rf"\b{name}\b", expression)]
            if not metrics or any(name in expression for name in RECORDED):
                continue
            known = SCRAPED.union(*(THERE[name] for name in metrics))
            matched = set(re.findall(r"([a-zA-Z_]+) ?(?:=~|!~|!=|=)\"", expression))
            kept = {
                label
                for labels in re.findall(r"\b(?:by|on) ?\(([^)]*)\)", expression)
                for label in labels.split(", ")
                if label
            }
            assert matched | kept <= known, expression

    def test_shows_labels_that_its_queries_keep(self, dashboard: Dashboard) -> None:
        for query in dashboard.queries():
            told = set(re.findall(r"\{\{ ?(\w+) ?\}\}", query.legend))
            kept = {
                label for labels in re.findall(r"\bby ?\(([^)]*)\)", query.expression) for label in labels.split(", ")
            }
            assert told <= kept, query.expression

    def test_uses_its_variables(self, dashboard: Dashboard) -> None:
        queries = " ".join(query.expression for query in dashboard.queries())
        used = set(re.findall(r"\$(\w+)", queries)) - {name[1:] for name in _GRAFANA}
        assert used == {variable.name for variable in dashboard.variables}


def test_addresses_are_used_once() -> None:
    assert len({dashboard.uid for dashboard in DASHBOARDS}) == len(DASHBOARDS)
