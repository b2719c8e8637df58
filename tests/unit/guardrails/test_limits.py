"""The guardrails' limits as the stack file is checked against them."""

from typing import Any

import pytest

from bedplate.guardrails import GuardrailsSpec


def limits(**changes: Any) -> GuardrailsSpec:
    return GuardrailsSpec.model_validate({"approvedImages": ["ghcr.io/acme/"], **changes})


class TestApprovedImages:
    @pytest.mark.parametrize(("prefix", "image", "is_approved"), [
        ("ghcr.io/acme/", "ghcr.io/acme/scorer:1", True),
        ("ghcr.io/acme/", "ghcr.io/acme/vision/scorer:1", True),
        ("ghcr.io/acme/", "ghcr.io/acme-evil/scorer:1", False),
        ("ghcr.io/acme/", "ghcr.io/acme:1", False),
        ("ghcr.io/acme/", "evil.io/ghcr.io/acme/scorer:1", False),
        ("ghcr.io/acme", "ghcr.io/acme-evil/x:1", False),
        ("ghcr.io/acme", "ghcr.io/acme/scorer:1", False),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer:1", True),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer@sha256:ab", True),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer", True),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer-evil:1", False),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer/evil:1", False),
        ("ghcr.io/", "ghcr.io/anyone/x:1", True),
        ("ghcr.io/", "ghcr.io.evil.example/x:1", False),
        ("ghcr.io/", "ghcr.io:5000/x:1", False),
        ("registry:5000/", "registry:5000/x:1", True),
        ("registry:5000/", "registry:50001/x:1", False),
    ])  # fmt: skip
    def test_are_those_below_a_prefix_or_of_one_name(self, prefix: str, image: str, is_approved: bool) -> None:
        assert limits(approvedImages=[prefix]).approves(image) is is_approved

    def test_are_those_of_any_prefix(self) -> None:
        found = limits(approvedImages=["ghcr.io/acme/", "docker.io/library/python"])
        assert found.approves("docker.io/library/python:3.12")


LARGEST = {"cpu": 8, "memoryGib": 32, "diskGib": 50, "gpus": 2}


class TestTheLargestPod:
    def test_may_be_exactly_as_large(self) -> None:
        assert limits(maxPod=LARGEST).max_pod.exceeded_by(cpu=8, memory_gib=32, disk_gib=50, gpus=2) == []

    def test_is_exceeded_part_by_part(self) -> None:
        exceeded = limits(maxPod=LARGEST).max_pod.exceeded_by(cpu=8.1, memory_gib=32, disk_gib=50.1, gpus=3)
        assert exceeded == [("cpu", 8.1, 8), ("scratchGib", 50.1, 50), ("gpu.count", 3, 2)]


class TestTheVariables:
    def test_are_cel_literals_of_the_limits(self) -> None:
        changes: dict[str, Any] = {
            "maxJobHours": 1.5,
            "maxPod": {"cpu": 8, "memoryGib": 1.5, "gpus": 0},
            "idle": {"maxMinutes": 60},
        }
        changes["podAnnotations"] = ["wandb.ai/", "sidecar.istio.io/inject"]
        assert limits(approvedImages=["ghcr.io/acme/", "docker.io/library/python"], **changes).variables() == {
            "approvedImages": '["ghcr.io/acme/", "docker.io/library/python"]',
            "podAnnotations": '["wandb.ai/", "sidecar.istio.io/inject"]',
            "maxJobSeconds": "5400",
            "maxIdleMinutes": "60",
            "maxPodCpu": "8.0",
            "maxPodMemoryGib": "1.5",
            "maxPodDiskGib": "1000.0",
            "maxPodGpus": "0",
        }
