"""Upstream charts and definitions of custom kinds; what charts bring is not part of this repository."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bedplate.errors import RehearsalError
from bedplate.kubernetes import Chart, CustomKind
from bedplate.programs import PROGRAMS, definitions
from bedplate.rehearsal.definitions import real_definition
from bedplate.services.front_door import traefik
from bedplate.services.monitoring import kube_prometheus
from bedplate.services.queue import queue_definitions
from harness import library


def every_chart() -> list[Chart]:
    found = {id(value): value for module in library() for value in vars(module).values() if isinstance(value, Chart)}
    return sorted(found.values(), key=lambda chart: chart.name)


CHARTS = every_chart()
KINDS = [kind for chart in CHARTS for kind in chart.kinds]
CARRIED = {
    (f"{custom.group}/{version}", custom.kind): body
    for body in (*traefik.definitions(), *kube_prometheus.definitions(), *queue_definitions.published().definitions)
    for custom in [CustomKind.defined_by(body)]
    for version in custom.versions
}
"""Definitions that the platform registers itself, by API version and kind."""


def folders() -> Iterator[Path]:
    """Where upstream's definitions are: in the Go modules of programs, and in the folder of BEDPLATE_TEST_CRDS."""
    if more := os.environ.get("BEDPLATE_TEST_CRDS"):
        yield Path(more)
    yield from _of_modules()


@cache
def _of_modules() -> list[Path]:
    return [definitions(one.name, progress=lambda line: None) for one in PROGRAMS if one.definitions]


def definition_of(kind: CustomKind) -> dict[str, Any] | None:
    """Upstream's definition of a kind; None where no module that is built here has it.

    Skips the test where the modules cannot be downloaded.
    """
    try:
        found = (real_definition(folder, kind.shown()) for folder in folders())
        return next((dict(one) for one in found if one), None)
    except RehearsalError as error:
        pytest.skip(str(error))


def needed_definition_of(kind: CustomKind) -> dict[str, Any]:
    """The same; skips the test where there is none."""
    found = definition_of(kind)
    if found is None:
        pytest.skip(f"no Go module of the table of programs has {kind.definition}: name a folder by BEDPLATE_TEST_CRDS")
    return found


def mistakes(body: dict[str, Any]) -> list[str]:
    """What the upstream definition says of an object; unknown fields, which the API server drops silently, included.

    Nothing where there is no definition: the test of each kind says so.
    """
    validator = validator_of(body["apiVersion"], body["kind"])
    return [error.message for error in validator.iter_errors(body)] if validator else []


@cache
def validator_of(api_version: str, kind: str) -> Draft202012Validator | None:
    definition = CARRIED.get((api_version, kind)) or definition_of(_custom_kind(api_version, kind))
    if definition is None:
        return None
    version = api_version.rpartition("/")[2]
    schema = next(one["schema"]["openAPIV3Schema"] for one in definition["spec"]["versions"] if one["name"] == version)
    return Draft202012Validator(closed(schema))


def _custom_kind(api_version: str, kind: str) -> CustomKind:
    return next(found for found in KINDS if found.serves(api_version, kind))


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
