"""JSON schemas: of stack files and `bedplate.toml`, for editors, and of what commands print with `-o json`."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from bedplate.builds.scanning import Scanned
from bedplate.builds.spec import BuildSpec
from bedplate.config import json_schema, tenant_json_schema
from bedplate.deploy.destroying import DestroyedRow
from bedplate.deploy.doctor import Examined
from bedplate.deploy.explaining import Explanation
from bedplate.deploy.forms import App, Built, Deployed, DomainRow, Done, Failed, ReleaseRow, SecretMade, StatusRow
from bedplate.deploy.logs import Line
from bedplate.deploy.secrets import SecretRecord
from bedplate.workloads.model_api import ModelApiSpec

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NOT_IN_FILE = ("kind", "image", "memoryGib")
_OF_COMMANDS: dict[str, Any] = {
    "deploy": Deployed,
    "deploy list": Sequence[App],
    "deploy get": App,
    "deploy status": StatusRow,
    "deploy releases": Sequence[ReleaseRow],
    "deploy rollback": Deployed,
    "deploy scale": Deployed,
    "deploy restart": Done,
    "deploy destroy": DestroyedRow,
    "logs tail": Line,
    "logs stream": Line,
    "secret create": SecretMade,
    "secret list": Sequence[SecretRecord],
    "secret delete": Done,
    "domains list": Sequence[DomainRow],
    "doctor": Examined,
    "open": Done,
    "build": Built,
    "scan": Scanned,
    "why": Explanation,
}
"""By command. Of `logs` each line is one object."""


def schema_files() -> dict[str, str]:
    """Every schema by its file's name, as a project has them beside its stack files."""
    of_stacks = {"schema.json": json_schema(), "tenant.schema.json": tenant_json_schema()}
    schemas = of_stacks | {"bedplate.schema.json": app_file_schema(), "commands.schema.json": commands_schema()}
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def app_file_schema() -> dict[str, Any]:
    """Of `bedplate.toml`: the template's, without what is not written there, and with memory in its unit."""
    spec = ModelApiSpec.model_json_schema(by_alias=True)
    definitions = spec.pop("$defs", {})
    keys = {key: value for key, value in spec["properties"].items() if key not in _NOT_IN_FILE}
    memory = {
        "type": "string",
        "pattern": r"^[0-9]{1,6}(\.[0-9]{1,3})?(Mi|Gi|Ti|M|G|T)$",
        "description": 'Memory of each pod with its unit, such as "2Gi": request and limit at once.',
    }
    dockerfile = {"type": "string", "default": "Dockerfile", "description": "Of the image, below the folder."}
    app = {
        "type": "object",
        "properties": {**keys, "memory": memory, "dockerfile": dockerfile},
        "required": ["name", "memory"],
        "additionalProperties": False,
    }
    build = BuildSpec.model_json_schema(by_alias=True)
    definitions |= build.pop("$defs", {})
    return {
        "$schema": _DRAFT,
        "title": "bedplate.toml",
        "type": "object",
        "properties": {"app": app, "build": build},
        "required": ["app"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def commands_schema() -> dict[str, Any]:
    """Of what each command prints, by its name, and of `failed`, which all of them print who fail."""
    inputs: list[Any] = [
        (name, "serialization", TypeAdapter(form)) for name, form in {**_OF_COMMANDS, "failed": Failed}.items()
    ]
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")
    commands = {name: schema for (name, _), schema in found.items()}
    return {"$schema": _DRAFT, "title": "bedplate -o json", "commands": commands, "$defs": definitions.get("$defs", {})}
