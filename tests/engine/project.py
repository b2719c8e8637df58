"""A project of its own, whose stacks the Pulumi CLI previews, brings up and destroys.

The program is the repository's, unchanged; so is the library, by the virtual environment that both share.
"""

import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bedplate.engine.resources import STACK_TYPE
from harness import ROOT

_SECONDS = 1200
_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""The state is written at the end of a command, and not after each of its steps, which takes minutes of each."""
Plan = dict[str, Any]
"""What `pulumi preview --json` prints."""
Steps = dict[str, set[str]]
"""What an update did: URNs by operation, without what stayed the same and without the stack itself."""


class Project:
    """A copy of what makes a project, with a state of its own. charts: where charts are taken from."""

    def __init__(self, folder: Path, environment: Mapping[str, str], charts: Path) -> None:
        self.root, state = folder / "project", folder / "state"
        state.mkdir()
        self.root.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", self.root)
        shutil.copytree(ROOT / "platform", self.root / "platform")
        shutil.copytree(ROOT / "stacks", self.root / "stacks")
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        self.environment = {**environment, "PULUMI_BACKEND_URL": f"file://{state}"}
        self.charts = charts

    def stack(self, name: str, written: Mapping[str, Any]) -> "Stack":
        """A new stack. written: its file; its charts come from the folder."""
        stack = Stack(self, name)
        stack.write(written)
        stack.run("stack", "init", name)
        return stack


class Stack:
    """One stack and its file, which the test changes."""

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        self.file = project.root / "stacks" / f"Pulumi.{name}.yaml"

    def write(self, written: Mapping[str, Any]) -> None:
        """Writes the stack file, with charts from the folder of the tests."""
        config = written["config"]
        platform = {**config["bedplate:platform"], "charts": {"source": str(self.project.charts)}}
        data = {**written, "config": {**config, "bedplate:platform": platform}}
        with self.file.open("w") as stream:
            YAML().dump(data, stream)

    def run(self, *arguments: str, succeeds: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of the CLI; fails the test with its output where it ends otherwise than expected."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project.root,
            env={**self.project.environment, **_ONCE, **environment},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, said(done)
        return done

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command that goes on while the test looks; its output is nobody's."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project.root,
            env=dict(self.project.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def preview(self, *arguments: str, succeeds: bool = True) -> Plan:
        """The plan."""
        done = self.run("preview", "-s", self.name, "--json", *arguments, succeeds=succeeds)
        return json.loads(done.stdout)

    def up(self, *arguments: str) -> Steps:
        """Brings the stack up as its file says."""
        return steps(self.run("up", "-s", self.name, "--yes", "--skip-preview", "--json", *arguments).stdout)

    def refresh(self, *arguments: str) -> Steps:
        """Reads what is there."""
        return steps(self.run("refresh", "-s", self.name, "--yes", "--skip-preview", "--json", *arguments).stdout)

    def destroy(self) -> Steps:
        """Takes everything down."""
        return steps(self.run("destroy", "-s", self.name, "--yes", "--skip-preview", "--json").stdout)

    def state(self) -> dict[str, dict[str, Any]]:
        """The resources in the state, by URN; secrets are ciphertext."""
        exported = json.loads(self.run("stack", "export", "-s", self.name).stdout)
        return {resource["urn"]: resource for resource in exported["deployment"].get("resources", [])}


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed, of events and plans only what they tell people."""
    found: list[str] = []
    if done.stdout.startswith("{\n"):
        told = json.loads(done.stdout).get("diagnostics", [])
        return "\n".join([*(each["message"] for each in told if each["severity"] == "error"), done.stderr])
    for line in done.stdout.splitlines():
        event = json.loads(line) if line.startswith('{"sequence"') else {"diagnosticEvent": {"message": line}}
        told = event.get("diagnosticEvent", {})
        if told.get("severity") != "debug":
            found.append(str(told.get("message", "")))
    return "\n".join([*filter(None, found), done.stderr])[-6000:]


def stack_file(path: Path) -> dict[str, Any]:
    """A stack file as it is written, secrets sealed."""
    return YAML(typ="safe").load(path)


def steps(events: str) -> Steps:
    """What an update did, from its events, one a line."""
    found: Steps = defaultdict(set)
    for line in events.splitlines():
        event = json.loads(line).get("resOutputsEvent")
        if event and event["metadata"]["type"] != STACK_TYPE and event["metadata"]["op"] != "same":
            found[event["metadata"]["op"]].add(event["metadata"]["urn"])
    return dict(found)


def planned(plan: Plan) -> Steps:
    """The same of a plan; what was looked at in the cluster is not changed by that."""
    found: Steps = defaultdict(set)
    for step in plan["steps"]:
        if step["op"] not in ("same", "refresh") and f"::{STACK_TYPE}::" not in step["urn"]:
            found[step["op"]].add(step["urn"])
    return dict(found)
