"""The reference pages, generated from the specs and the rules."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ruamel.yaml import YAML

from bedplate.cli.compatibility import compatibility
from bedplate.config import json_schema
from bedplate.guardrails import RULES
from bedplate.guardrails.fields import FIELDS, Bounded, Decision, Refused
from bedplate.guardrails.guardrails import POLICY
from bedplate.kubernetes.audit import AUDIT_POLICY
from bedplate.kubernetes.falco import AUDIT_RULES, KERNEL_RULES
from bedplate.workloads import Workload

_NOTICE = "<!-- Generated from the code by `make format`; changes belong into the specs' docstrings. -->\n"
Schema = Mapping[str, Any]


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "stack-file.md": _stack_file(),
        "guardrails.md": _guardrails(),
        "compatibility.md": _NOTICE + compatibility(),
        "audit-policy.yaml": _yaml(AUDIT_POLICY, "docs/guides/audit.md says how an API server is given it."),
        "falco-kernel-rules.yaml": _yaml(
            KERNEL_RULES, "Rules of Falco for events of the kernel: docs/guides/audit.md."
        ),
        "falco-audit-rules.yaml": _yaml(AUDIT_RULES, "Rules of Falco for the audit log: docs/guides/audit.md."),
    }


def _yaml(content: Any, what: str) -> str:
    """A file that other programs read."""
    writer, buffer = YAML(typ="safe"), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - a real setting
    writer.width = 4000
    # Without anchors for what stands in it twice.
    writer.dump(json.loads(json.dumps(content)), buffer)  # pyright: ignore[reportUnknownMemberType]
    return f"# Generated from the code by `make format`. {what}\n{buffer.getvalue()}"


def _stack_file() -> str:
    definitions = cast(Mapping[str, Schema], json_schema()["$defs"])
    kinds = ", ".join(
        f"[`{kind}`](#{template.Spec.__name__.removesuffix('Spec').lower()}) ({template.title})"
        for kind, template in Workload.registry.items()
    )
    order = ["PlatformSpec", *(name for name in definitions if name != "PlatformSpec")]
    intro = (
        "# Stack file\n\n"
        "Everything below `bedplate:platform`. Keys not listed here are refused. The same as JSON schema, for editors: "
        "`stacks/schema.json`.\n\n"
        f"Workload kinds: {kinds}.\n"
    )
    sections = [_section(name, definitions) for name in order if "properties" in definitions[name]]
    return "\n".join([_NOTICE + intro, *sections])


def _section(name: str, definitions: Mapping[str, Schema]) -> str:
    schema = definitions[name]
    required = schema.get("required", [])
    properties = cast(Mapping[str, Schema], schema["properties"])
    # Of the platform, whose sections come in the order of concerns, first what a stack file begins with.
    keys = sorted(properties, key=lambda key: key not in required) if name == "PlatformSpec" else properties
    rows = [
        f"| `{key}` | {_type(properties[key])} | {_default(key, properties[key], required)} "
        f"| {_meaning(properties[key], definitions)} |"
        for key in keys
    ]
    table = "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    return f"## {name.removesuffix('Spec')}\n\n{_text(schema)}\n\n{table}\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _link(str(schema["$ref"]))
    if "anyOf" in schema or "oneOf" in schema:
        arms = cast(list[Schema], schema.get("anyOf") or schema.get("oneOf"))
        return " or ".join(dict.fromkeys(_type(arm) for arm in arms if arm.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_type(schema['additionalProperties'])}"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return " ".join([names.get(str(schema.get("type")), str(schema.get("type", "any"))), *_bounds(schema)])


def _bounds(schema: Schema) -> Iterator[str]:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "maxLength": "up to"}
    for key, word in words.items():
        if key in schema:
            yield f"{word} {schema[key]:g}"


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2].removesuffix("Spec")
    return f"[{name}](#{name.lower()})"


def _default(key: str, schema: Schema, required: list[str]) -> str:
    if key in required:
        return "**required**"
    default = schema.get("default")
    if isinstance(default, dict):
        return "its defaults"
    if default is None or default in ([], ""):
        return "none"
    return f"`{', '.join(map(_in_line, cast(list[Any], default))) if isinstance(default, list) else default}`"


def _in_line(value: Any) -> str:
    """A value of a list as a stack file has it in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {each}' for key, each in cast(dict[str, Any], value).items())}}}"
    return str(value)


def _meaning(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """A key's text; Pydantic leaves it out where it is the same as that of what stands below the key."""
    return _text(schema) or _text(definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], {}))


def _text(schema: Schema) -> str:
    text = " ".join(str(schema.get("description", "")).split())
    return text.replace("|", "\\|").replace("<", "&lt;")


def _guardrails() -> str:
    rows = [f"| `{rule.name}` | {rule.title} | {_kinds(rule.kinds)} |" for rule in RULES]
    fields = [
        _field(of, name, found) for of, named in FIELDS.items() for name, found in named.items() if _is_limited(found)
    ]
    return (
        f"{_NOTICE}# Guardrails\n\n"
        "Rules that the API server enforces in every tenant's namespace, as one ValidatingAdmissionPolicy named "
        f"`{POLICY}`, whose refusal names every rule that is broken. Their limits come from `guardrails` in the stack "
        "file, and the specs are checked against the same.\n\n"
        "| rule | what it demands | of what |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "## Fields of Jobs and pods\n\n"
        "Rule `fields`: what is not decided on is refused, so a field that a new minor of Kubernetes adds is closed at "
        "first. These are refused, or bounded by another rule; the others that Kubernetes 1.34 to 1.36 have are "
        "allowed.\n\n"
        "| of | field | |\n|---|---|---|\n" + "\n".join(fields) + "\n"
    )


def _is_limited(decision: Decision) -> bool:
    return isinstance(decision, Refused | Bounded)


def _field(of: str, name: str, decision: Decision) -> str:
    said = f"refused: {decision.because}" if isinstance(decision, Refused) else "bounded"
    return f"| {of} | `{name}` | {said}{f' by `{decision.rule}`' if isinstance(decision, Bounded) else ''} |"


def _kinds(kinds: Any) -> str:
    return ", ".join(resource for kind in kinds for resource in kind["resources"])
