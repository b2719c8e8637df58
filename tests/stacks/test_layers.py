"""A platform over two stacks is the same platform: the upper one knows of the cloud what the lower one's facts say.

That is also what makes the clouds alike: everything above a cluster follows from its facts and the stack file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, hidden
from bedplate.plans.planning import written_platform
from bedplate.stack_file.reading import load
from harness import STACKS, record

MANAGED = [file for file in STACKS if load(file).spec.cloud.owns_cluster]


def on_the_cluster(*recordings: Recording) -> dict[str, Any]:
    """All that is on the cluster, by name, but what members are offered who deploy: a stack of tenants alone has no
    front door to lead to them."""
    return {
        resource.name: hidden(resource.inputs)
        for recording in recordings
        for resource in recording.resources
        if (resource.is_kubernetes_object or resource.type == RELEASE_TYPE) and not _is_offered(resource.name)
    }


def _is_offered(name: str) -> bool:
    return name.endswith(("-configmap-bedplate", "-networkpolicy-deployed")) or ("/" in name and "-deployed-" in name)


def upper(platform: dict[str, Any], lower: Recording, layers: list[str]) -> dict[str, Any]:
    cloud = platform["cloud"]
    version = cloud["kubernetesVersion"]
    existing = {
        "provider": "existing",
        "name": cloud["name"],
        "kubernetesVersion": version,
        "facts": lower.outputs["facts"],
    }
    sizes = {"cpu": 192, "memoryGib": 1900}
    pools = {
        name: {**{key: pool[key] for key in pool if key in ("accelerator", "count", "min", "max")}, "machine": sizes}
        for name, pool in platform["nodePools"].items()
    }
    return {**platform, "cloud": existing, "nodePools": pools, "layers": layers}


def splittable(platform: Mapping[str, Any]) -> dict[str, Any]:
    """A platform without what a stack above its cluster cannot have, and says so: prices of the cloud's list, and
    identities of the cloud. Trainings and workspaces, their queues and who stops them stay with the services."""
    of_services = ("cost", "buckets", "queue", "idle", "ssh")
    rest = {key: value for key, value in platform.items() if key not in of_services}
    return {**rest, "tenants": [_splittable(tenant) for tenant in platform["tenants"]]}


def _splittable(tenant: dict[str, Any]) -> dict[str, Any]:
    workloads = [
        {key: workload[key] for key in workload if key != "grants"}
        for workload in tenant["workloads"]
        if workload["kind"] not in ("training", "workspace")
    ]
    return {**tenant, "workloads": workloads}


@pytest.mark.parametrize("file", MANAGED, ids=lambda file: file.stem)
@pytest.mark.parametrize("below", [["cluster"], ["cluster", "services"]], ids=", ".join)
def test_two_stacks_make_what_one_makes(file: Path, below: list[str]) -> None:
    platform = splittable(written_platform(file))
    above = [layer for layer in ("services", "tenants") if layer not in below]
    lower = record({**platform, "layers": below})
    assert on_the_cluster(lower, record(upper(platform, lower, above))) == on_the_cluster(record(platform))
