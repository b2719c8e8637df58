"""The Azure stack on the recording engine, and what tests ask of it."""

from typing import Any

from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.stack_file.reading import load
from harness import ROOT

FILE = ROOT / "stacks" / "Pulumi.azure.yaml"


def cloud() -> AzureClusterSpec:
    spec = load(FILE).spec.cloud
    assert isinstance(spec, AzureClusterSpec)
    return spec


def of_type(recording: Recording, end: str) -> list[Resource]:
    found = [resource for resource in recording.resources if resource.custom and resource.type.endswith(f":{end}")]
    assert found, f"there is no {end}"
    return found


def the_cluster(recording: Recording) -> dict[str, Any]:
    (cluster,) = of_type(recording, "ManagedCluster")
    return dict(cluster.inputs)


def pools(recording: Recording) -> dict[str, dict[str, Any]]:
    """Settings by the name in the stack file: the cluster's own pool and all others."""
    found = [*the_cluster(recording)["agentPoolProfiles"], *(dict(p.inputs) for p in of_type(recording, "AgentPool"))]
    return {pool["nodeLabels"]["bedplate.dev/pool"]: pool for pool in found}
