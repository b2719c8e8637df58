"""The alerts: in a form that Prometheus reads, and true of the series that they are about."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.engine.engine import Recording
from harness import ROOT, STACKS, objects, platform, record, record_stack
from programs_under_test import program_under_test
from unit.services.idle.scenarios import SCENARIOS

SERIES = sorted(Path(__file__).parents[1].glob("*/*.series.yaml"))
AWS = ROOT / "stacks" / "Pulumi.aws.yaml"


def groups(recording: Recording) -> list[dict[str, Any]]:
    """Of a rule file, or of PrometheusRules where the platform runs Prometheus; of both would be twice."""
    published = [body.inputs for body in objects(recording, "ConfigMap")]
    files = [body["data"]["rules.yaml"] for body in published if body["metadata"]["name"] == "bedplate-alerts"]
    found = [body.inputs for body in objects(recording, "PrometheusRule")]
    assert bool(files) is not bool(found)
    assert {body["metadata"]["namespace"] for body in found} <= {"bedplate-monitoring"}
    of_files = [group for text in files for group in YAML(typ="safe").load(text)["groups"]]
    return [*of_files, *(group for body in found for group in body["spec"]["groups"])]


def rules_text(recording: Recording) -> str:
    return json.dumps({"groups": groups(recording)})


def rules(recording: Recording) -> list[dict[str, Any]]:
    """The alerts."""
    return [rule for group in groups(recording) for rule in group["rules"] if "alert" in rule]


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Of a stack with everything that has alerts."""
    return record_stack(AWS)


@pytest.fixture(scope="module")
def promtool() -> str:
    return str(program_under_test("promtool"))


class TestEveryAlert:
    def test_has_a_name_of_its_own(self, recording: Recording) -> None:
        names = [rule["alert"] for rule in rules(recording)]
        assert len(set(names)) == len(names)
        assert all(name.startswith("Bedplate") for name in names)

    def test_says_how_bad_it_is_and_what_to_do(self, recording: Recording) -> None:
        for rule in rules(recording):
            assert rule["labels"]["severity"] in ("critical", "warning")
            page, _, section = rule["annotations"]["runbook"].partition("#")
            headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
            assert section in [heading.lower().replace(" ", "-") for heading in headings]

    @pytest.mark.parametrize("section", [{}, {"provided": {"url": "http://prometheus.metrics.svc:9090"}}], ids=str)
    def test_links_to_it_where_the_stack_says_where_people_read(self, section: dict[str, Any]) -> None:
        address = "https://git.example.com/ml/platform/blob/main"
        stack = record(platform(monitoring={**section, "runbooks": f"{address}/"}))
        pages = {rule["annotations"]["runbook"].partition("#")[0] for rule in rules(stack)}
        assert pages
        for page in pages:
            assert page.startswith(f"{address}/docs/")
            assert (ROOT / page.removeprefix(f"{address}/")).is_file()

    def test_tells_labels_that_its_expression_keeps(self, recording: Recording) -> None:
        for rule in rules(recording):
            told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
            kept = {label for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in labels.split(", ")}
            if "bedplate:workspace" in rule["expr"]:  # recorded by these
                kept |= {"namespace", "workspace"}
            assert told <= kept

    def test_is_tried_on_series(self, recording: Recording) -> None:
        tried = {
            each["alertname"]
            for series in SERIES
            for test in YAML(typ="safe").load(series)["tests"]
            for each in test.get("alert_rule_test", ())
            if each.get("exp_alerts")
        }
        tried |= {
            name for scenario in SCENARIOS for told in scenario.alerts.values() for name, whose in told.items() if whose
        }
        assert tried == {rule["alert"] for rule in rules(recording)}


TOLD_OTHERWISE = {
    "bedplate-gpu-metrics": "BedplateGpuMetricsMissing",
    "bedplate-node-exporter": "BedplateTargetDown",
    "bedplate-grafana-vision": "BedplateContainerDoesNotStart",
}
"""Namespaces of the platform that no alert names, with the one that tells when what is there does not run."""
NOTHING_RUNS_IN = {"bedplate-secret-source"}


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_a_stack_watches_all_that_it_runs_and_nothing_else(file: Path) -> None:
    stack = record_stack(file)
    watched = {name for rule in rules(stack) for name in re.findall(r'namespace="([^"]+)"', rule["expr"])}
    places = [body.inputs["metadata"] for body in objects(stack, "Namespace")]
    there = {place["name"] for place in places if place["labels"]["bedplate.dev/owner"] == "platform"}
    assert watched == there - TOLD_OTHERWISE.keys() - NOTHING_RUNS_IN
    told = {rule["alert"] for rule in rules(stack)}
    assert {alert for place, alert in TOLD_OTHERWISE.items() if place in there} <= told


class TestPrometheus:
    def test_accepts_the_rules(self, recording: Recording, promtool: str, tmp_path: Path) -> None:
        (tmp_path / "rules.yaml").write_text(rules_text(recording))
        done = subprocess.run(
            [promtool, "check", "rules", "--lint-fatal", str(tmp_path / "rules.yaml")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("series", SERIES, ids=lambda file: f"{file.parent.name}-{file.name}")
    def test_fires_them_when_it_should_and_only_then(
        self, recording: Recording, promtool: str, tmp_path: Path, series: Path
    ) -> None:
        (tmp_path / "rules.yaml").write_text(rules_text(recording))
        shutil.copy(series, tmp_path / "series.yaml")
        done = subprocess.run(
            [promtool, "test", "rules", str(tmp_path / "series.yaml")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
