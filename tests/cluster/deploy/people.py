"""Somebody at a desk: a kubeconfig, a folder, and the command."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from typer.testing import CliRunner

from bedplate.cli.app import app
from bedplate.cli.options import ordered
from bedplate.deploy.access import find_access
from bedplate.deploy.cluster import Cluster

TENANT = "vision"
IMAGE = "ghcr.io/acme/scorer:1.0.0"


@dataclass(frozen=True)
class Result:
    """Of a command. said: on both streams."""

    code: int
    out: str
    said: str

    @property
    def json(self) -> Any:
        """What a program reads."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whoever has the kubeconfig."""

    name: str
    kubeconfig: Path

    def runs(self, *arguments: str, given: str | bytes = "", folder: Path | None = None) -> Result:
        """A command, in this process; whatever it raises that is no exit fails the test."""
        here = Path.cwd()
        with patch.dict(os.environ, {"KUBECONFIG": str(self.kubeconfig)}):
            try:
                if folder:
                    os.chdir(folder)
                done = CliRunner().invoke(app, ordered(arguments), input=given, catch_exceptions=True)
            finally:
                os.chdir(here)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Result(done.exit_code, done.stdout, done.output)

    def cluster(self) -> Cluster:
        """As the commands have it."""
        with patch.dict(os.environ, {"KUBECONFIG": str(self.kubeconfig)}):
            return Cluster(find_access(), TENANT)


def write(folder: Path, name: str, more: str = "", **changes: Any) -> Path:
    """A folder with an app: small, one pod."""
    lines: Mapping[str, Any] = {
        "name": f'"{name}"',
        "port": 8000,
        "cpu": 0.1,
        "memory": '"256Mi"',
        "replicas": "{min = 1, max = 1}",
        **changes,
    }
    folder.mkdir(exist_ok=True)
    text = "\n".join(f"{key} = {value}" for key, value in lines.items())
    (folder / "bedplate.toml").write_text(f"[app]\n{text}\n{more}")
    return folder
