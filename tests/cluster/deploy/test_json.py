"""What every command prints with `-o json`, against the schema that is published."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bedplate.deploy import logs
from cluster.deploy.people import Person, write
from cluster.deploy.test_deploying import up
from harness import ROOT

pytestmark = pytest.mark.enable_socket
SCHEMA: dict[str, Any] = json.loads((ROOT / "stacks" / "commands.schema.json").read_text())


def strict(part: Any) -> Any:
    """The schema without room for fields that nobody published."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: strict(each) for key, each in part.items()}
    return {**found, "additionalProperties": False} if "properties" in found else found


def matches(command: str, printed: Any) -> None:
    """Raises where it is not what the schema says."""
    jsonschema.validate(printed, {**strict(SCHEMA["commands"][command]), "$defs": strict(SCHEMA["$defs"])})


def test_each_command_prints_what_its_schema_says(
    alice: Person, people: Callable[..., Person], app_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = '[app.route]\naccess = "browser"\n'
    folder = write(tmp_path / "app", app_name, route)
    printed: dict[str, Any] = {"deploy": up(alice, folder).json}
    up(alice, folder, image="ghcr.io/acme/scorer:2")
    monkeypatch.setattr(logs, "followed", partial(logs.followed, ends_after_seconds=3))
    token = f"{app_name}-token"
    for command, arguments, given in (
        ("deploy list", (), ""),
        ("deploy get", (app_name,), ""),
        ("deploy status", (app_name,), ""),
        ("deploy releases", (app_name,), ""),
        ("deploy rollback", (app_name, "--wait"), ""),
        ("deploy scale", (app_name, "--max", "3"), ""),
        ("deploy restart", (app_name,), ""),
        ("logs tail", (app_name,), ""),
        ("logs stream", (app_name,), ""),
        ("secret create", (token,), "hf_x\n"),
        ("secret list", (), ""),
        ("secret delete", (token,), ""),
        ("domains list", (), ""),
        ("doctor", (), ""),
        ("open", (app_name,), ""),
        ("why", (app_name,), ""),
        ("deploy destroy", (app_name, "-y"), ""),
    ):
        done = alice.runs("-o", "json", *command.split(), *arguments, given=given)
        assert done.code == 0, f"{command}: {done.said}"
        if command.startswith("logs"):
            printed[command] = json.loads(done.out.splitlines()[0])
        else:
            printed[command] = done.json
    printed["failed"] = people("mallory@example.com", "ml-nobody").runs("deploy", "list", "-o", "json").json
    # Nothing is built here, and nothing scanned: test_building and test_scanning have what these print.
    assert set(printed) == set(SCHEMA["commands"]) - {"build", "scan"}
    for command, found in printed.items():
        matches(command, found)
    assert printed["deploy list"], "an empty list matches anything"
    with pytest.raises(jsonschema.ValidationError):
        matches("deploy get", {**printed["deploy get"], "memory_limit": 512})


def test_a_failure_is_told_as_its_schema_says(alice: Person, app_name: str, tmp_path: Path) -> None:
    """Of a rollout, too: the deployment with what failed, and `why` with the cause."""
    done = up(alice, write(tmp_path / "app", app_name), image="ghcr.io/acme/scorer:crash")
    assert (done.code, done.json["ok"]) == (1, False)
    matches("deploy", done.json)
    matches("why", alice.runs("why", app_name, "-o", "json").json)
    wrong = up(alice, write(tmp_path / "app", app_name, memory=2))
    assert wrong.code == 2
    matches("failed", wrong.json)
