"""The Google Cloud stack on the recording engine, and what tests ask of it."""

from collections.abc import Mapping
from typing import Any

from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.stack_file.reading import load
from harness import ROOT

FILE = ROOT / "stacks" / "Pulumi.gcp.yaml"
KEYS = "projects/nordwind-ml-prod/locations/europe-west4/keyRings/nordwind-ml/cryptoKeys"
NODES = "serviceAccount:nordwind-ml-nodes@nordwind-ml-prod.iam.gserviceaccount.com"


def cloud() -> GcpClusterSpec:
    spec = load(FILE).spec.cloud
    assert isinstance(spec, GcpClusterSpec)
    return spec


def of_type(recording: Recording, end: str) -> list[Resource]:
    found = [resource for resource in recording.resources if resource.custom and resource.type.endswith(f":{end}")]
    assert found, f"there is no {end}"
    return found


def bindings(recording: Recording) -> list[Resource]:
    """Everything that gives somebody a role."""
    return [resource for resource in recording.resources if resource.custom and "member" in resource.inputs]


def pools(recording: Recording) -> dict[str, Mapping[str, Any]]:
    return {pool.inputs["namePrefix"].rstrip("-"): pool.inputs for pool in of_type(recording, "NodePool")}
