"""Upstream charts and the definitions that they bring, which are not part of this repository."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bedplate.kubernetes import Chart
from bedplate.rehearsal.definitions import real_definition
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


def mistakes(body: dict[str, Any]) -> list[str]:
    """What the upstream definition says of an object; unknown fields, which the API server drops silently, included."""
    return [error.message for error in validator_of(body["apiVersion"], body["kind"]).iter_errors(body)]


@cache
def validator_of(api_version: str, kind: str) -> Draft202012Validator:
    custom = next(found for chart in CHARTS if (found := chart.brings(api_version, kind)))
    definition = real_definition(DEFINITIONS, custom.shown())
    assert definition
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
