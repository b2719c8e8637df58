"""Kubernetes objects as a rehearsal sees them: plain data, named by kind, namespace and name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

Object = dict[str, Any]


@dataclass(frozen=True, order=True)
class ObjectKey:
    """Names an object whatever its version."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def key_of(body: Mapping[str, Any]) -> ObjectKey:
    """The key of an object or manifest."""
    metadata = body["metadata"]
    return ObjectKey(str(body["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))


def desired(body: Mapping[str, Any]) -> Object:
    """The object without what Kubernetes keeps for itself: status, versions, field ownership."""
    metadata = {
        key: value
        for key, value in cast(Object, body["metadata"]).items()
        if key not in ("resourceVersion", "managedFields", "generation")
    }
    return {**{key: value for key, value in body.items() if key not in ("status", "metadata")}, "metadata": metadata}


def applied_fields(body: Mapping[str, Any]) -> str:
    """Who has applied which fields, and when one of them last changed."""
    entries: list[Object] = body["metadata"].get("managedFields", [])
    return json.dumps([entry for entry in entries if entry.get("operation") == "Apply"], sort_keys=True)


def serves(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is ready: its condition says so."""
    conditions: list[Object] = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
