"""No stack depends on an API that Kubernetes may take away with the next minor.

Kubernetes removes a beta version some minors after its successor comes
(https://kubernetes.io/docs/reference/using-api/deprecation-policy/). Other projects have theirs: what is not stable
there is named here, with what there is instead.
"""

import re
from collections.abc import Mapping

import pytest

from aws_stack import with_karpenter
from bedplate.engine.engine import Recording
from conformance.everything import EVERYTHING, SECRETS
from harness import SECRET_OF_EVERY, STACKS, every_template, is_custom, objects, record, record_stack

RECORDINGS: Mapping[str, Recording] = {
    "everything": record(EVERYTHING, SECRETS),
    "templates": record(every_template(), frozenset({SECRET_OF_EVERY})),
    "karpenter": record(with_karpenter()),
    **{file.stem: record_stack(file) for file in STACKS},
}
NOT_STABLE = {
    "jobset.x-k8s.io/v1alpha2": "JobSet has no other",
    "keda.sh/v1alpha1": "KEDA has no other",
    "kueue.x-k8s.io/v1beta2": "the newest of Kueue, which serves the one before it, too",
    "traefik.io/v1alpha1": "Traefik 3 has no other",
}
"""Versions of other projects, and why we write these."""


def versions(recording: Recording, *, of_others: bool) -> set[str]:
    return {each.inputs["apiVersion"] for each in objects(recording) if is_custom(each) is of_others}


@pytest.mark.parametrize("stack", RECORDINGS)
def test_kubernetes_own_are_stable(stack: str) -> None:
    own = versions(RECORDINGS[stack], of_others=False)
    assert {version for version in own if not re.fullmatch(r"([a-z0-9.]+/)?v\d+", version)} == set()


def test_of_others_that_are_not_are_named() -> None:
    every = set[str]().union(*(versions(each, of_others=True) for each in RECORDINGS.values()))
    assert {version for version in every if not re.search(r"/v\d+$", version)} == NOT_STABLE.keys()


@pytest.mark.parametrize("stack", RECORDINGS)
def test_what_a_stack_writes_is_what_its_definitions_store(stack: str) -> None:
    """So nothing is left behind in a version that the next definitions no longer have."""
    definitions = {
        (definition.inputs["spec"]["group"], definition.inputs["spec"]["names"]["kind"]): definition.inputs["spec"]
        for definition in objects(RECORDINGS[stack], "CustomResourceDefinition")
    }
    for each in objects(RECORDINGS[stack]):
        group, _, version = each.inputs["apiVersion"].rpartition("/")
        defined = definitions.get((group, each.inputs["kind"]))
        if defined:
            assert [found["name"] for found in defined["versions"] if found["storage"]] == [version], each.name
