"""Which image a rollout is tried with, and when it has ended."""

from typing import Any

import pytest

from bedplate.rehearsal.rollout import is_complete, next_image

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/acme/scorer:1.0.0", "ghcr.io/acme/scorer:1.0.0-rehearsal"),
        ("ghcr.io/acme/scorer", "ghcr.io/acme/scorer:rehearsal"),
        ("registry.example.com:5000/scorer", "registry.example.com:5000/scorer:rehearsal"),
        (f"ghcr.io/acme/scorer:1@sha256:{DIGEST}", f"ghcr.io/acme/scorer:1@sha256:{DIGEST[:-1]}1"),
        (f"ghcr.io/acme/scorer@sha256:{DIGEST[:-1]}1", f"ghcr.io/acme/scorer@sha256:{DIGEST[:-1]}0"),
    ],
)
def test_the_next_image_has_the_same_name(image: str, expected: str) -> None:
    assert next_image(image) == expected


def deployment(**status: int) -> dict[str, Any]:
    whole = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    return {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": {**whole, **status}}


def test_a_rollout_is_complete_when_all_pods_are_new_and_ready() -> None:
    assert is_complete(deployment())


@pytest.mark.parametrize("short", [{"observedGeneration": 1}, {"updatedReplicas": 1}, {"readyReplicas": 1}])
def test_it_is_not_while_something_is_short(short: dict[str, int]) -> None:
    assert not is_complete(deployment(**short))


def test_it_is_not_while_a_pod_of_before_is_there() -> None:
    assert not is_complete(deployment(replicas=3))
