"""A Prometheus that somebody else runs: whoever asks asks that one, and can reach it."""

import json

import pytest

from bedplate.engine.engine import RecordingBackend, run
from bedplate.engine.resources import Resource
from harness import LOGIN, model_api, platform, program, tenant

URL = "https://metrics.observability.svc:8443/prometheus"
ASKING = platform(
    tenant("vision", model_api("reader", idle={}, route={"access": "browser"})),
    certificates={"issuer": "internal"},
    login=LOGIN,
    monitoring={"provided": {"url": URL}},
    idle={},
    cost={
        "prices": {"accelerators": {"nvidia-l4": 0.7}, "cpuCoreHour": 0.03, "memoryGibHour": 0.004},
        "budgets": {"tenants": {"vision": {"gpuHoursPerMonth": 500, "whenExhausted": "denyGpus"}}},
        "openCost": True,
    },
)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every resource as text, by kind and name."""
    made = run(program(ASKING, frozenset({"client"})), RecordingBackend(), is_preview=False).resources
    return {f"{each.type} {each.name}": _text(each) for each in made}


def _text(resource: Resource) -> str:
    return json.dumps(resource.inputs, default=str)


class TestSomebodyElsesPrometheus:
    def test_is_asked_by_all_who_ask(self, texts: dict[str, str]) -> None:
        asking = [name for name, text in texts.items() if URL in text]
        assert any("ScaledObject" in name for name in asking)
        assert any("CronJob" in name for name in asking)
        assert any("open-cost" in name for name in asking)
        assert not [name for name, text in texts.items() if "prometheus-operated" in text]

    def test_can_be_reached_by_them(self, texts: dict[str, str]) -> None:
        ways = [text for name, text in texts.items() if "NetworkPolicy" in name and "observability" in text]
        assert sorted(json.loads(text)["metadata"]["namespace"] for text in ways) == ["bedplate-cost", "bedplate-idle"]
