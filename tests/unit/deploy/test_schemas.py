"""Schemas are fresh, and say what the code takes and prints."""

import json
import tomllib
from typing import Any

import jsonschema
import pytest

from bedplate.cli import apps, deploying
from bedplate.deploy.schemas import app_file_schema, commands_schema
from harness import ROOT
from unit.deploy.test_app_file import GOOD


@pytest.mark.parametrize(("name", "schema"), [("bedplate", app_file_schema), ("commands", commands_schema)])
def test_a_schema_is_fresh(name: str, schema: Any) -> None:
    assert json.loads((ROOT / "stacks" / f"{name}.schema.json").read_text()) == json.loads(json.dumps(schema()))


def test_an_app_file_is_checked_by_its_schema() -> None:
    jsonschema.validate(tomllib.loads(GOOD), app_file_schema())
    for wrong in (GOOD.replace('"2Gi"', "2"), GOOD + 'image = "x"\n', GOOD + "port2 = 1\n"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(wrong), app_file_schema())


def test_every_command_has_a_form() -> None:
    named = {"build", "doctor", "open", "scan", "why", "deploy", "failed"}
    for group, commands in (
        ("deploy", deploying.deploy),
        ("logs", apps.logs),
        ("secret", apps.secret),
        ("domains", apps.domains),
    ):
        named |= {f"{group} {command.name}" for command in commands.registered_commands} - {"deploy up"}
    assert set(commands_schema()["commands"]) == named
