"""Pydantic's errors as problems that a user understands, and what can be read of data that is wrong."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from bedplate.clouds import NodePoolSpec
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.consistency import Parts, PathPart, Problem
from bedplate.guardrails import GuardrailsSpec
from bedplate.workloads import AnyWorkloadSpec, WorkloadSpec

_SECRET_KEY = re.compile(
    r"(password|passwd|secret|token|api_?key|private_?key|access_?key|credential|kubeconfig)", re.IGNORECASE
)
_MESSAGES = {
    "missing": "this key is required and missing",
    "extra_forbidden": "unknown key",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "mapping_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "union_tag_invalid": "unknown kind",
    "union_tag_not_found": "the key kind is required and missing",
    "literal_error": "not one of the values allowed",
}
_T = TypeVar("_T")
Schema = dict[str, Any]


def validation_problems(error: ValidationError, data: object) -> list[Problem]:
    """One problem for each of Pydantic's errors; no secret is shown."""
    schema = PlatformSpec.model_json_schema(by_alias=True)
    return [_problem(cast(dict[str, Any], detail), data, schema) for detail in error.errors(include_url=False)]


def _problem(detail: dict[str, Any], data: object, schema: Schema) -> Problem:
    kind, value = str(detail["type"]), detail.get("input")
    path = _data_path(detail["loc"], data)
    key = str(path[-1]) if path else "platform"
    node = _schema_at(path[:-1] if kind == "extra_forbidden" else path, data, schema)
    message = _MESSAGES.get(kind) or str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    allowed = _allowed(kind, detail.get("ctx", {}), node)
    message, _, change = message.partition("; ") if kind == "value_error" else (message, "", "")
    if kind == "extra_forbidden":
        fix = _unknown_key_fix(key, list(node.get("properties", {})))
    elif kind == "missing":
        fix = f"add `{key}:` — {_description(node)}" if _description(node) else f"add `{key}:`"
    else:
        fix = change or _correct(key, node)
    return Problem(path=path, message=message, given=_shown(path, kind, value), allowed=allowed, fix=fix)


def _correct(key: str, node: Schema) -> str:
    description = _description(node)
    return f"correct `{key}` — {description}" if description else f"correct `{key}`"


def _description(node: Schema) -> str:
    return " ".join(str(node.get("description", "")).split("\n\n")[0].split())


def _unknown_key_fix(key: str, known: Sequence[str]) -> str:
    if near := difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return f"did you mean `{near[0]}`?"
    return f"remove `{key}`, or use one of the keys allowed"


def _allowed(kind: str, context: Mapping[str, Any], node: Schema) -> str | None:
    if kind == "extra_forbidden":
        return ", ".join(sorted(node.get("properties", {}))) or None
    if kind == "union_tag_invalid":
        return str(context.get("expected_tags", "")).replace("'", "")
    if kind == "literal_error":
        return str(context.get("expected", "")).replace("'", "")
    return None


def _shown(path: Sequence[PathPart], kind: str, value: object) -> str | None:
    """The value as the message shows it: never a secret, never a whole section."""
    if kind == "missing" or isinstance(value, dict | list | tuple) or value is None:
        return None
    if any(isinstance(part, str) and _SECRET_KEY.search(part) for part in path) or _looks_secret(str(value)):
        return "(not shown, it may be a secret)"
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…'"


def _looks_secret(value: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9+/_=.-]{32,}", value)) and bool(re.search(r"\d", value)) and "/" not in value[:20]


def _data_path(location: Sequence[PathPart], data: object) -> tuple[PathPart, ...]:
    """Pydantic's location without what is not in the data: the tag of a union, '[key]' of a mapping."""
    path: list[PathPart] = []
    node = data
    for part in location:
        if part == "[key]":
            continue
        if isinstance(node, dict):
            mapping = cast(dict[str, Any], node)
            if part not in mapping and part in (mapping.get("kind"), mapping.get("provider")):
                continue
            node = mapping.get(str(part))
        elif isinstance(node, list) and isinstance(part, int):
            items = cast(list[Any], node)
            node = items[part] if part < len(items) else None
        path.append(part)
    return tuple(path)


def _schema_at(path: Sequence[PathPart], data: object, root: Schema) -> Schema:
    """The JSON schema of the value at `path`; {} where there is none."""
    node, value = root, data
    for part in path:
        node = _resolved(node, value, root)
        if isinstance(part, int):
            node = cast(Schema, node.get("items", {}))
            value = cast(list[Any], value)[part] if isinstance(value, list) and part < len(cast(list[Any], value)) else None
        else:
            properties = cast(Schema, node.get("properties", {}))
            node = cast(Schema, properties.get(part) or node.get("additionalProperties") or {})
            value = cast(dict[str, Any], value).get(part) if isinstance(value, dict) else None
    resolved = _resolved(node, value, root)
    return {**resolved, "description": node.get("description", resolved.get("description", ""))}


def _resolved(node: Schema, value: object, root: Schema) -> Schema:
    """The node with references followed, and of a union the arm that the data chose."""
    while isinstance(node, dict):
        if "$ref" in node:
            node = cast(Schema, root["$defs"][str(node["$ref"]).rpartition("/")[2]])
        elif "discriminator" in node:
            mapping = cast(dict[str, str], node["discriminator"]["mapping"])
            tag = cast(dict[str, Any], value).get(node["discriminator"]["propertyName"]) if isinstance(value, dict) else None
            if tag not in mapping:
                return {}
            node = {"$ref": mapping[str(tag)]}
        elif "anyOf" in node:
            arms = [cast(Schema, arm) for arm in node["anyOf"] if arm.get("type") != "null"]
            node = {**arms[0], "description": node.get("description", "")} if arms else {}
        else:
            return node
    return {}


def parts_of(data: object, secrets: Collection[str] | None) -> Parts:
    """What can be read of a platform's data; what cannot is None or left out."""
    mapping = cast(dict[str, Any], data) if isinstance(data, dict) else {}
    prefix = mapping.get("tenantPrefix", "")
    tenants = mapping.get("tenants", [])
    readable: list[tuple[int, TenantEntry, list[int]]] = []
    for index, raw in enumerate(cast(list[Any], tenants) if isinstance(tenants, list) else []):
        if (tenant := _tenant(raw)) is not None:
            readable.append((index, *tenant))
    return Parts(
        pools=_parsed(dict[str, NodePoolSpec], mapping.get("nodePools")),
        guardrails=_parsed(GuardrailsSpec, mapping.get("guardrails")),
        tenant_prefix=prefix if isinstance(prefix, str) else "",
        tenants=readable,
        secrets=secrets,
    )


def _tenant(raw: object) -> tuple[TenantEntry, list[int]] | None:
    """The tenant with those of its workloads that can be read, and their positions."""
    if not isinstance(raw, dict):
        return None
    fields = cast(dict[str, Any], raw)
    workloads = fields.get("workloads", [])
    read: dict[int, WorkloadSpec] = {}
    for position, item in enumerate(cast(list[Any], workloads) if isinstance(workloads, list) else []):
        workload = _parsed(AnyWorkloadSpec, item)
        if workload is not None:
            read[position] = workload
    tenant = _parsed(TenantEntry, {**fields, "workloads": []})
    if tenant is None:
        return None
    return tenant.model_copy(update={"workloads": tuple(read.values())}), list(read)


def _parsed(kind: type[_T], data: object) -> _T | None:
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError:
        return None
