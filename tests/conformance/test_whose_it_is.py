"""Everything that costs money says whose it is, down to the pod: costs are booked by these labels alone.

What belongs to a tenant names tenant, project, owner and, where it is one workload's, the workload. What is the
platform's names the platform, and never a project. Nodes belong to nobody but their pool: many tenants use one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aws_stack import with_karpenter
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.labels import ACCELERATOR, OWNER, PLATFORM_OWNER, POOL, PROJECT, TENANT, WORKLOAD
from conformance.everything import EVERYTHING, SECRETS, SHARING
from every_cloud import MANAGED
from harness import (
    ROOT,
    SECRET_OF_EVERY,
    STACKS,
    every_template,
    objects,
    record,
    record_stack,
    spec,
    written_platform,
)

RECORDINGS: Mapping[str, Recording] = {
    "everything": record(EVERYTHING, SECRETS),
    "sharing": record(SHARING),
    "templates": record(every_template(), frozenset({SECRET_OF_EVERY})),
    **{file.stem: record_stack(file) for file in STACKS},
}
RUNS = ("CronJob", "DaemonSet", "Deployment", "Job", "JobSet", "PodTemplate", "StatefulSet")
"""What makes pods."""
COSTS = (*RUNS, "Namespace", "PersistentVolumeClaim")
MANY_WORKLOADS = ("Namespace", "PersistentVolumeClaim")
"""What several workloads may have together."""
WHOSE = (TENANT, PROJECT, OWNER)


def labelled(value: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """The labels of every object that stands in another one, templates of jobs, pods and claims, by where it stands."""
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from labelled(inner, f"{place}.{number}")
    elif isinstance(value, dict):
        if place and "spec" in value and (place.endswith(("emplate", "emplates")) or "emplates." in place):
            yield place, value.get("metadata", {}).get("labels", {})
        for key, inner in value.items():
            yield from labelled(inner, f"{place}.{key}")


def owned(labels: Mapping[str, str]) -> Mapping[str, str]:
    return {key: labels[key] for key in (*WHOSE, WORKLOAD) if key in labels}


def those_that_cost(recording: Recording) -> list[Resource]:
    return [resource for resource in objects(recording) if resource.inputs["kind"] in COSTS]


@pytest.mark.parametrize("stack", RECORDINGS)
class TestWhatCosts:
    def test_says_whose_it_is(self, stack: str) -> None:
        for resource in those_that_cost(RECORDINGS[stack]):
            kind, labels = resource.inputs["kind"], resource.inputs["metadata"]["labels"]
            if labels[OWNER] == PLATFORM_OWNER:
                assert PROJECT not in labels, resource.name
                assert WORKLOAD not in labels, resource.name
                continue
            expected = {*WHOSE, *(() if kind in MANY_WORKLOADS else (WORKLOAD,))}
            assert expected <= owned(labels).keys(), resource.name

    def test_makes_pods_jobs_and_claims_that_say_the_same(self, stack: str) -> None:
        for resource in those_that_cost(RECORDINGS[stack]):
            inside = list(labelled(resource.inputs))
            assert bool(inside) is (resource.inputs["kind"] in RUNS), resource.name
            for place, labels in inside:
                assert owned(labels) == owned(resource.inputs["metadata"]["labels"]), f"{resource.name}{place}"


def labels_with(key: str, value: Any) -> Iterator[Mapping[str, str]]:
    """Every mapping below a value that has this key."""
    if isinstance(value, dict):
        if key in value:
            yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from labels_with(key, inner)


class TestNodes:
    @pytest.mark.parametrize("cloud", MANAGED)
    def test_of_every_pool_say_which(self, cloud: str) -> None:
        file = ROOT / "stacks" / f"Pulumi.{cloud}.yaml"
        told = [
            (labels[POOL], labels.get(ACCELERATOR))
            for resource in record_stack(file).resources
            if not resource.is_kubernetes_object
            for labels in labels_with(POOL, resource.inputs)
        ]
        # Of AWS there is one node group each zone.
        assert set(told) == {(name, pool.offers) for name, pool in spec(written_platform(file)).node_pools.items()}

    def test_that_karpenter_adds_say_which(self) -> None:
        stack = with_karpenter()
        growing = {name for name, pool in stack["nodePools"].items() if pool.get("min", 0) != pool["max"]}
        templates = [pool.inputs["spec"]["template"] for pool in objects(record(stack), "NodePool")]
        assert {template["metadata"]["labels"][POOL] for template in templates} == growing


@pytest.mark.parametrize("stack", ["everything", "Pulumi.aws", "Pulumi.local"])
def test_prometheus_is_told_these_labels(stack: str) -> None:
    charts = [each.inputs.get("values", {}) for each in RECORDINGS[stack].resources if each.type.endswith(":Release")]
    (values,) = [values for values in charts if "kube-state-metrics" in values]
    told = dict(each.rstrip("]").split("=[") for each in values["kube-state-metrics"]["metricLabelsAllowlist"])
    expected = {"pods": {*WHOSE, WORKLOAD}, "persistentvolumeclaims": {*WHOSE, WORKLOAD}, "nodes": {POOL, ACCELERATOR}}
    for kind, labels in expected.items():
        assert labels <= set(told[kind].split(","))
