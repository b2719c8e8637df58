"""Who is told of what: asked of the real amtool, for the configuration that the chart is given."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.resources import RELEASE_TYPE
from conformance.everything import EVERYTHING, SECRETS
from harness import objects, record
from programs_under_test import program_under_test

RECORDING = record(EVERYTHING, SECRETS)
(RELEASE,) = [
    body for body in RECORDING.resources if body.type == RELEASE_TYPE and body.inputs["name"] == "kube-prometheus-stack"
]
CONFIGURATION: dict[str, Any] = RELEASE.inputs["values"]["alertmanager"]["config"]


@pytest.fixture(scope="module")
def amtool() -> str:
    return str(program_under_test("amtool"))


@pytest.fixture
def file(tmp_path: Path) -> str:
    written = tmp_path / "alertmanager.yaml"
    written.write_text(json.dumps(CONFIGURATION))
    return str(written)


def told(amtool: str, file: str, **labels: str) -> set[str]:
    """The receivers of an alert with these labels."""
    asked = [f'{name}="{value}"' for name, value in labels.items()]
    done = subprocess.run(
        [amtool, "config", "routes", "test", "--config.file", file, *asked], capture_output=True, text=True, check=True
    )
    return set(done.stdout.strip().split(","))


class TestAmtool:
    def test_accepts_it(self, amtool: str, file: str) -> None:
        done = subprocess.run([amtool, "check-config", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("labels", "receivers"),
        [
            ({"alertname": "A", "namespace": "vision"}, {"to-vision"}),
            ({"alertname": "A", "namespace": "search"}, {"to-search"}),
            ({"alertname": "A", "tenant": "vision"}, {"to-vision"}),
            # The namespace is Kubernetes' word, the label a rule's.
            ({"alertname": "A", "namespace": "vision", "tenant": "search"}, {"to-vision"}),
            ({"alertname": "A", "namespace": "vision-2"}, {"to-on-call"}),
            ({"alertname": "A", "namespace": "bedplate-login", "severity": "critical"}, {"to-on-call"}),
            ({"alertname": "BedplateAlertsWork"}, {"to-on-call"}),
            ({"alertname": "A", "namespace": "vision", "owner": "ines@example.com"}, {"owner", "to-vision"}),
            ({"alertname": "A", "namespace": "vision", "owner": "platform"}, {"to-vision"}),
            # Of two addresses, one would get what is not for it.
            ({"alertname": "A", "namespace": "vision", "owner": "a@example.com, b@example.com"}, {"to-vision"}),
        ],
        ids=str,
    )
    def test_sends_an_alert_to_those_whose_it_is(
        self, amtool: str, file: str, labels: dict[str, str], receivers: set[str]
    ) -> None:
        assert told(amtool, file, **labels) == receivers

    def test_says_in_a_channel_what_to_do(self, amtool: str, tmp_path: Path) -> None:
        texts = [slack["text"] for each in CONFIGURATION["receivers"] for slack in each.get("slack_configs", ())]
        said = {"summary": "A disk fills", "description": "It is full soon.", "runbook": "https://git.example.com/a#b"}
        data = {"status": "firing", "alerts": [{"status": "firing", "labels": {}, "annotations": said}]}
        (tmp_path / "alerts.json").write_text(json.dumps(data))
        (tmp_path / "none.tmpl").write_text("")
        assert texts
        for text in texts:
            done = subprocess.run(
                [
                    *(amtool, "template", "render", f"--template.glob={tmp_path}/none.tmpl"),
                    *(f"--template.data={tmp_path}/alerts.json", f"--template.text={text}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout.strip().splitlines() == [
                "A disk fills: It is full soon.",
                "What to do: https://git.example.com/a#b",
            ], done.stderr


class TestSecrets:
    def test_stand_in_no_values(self) -> None:
        """They are read from files, which Alertmanager and Prometheus mount, each its own."""
        assert "secret of" not in json.dumps(RELEASE.inputs["values"])
        written = {
            body.inputs["metadata"]["name"]: set(body.inputs["stringData"].value)
            for body in objects(RECORDING, "Secret")
            if body.inputs["metadata"]["namespace"] == "bedplate-monitoring"
        }
        assert written == {
            "alertmanager-receivers": {"smtp", "onCall", "slack"},
            "prometheus-remote-write": {"metrics"},
        }
        named = json.dumps(CONFIGURATION)
        for key in ("smtp", "onCall", "slack"):
            assert f"/etc/alertmanager/secrets/alertmanager-receivers/{key}" in named

    def test_are_read_by_the_operator_in_its_own_namespace_alone(self) -> None:
        (role,) = [
            body.inputs
            for body in objects(RECORDING, "ClusterRole")
            if body.inputs["metadata"]["name"] == "bedplate-prometheus-operator"
        ]
        assert not {resource for rule in role["rules"] for resource in rule.get("resources", ())} & {
            "secrets",
            "configmaps",
        }
