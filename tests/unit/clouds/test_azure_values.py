"""Every enumerated value of the Azure stack is one that its SDK knows."""

import importlib
import sys
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from azure_stack import FILE
from bedplate.engine.engine import Recording
from harness import record_stack

NATIVE = "azure-native"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


def members(annotation: Any) -> list[type[Enum]]:
    """The enumerations in an annotation of the SDK."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in members(part)]


def enumerated(kind: type, inputs: dict[str, Any]) -> Iterator[tuple[str, Any, list[type[Enum]]]]:
    """Each property whose type is an enumeration: its name, the rendered value, the enumerations."""
    hints = typing.get_type_hints(kind.__init__, vars(sys.modules[kind.__module__]))
    wire = {
        name: getattr(getter.fget, "_pulumi_name", name)
        for name, getter in vars(kind).items()
        if isinstance(getter, property)
    }
    for name, hint in hints.items():
        value = inputs.get(wire.get(name, name))
        if value is None:
            continue
        if found := members(hint):
            yield f"{kind.__name__}.{name}", value, found
        for nested in arguments(hint):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from enumerated(nested, item)


def arguments(annotation: Any) -> list[type]:
    """The input types in an annotation of the SDK."""
    if isinstance(annotation, type) and annotation.__name__.endswith("Args") and hasattr(annotation, "__init__"):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in arguments(part)]


def test_every_enumerated_value_is_one_that_azure_knows(recording: Recording) -> None:
    checked: set[str] = set()
    for resource in recording.resources:
        if not resource.type.startswith(f"{NATIVE}:"):
            continue
        _, service, name = resource.type.split(":")
        kind = getattr(importlib.import_module(f"pulumi_azure_native.{service}"), f"{name}Args")
        for place, value, enumerations in enumerated(kind, dict(resource.inputs)):
            known = {member.value for enumeration in enumerations for member in enumeration}
            for item in value if isinstance(value, list) else [value]:
                assert item in known, (resource.name, place, item)
            checked.add(place)
    nested = {"ManagedClusterSKUArgs.tier", "RetentionPolicyArgs.status", "KeyPropertiesArgs.key_ops"}
    assert {"AgentPoolArgs.mode", "StorageAccountArgs.kind", *nested} <= checked
    assert len(checked) > 40, sorted(checked)
