"""Upstream charts and definitions of custom kinds; what charts bring is not part of this repository."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bedplate.kubernetes import Chart, CustomKind
from bedplate.rehearsal.definitions import real_definition
from bedplate.services.front_door import traefik
from harness import ROOT, library

_BESIDE = (folder / "shared" / "crds" for folder in ROOT.parents)
DEFINITIONS = Path(os.environ.get("BEDPLATE_TEST_CRDS") or next((path for path in _BESIDE if path.is_dir()), "crds"))
"""Upstream's own definitions, which are not part of this repository."""
needs_definitions = pytest.mark.skipif(
    not DEFINITIONS.is_dir(), reason="no folder shared/crds beside the repository; name one with BEDPLATE_TEST_CRDS"
)


def every_chart() -> list[Chart]:
    found = {id(value): value for module in library() for value in vars(module).values() if isinstance(value, Chart)}
    return sorted(found.values(), key=lambda chart: chart.name)


CHARTS = every_chart()
CARRIED = {
    (f"{custom.group}/{version}", custom.kind): body
    for body in traefik.definitions()
    for custom in [CustomKind.defined_by(body)]
    for version in custom.versions
}
"""Definitions that the platform registers itself, by API version and kind."""


def mistakes(body: dict[str, Any]) -> list[str]:
    """What the upstream definition says of an object; unknown fields, which the API server drops silently, included."""
    return [error.message for error in validator_of(body["apiVersion"], body["kind"]).iter_errors(body)]


def _brought(api_version: str, kind: str) -> Mapping[str, Any]:
    custom = next(found for chart in CHARTS for found in chart.kinds if found.serves(api_version, kind))
    definition = real_definition(DEFINITIONS, custom.shown())
    assert definition
    return definition


@cache
def validator_of(api_version: str, kind: str) -> Draft202012Validator:
    definition = CARRIED.get((api_version, kind)) or _brought(api_version, kind)
    version = api_version.rpartition("/")[2]
    schema = next(one["schema"]["openAPIV3Schema"] for one in definition["spec"]["versions"] if one["name"] == version)
    return Draft202012Validator(closed(schema))


def closed(schema: Any, *, is_root: bool = True) -> Any:
    """The schema, refusing fields that it does not know."""
    if isinstance(schema, list):
        return [closed(item, is_root=False) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # Alternatives speak of fields that are declared beside them.
    alternatives = ("allOf", "anyOf", "oneOf", "not")
    result = {key: value if key in alternatives else closed(value, is_root=False) for key, value in schema.items()}
    properties = schema.get("properties")
    if is_root:
        result["properties"] = {**result["properties"], "metadata": {"type": "object"}}
    if isinstance(properties, dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    return result
