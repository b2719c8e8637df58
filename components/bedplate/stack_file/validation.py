"""Pydantic's errors as problems that a user understands, and what can be read of data that is wrong."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar, cast, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from bedplate.clouds import NodePoolSpec
from bedplate.clouds.buckets import BucketSpec
from bedplate.config import Layer, PlatformSpec, TenantEntry
from bedplate.guardrails import GuardrailsSpec
from bedplate.services.spec import ServicesSpec
from bedplate.spec import MISTAKE, Spec
from bedplate.stack_file.parts import Parts
from bedplate.stack_file.problems import (
    NOT_SHOWN,
    PathPart,
    PathParts,
    Problem,
    nearest,
    number,
    printable,
    shown,
    suggestion,
)
from bedplate.wording import escaped
from bedplate.workloads import Workload, WorkloadSpec

_LOOSE_KEYS = ("domain", "tenantPrefix", "tenantSecrets")
"""Keys of the platform itself, which belong to no section."""
_MAPPING = ("must be a mapping: lines of `key: value`", "write its keys below it, indented")
_MESSAGES: dict[str, tuple[str, str]] = {
    "int_type": ("must be a whole number", "write a whole number, without quotes"),
    "float_type": ("must be a number", "write a number, without quotes"),
    "finite_number": ("must be a finite number", "write a number"),
    "string_type": ("must be text", "put the value in quotes"),
    "string_unicode": ("must be text that can be written as UTF-8", "remove the characters that cannot"),
    "string_too_long": ("must have at most {max_length} characters", "shorten it"),
    "string_too_short": ("must have at least {min_length} characters", "write more"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "tuple_type": ("must be a list", "write it as a list: [one, two], or a line with '- ' for each"),
    "mapping_type": _MAPPING,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "greater_than_equal": ("must be at least {ge}", "raise it"),
    "less_than_equal": ("must be at most {le}", "lower it"),
    "too_short": ("must have at least {min_length} entry", "add one"),
    "literal_error": ("not one of the values allowed", "write one of these"),
}
"""Message and fix by Pydantic's error type."""
_UNITS: dict[str, Mapping[str, float]] = {
    "cpu": {"m": 0.001},
    "gib": {"k": 2**-20, "m": 2**-10, "g": 1, "t": 2**10},
    "hours": {"s": 1 / 3600, "m": 1 / 60, "h": 1, "d": 24},
    "minutes": {"s": 1 / 60, "m": 1, "h": 60, "d": 1440},
    "seconds": {"s": 1, "m": 60, "h": 3600, "d": 86_400},
    "days": {"h": 1 / 24, "d": 1},
}
"""By the end of a key's name: what a unit's first letter is in the unit of the key."""
_LONGEST_MEANT = 200
"""Of a right value that is proposed: a longer one is not looked at."""
_T = TypeVar("_T", bound=Spec)
Schema = Mapping[str, Any]


def validation_problems(error: ValidationError, under: Sequence[PathPart] = ()) -> list[Problem]:
    """One problem for each mistake that Pydantic found; no secret is shown.

    under: location in a platform of what was validated, where it was not the whole; paths begin with it.
    """
    found_at = [{**detail, "loc": (*under, *detail["loc"])} for detail in error.errors(include_url=False)]
    details = [detail for detail in cast(list[Schema], found_at) if not _is_too_short(detail)]
    meant: set[PathParts] = set()
    for detail in details:
        if detail["type"] == "extra_forbidden" and (near := nearest(str(detail["loc"][-1]), _keys_around(detail))):
            meant.add((*_place(detail["loc"])[0][:-1], near))
    found = [(str(detail["type"]), _problem(detail)) for detail in details]
    return [problem for kind, problem in found if kind != "missing" or problem.path not in meant]


def _is_too_short(detail: Schema) -> bool:
    """Whether a list counts as empty only because of its entries' own mistakes."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _keys_around(detail: Schema) -> list[str]:
    return sorted(_place(detail["loc"][:-1])[1].get("properties", {}))


def _problem(detail: Schema) -> Problem:
    kind, value, context = str(detail["type"]), detail.get("input"), cast(Schema, detail.get("ctx", {}))
    path, node = _place(detail["loc"])
    allowed = str(context.get("allowed") or _allowed(node)) or None
    given: str | None = shown(value, path)
    if kind == "extra_forbidden":
        known = _keys_around(detail)
        message, fix = "unknown key", suggestion(str(path[-1]), known, "remove it, or write one of the keys allowed")
        allowed = ", ".join(known) or None
    elif kind == "missing":
        description = f" ({node['description']})" if node.get("description") else ""
        message, fix, given = "this key is required and missing", f"add `{path[-1]}:`{description}", None
    elif kind.startswith("union_tag"):
        union = cast(Schema, node["discriminator"])
        key, choices = str(union["propertyName"]), list(cast(Schema, union["mapping"]))
        path, allowed = (*path, key), "; ".join(f"{name}: {text}" for name, text in _meanings(union).items())
        if kind == "union_tag_not_found":
            message, fix, given = "this key is required and missing", f"add `{key}:` with one of these", None
        else:
            value = cast(Schema, value)[key]
            meant = _meant(str(value), union)
            fix = f"did you mean `{meant}`?" if meant else suggestion(str(value), choices, "write one of these")
            message, given = f"unknown {key}", shown(value)
    elif kind == MISTAKE:
        choices = str(context["allowed"]).split(", ")
        message, fix = escaped(str(context["message"])), escaped(str(context["fix"]))
        if context["nearest"] and given != NOT_SHOWN and len(str(context["nearest"])) <= _LONGEST_MEANT:
            fix = f"write '{escaped(str(context['nearest']))}'"
        fix = suggestion(value, choices, fix) if isinstance(value, str) else fix
        given = None if value is None else given
    else:
        is_required = path[-1:] and path[-1] in _place(detail["loc"][:-1])[1].get("required", [])
        message, fix = _words(detail, path, value, node, "" if is_required else ", or remove the key")
    return Problem(path=path, message=message, given=given, allowed=allowed, fix=fix)


def _meanings(union: Schema) -> dict[str, str]:
    """What each choice of a union is, in a sentence."""
    texts = {name: str(_resolved({"$ref": arm}).get("description", "")) for name, arm in union["mapping"].items()}
    return {name: re.split(r"\.(?:\s|$)", text)[0] for name, text in texts.items()}


def _meant(given: str, union: Schema) -> str | None:
    """The one choice whose description has the word, however it is written: `azuread` is in 'Azure AD'."""
    word = _letters(given)
    named = [name for name, text in _meanings(union).items() if len(word) > 2 and word in _letters(text)]
    return named[0] if len(named) == 1 else None


def _letters(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def _words(detail: Schema, path: PathParts, value: object, node: Schema, alternative: str) -> tuple[str, str]:
    """Message and fix of one of Pydantic's own errors. alternative: to giving a value at all."""
    kind, context = str(detail["type"]), cast(Schema, detail.get("ctx", {}))
    key = printable(next((part for part in reversed(path) if isinstance(part, str)), "bedplate:platform"))
    otherwise = str(detail["msg"]).replace("Input should", "must"), f"correct `{key}`"
    message, fix = _MESSAGES.get(kind, otherwise)
    limits = {name: number(limit) for name, limit in context.items() if isinstance(limit, int | float)}
    message = message.format_map(limits)
    if value is None:
        return message, f"write a value after `{key}:`{alternative}"
    if kind == "string_type" and isinstance(value, dict | list):
        return message, "write one text"
    if (message, fix) == _MAPPING and (short := _written_out(value, node)):
        return message, short
    if isinstance(value, str) and kind in ("int_type", "float_type"):
        return _number_in_text(key, value, (message, fix))
    if isinstance(value, str) and kind == "literal_error":
        return message, suggestion(value, _choices(node), fix)
    return message, fix


def _written_out(value: object, node: Schema) -> str | None:
    """The mapping that was meant by a text in its place: `route: browser`, `cloud: aws`."""
    if not isinstance(value, str):
        return None
    if "discriminator" in node:
        union = cast(Schema, node["discriminator"])
        return (
            f"write `{union['propertyName']}: {value}` and its other keys below it"
            if value in union["mapping"]
            else None
        )
    properties = cast(Mapping[str, Schema], node.get("properties", {}))
    keys = [key for key, property_ in properties.items() if value in _choices(_resolved(property_))]
    return f"write {{{keys[0]}: {value}}}" if keys else None


def _number_in_text(key: str, value: str, otherwise: tuple[str, str]) -> tuple[str, str]:
    """What is wrong with `16Gi` or `"16"` where a number should be, and the number that was meant."""
    quantity = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)\s*", value)
    if quantity is None:
        return otherwise
    amount, unit = quantity.groups()
    if not unit:
        return "must be a number, not text", f"write {amount} without quotes"
    factor = next(
        (units.get(unit[0].lower()) for ending, units in _UNITS.items() if key.lower().endswith(ending)), None
    )
    meant = f"write {number(float(amount) * factor)}" if factor else "write the number alone"
    return "must be a number without a unit", meant


def _choices(node: Schema) -> list[str]:
    return [str(choice) for choice in node.get("enum", [node["const"]] if "const" in node else [])]


def _allowed(node: Schema) -> str:
    """The values that a schema allows, where it says so."""
    if choices := _choices(node):
        return ", ".join(choices)
    least, most = (number(node[key]) if key in node else "" for key in ("minimum", "maximum"))
    if not least and "exclusiveMinimum" in node:
        least = f"more than {number(node['exclusiveMinimum'])}"
        return f"{least}, at most {most}" if most else least
    if not least:
        return f"at most {most}" if most else ""
    return f"{least} to {most}" if most else f"at least {least}"


@cache
def _schema() -> Schema:
    return PlatformSpec.model_json_schema(by_alias=True)


def _place(location: Sequence[PathPart]) -> tuple[PathParts, Schema]:
    """Pydantic's location as a path in the file, and the schema of what belongs there; {} where there is none."""
    path: list[PathPart] = []
    node, is_entry = _schema(), False
    for part in location:
        holder = _resolved(node)
        if "discriminator" in holder:  # The part names an arm of a union, and stands nowhere in the file.
            node = {"$ref": holder["discriminator"]["mapping"].get(part, "")}
            continue
        if "oneOf" in holder:  # An arm by the type that it has.
            arms = cast(list[Schema], holder["oneOf"])
            node = next((arm for arm in arms if _resolved(arm).get("type") == part), cast(Schema, {}))
            continue
        if part == "[key]" and is_entry:  # Of a mapping's entry, the key is wrong.
            continue
        keys = holder.get("properties", {})
        if isinstance(part, str) and part not in keys and to_camel(part) in keys:
            part = to_camel(part)  # Of a default that does not pass, Pydantic names the attribute.
        path.append(part)
        entries = holder.get("additionalProperties")
        is_entry = isinstance(entries, dict)
        if isinstance(part, int):
            node = cast(Schema, holder.get("items", {}))
        else:
            node = cast(Schema, holder.get("properties", {}).get(part) or (entries if is_entry else {}))
    resolved = _resolved(node)
    description = str(node.get("description") or resolved.get("description", ""))
    return tuple(path), {**resolved, "description": " ".join(description.split("\n\n")[0].split()).rstrip(".")}


def _resolved(node: Schema) -> Schema:
    """The schema with references followed, and of `X or nothing` the X."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = cast(Schema, _schema()["$defs"].get(str(node["$ref"]).rpartition("/")[2], {}))
        else:
            arms = cast(list[Schema], node["anyOf"])
            node = next(arm for arm in arms if arm.get("type") != "null")
    return node


def parts_of(data: object, secrets: Collection[str] | None) -> Parts:
    """What can be read of a platform's data; what cannot is None or left out."""
    mapping = _as_mapping(data)
    pools = {name: _partly(NodePoolSpec, raw) for name, raw in _as_mapping(mapping.get("nodePools")).items()}
    buckets = {name: _partly(BucketSpec, raw) for name, raw in _as_mapping(mapping.get("buckets")).items()}
    readable = {name: pool for name, pool in pools.items() if pool is not None}
    names = _partly(PlatformSpec, {key: value for key, value in mapping.items() if key in _LOOSE_KEYS})
    layers = set(map(str, _as_list(mapping.get("layers"))))
    has_services = "services" in layers or not layers or not layers <= set(get_args(Layer))
    return Parts(
        domain=getattr(names, "domain", None),
        cloud=_section(PlatformSpec, "cloud", mapping.get("cloud")),
        pools=readable if readable and len(readable) == len(pools) else None,
        guardrails=_partly(GuardrailsSpec, mapping.get("guardrails")),
        services=_services(mapping),
        tenant_prefix=getattr(names, "tenant_prefix", None),
        tenant_secrets=getattr(names, "tenant_secrets", None),
        buckets={name: bucket for name, bucket in buckets.items() if bucket is not None}
        if all(bucket is not None for bucket in buckets.values())
        else None,
        tenants=list(_tenants(mapping.get("tenants"))),
        has_login="login" in mapping,
        measures="monitoring" in mapping,
        has_front_door="certificates" in mapping and has_services,
        stops_idle="idle" in mapping and has_services,
        has_queues="queue" in mapping and has_services,
        has_secret_store="secrets" in mapping and (has_services or "tenants" not in layers),
        has_images="images" in mapping and has_services,
        secrets=secrets,
    )


def _tenants(data: object) -> Iterator[tuple[int, TenantEntry, list[int]]]:
    """The tenants that can be read, with those of their workloads that can be, and the positions of both."""
    for index, raw in enumerate(_as_list(data)):
        fields = _as_mapping(raw)
        tenant = _partly(TenantEntry, {key: value for key, value in fields.items() if key != "workloads"})
        workloads = {
            position: workload
            for position, item in enumerate(_as_list(fields.get("workloads")))
            if (workload := _workload(item)) is not None
        }
        if tenant is not None:
            yield index, tenant.model_copy(update={"workloads": tuple(workloads.values())}), list(workloads)


def _services(mapping: Mapping[str, Any]) -> ServicesSpec:
    """The sections of the services, each None where it is absent or cannot be read."""
    spec = ServicesSpec.model_construct()
    for name, field in ServicesSpec.model_fields.items():
        vars(spec)[name] = _section(ServicesSpec, name, mapping.get(str(field.alias)))
    return spec


def _section(holder: type[Spec], name: str, data: object) -> Any:
    """What can be read of a section, whose kind is what its discriminator says where there are several."""
    key, kinds = _kinds(holder, name)
    kind = kinds.get(str(_as_mapping(data).get(key)) if key else "")
    return _partly(kind, data) if kind else None


@cache
def _kinds(holder: type[Spec], name: str) -> tuple[str, Mapping[str, type[Spec]]]:
    """The discriminator of a section and its kinds by value; "" and one kind by "" where it has no discriminator."""
    field = holder.model_fields[name]
    annotations, key = [field.rebuild_annotation()], str(field.discriminator or "")
    kinds: dict[str, type[Spec]] = {}
    while annotations:
        annotation = annotations.pop()
        for metadata in getattr(annotation, "__metadata__", ()):
            key = getattr(metadata, "discriminator", None) or key
        if isinstance(annotation, type) and issubclass(annotation, Spec):
            values = get_args(annotation.model_fields[key].annotation) if key else ("",)
            kinds |= dict.fromkeys(values, annotation)
        annotations += get_args(annotation)
    return key, kinds


def _workload(data: object) -> WorkloadSpec | None:
    template = Workload.registry.get(str(_as_mapping(data).get("kind")))
    return _partly(template.Spec, data) if template else None


def _partly(kind: type[_T], data: object) -> _T | None:
    """The spec without the attributes that cannot be read; a mistyped key counts for the one it is like."""
    if not isinstance(data, dict):
        return None
    fields = cast(dict[str, Any], data)
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
    names = {str(field.alias): name for name, field in kind.model_fields.items()}
    wrong |= {near for unknown in wrong - set(names) if (near := nearest(unknown, names))}
    spec = kind.model_construct()
    for key, name in names.items():
        if key in wrong:
            vars(spec).pop(name, None)
        elif key in fields:
            with suppress(ValidationError):  # A key that is no Unicode ends Pydantic's check before its fields.
                vars(spec)[name] = _field(kind, name).validate_python(fields[key])
    return spec


@cache
def _field(kind: type[Spec], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(kind.model_fields[name].rebuild_annotation())


def _as_mapping(data: object) -> dict[str, Any]:
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def _as_list(data: object) -> list[Any]:
    return cast(list[Any], data) if isinstance(data, list) else []
