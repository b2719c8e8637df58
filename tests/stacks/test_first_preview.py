"""The first preview of a new stack: nothing exists, so that all that a provider computes is unknown.

Pulumi then calls no Kubernetes provider whose kubeconfig is unknown, and shows objects by their inputs; a program that
makes resources from outputs would show too few (https://github.com/pulumi/pulumi-kubernetes/issues/3027).
"""

from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, Resource, revealed
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project
from bedplate.stack_file.reading import load
from harness import ROOT, STACKS, record_stack


def nothing_computed(resource: Resource) -> tuple[str, dict[str, Any]]:
    """Only inputs are known, but for identities of Azure, which the provider gives back in another form."""
    return "", {"identity": UNKNOWN} if "identity" in resource.inputs else {}


@pytest.fixture(scope="module", params=STACKS, ids=lambda file: file.stem)
def stack(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def first(stack: Path) -> Recording:
    program = program_of(Project.read(ROOT), load(stack))
    return run(program, RecordingBackend(), is_preview=True, outputs=nothing_computed)


def test_shows_every_resource_that_the_update_makes(stack: Path, first: Recording) -> None:
    assert {resource.urn for resource in first.resources} == {
        resource.urn for resource in record_stack(stack).resources
    }
    assert first.warnings == []


def test_knows_every_object_of_the_cluster_by_name(stack: Path, first: Recording) -> None:
    expected = {
        resource.urn: resource.inputs["metadata"]
        for resource in record_stack(stack).resources
        if resource.is_kubernetes_object
    }
    shown = {resource.urn: resource.inputs["metadata"] for resource in first.resources if resource.is_kubernetes_object}
    assert {urn: (m["name"], m.get("namespace")) for urn, m in shown.items()} == {
        urn: (m["name"], m.get("namespace")) for urn, m in expected.items()
    }


def provider_of(recording: Recording) -> Resource:
    (provider,) = (resource for resource in recording.resources if resource.type == KUBERNETES_PROVIDER_TYPE)
    return provider


def test_knows_which_cluster_its_objects_belong_to(stack: Path, first: Recording) -> None:
    """An unknown identity would show every object as replaced once it is known."""
    identity = provider_of(record_stack(stack)).inputs["clusterIdentifier"]
    assert provider_of(first).inputs["clusterIdentifier"] == identity


def test_cannot_know_how_a_cluster_is_reached_that_is_yet_to_come(stack: Path, first: Recording) -> None:
    is_unknown = UNKNOWN in str(revealed(provider_of(first).inputs))
    assert is_unknown == load(stack).spec.cloud.owns_cluster
