"""What tells how GPUs are used, read off the real program."""

from typing import Any

import pytest

from bedplate.labels import Identity
from bedplate.services.gpu.exporter import COUNTERS, COUNTERS_OF_PARTS
from bedplate.services.monitoring.scrapes import pod_monitors
from conformance.everything import SHARING
from harness import ROOT, objects, record, record_stack


def exporters(recording: Any) -> dict[str, dict[str, Any]]:
    bodies = [dict(found.inputs) for found in objects(recording, "DaemonSet")]
    return {
        body["metadata"]["name"]: body for body in bodies if body["metadata"]["namespace"] == "bedplate-gpu-metrics"
    }


@pytest.fixture(scope="module")
def sharing() -> Any:
    return record(SHARING)


class TestTheExporter:
    def test_is_found_by_prometheus_with_the_labels_of_whose_the_gpu_is(self, sharing: Any) -> None:
        monitors = pod_monitors(Identity(name="x", component="y"))
        (monitor,) = [each["spec"] for each in monitors if each["metadata"]["name"] == "dcgm-exporter"]
        (endpoint,) = monitor["podMetricsEndpoints"]
        assert endpoint["honorLabels"] is True
        found = exporters(sharing)
        assert set(found) == {"dcgm-exporter", "dcgm-exporter-parts"}
        for body in found.values():
            assert monitor["namespaceSelector"]["matchNames"] == [body["metadata"]["namespace"]]
            pod = body["spec"]["template"]
            assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
            assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}

    def test_counts_what_rules_read_and_of_parts_what_they_have(self, sharing: Any) -> None:
        texts = {
            body.inputs["metadata"]["name"]: body.inputs["data"]["counters.csv"]
            for body in objects(sharing, "ConfigMap")
            if body.inputs["metadata"]["namespace"] == "bedplate-gpu-metrics"
        }
        named = {name: {line.split(",")[0] for line in text.splitlines()} for name, text in texts.items()}
        assert named == {"dcgm-exporter": set(COUNTERS), "dcgm-exporter-parts": set(COUNTERS_OF_PARTS)}
        assert all(line.count(",") == 2 for text in texts.values() for line in text.splitlines())

    def test_shows_gpus_in_turns_for_each_of_their_pods(self, sharing: Any) -> None:
        for body in exporters(sharing).values():
            (container,) = body["spec"]["template"]["spec"]["containers"]
            assert {"name": "KUBERNETES_VIRTUAL_GPUS", "value": "true"} in container["env"]

    def test_has_the_nodes_driver_where_no_runtime_brings_it(self) -> None:
        privileged = {
            cloud: exporters(record_stack(ROOT / "stacks" / f"Pulumi.{cloud}.yaml"))["dcgm-exporter"]["spec"][
                "template"
            ]["spec"]["containers"][0]["securityContext"].get("privileged", False)
            for cloud in ("aws", "azure", "gcp")
        }
        assert privileged == {"aws": False, "azure": False, "gcp": True}

    def test_is_left_out_where_somebody_else_runs_one(self) -> None:
        assert exporters(record_stack(ROOT / "stacks" / "Pulumi.local.yaml")) == {}
