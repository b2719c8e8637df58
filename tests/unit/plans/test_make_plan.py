"""`make plan` of a new project: Pulumi's preview as somebody with a terminal runs it, with a `pulumi` of straw."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedplate.clouds import CLOUD_SPECS
from bedplate.starter.starter import NewProject
from pulumi_plans import digest, step

VPC = "urn:pulumi:prod::bedplate::bedplate:index:Platform$aws:ec2/vpc:Vpc::platform-cluster-network-vpc"
FAKE = """#!/bin/sh
test "$PULUMI_SKIP_CHECKPOINTS" = true && command -v uv > /dev/null || exit 9
echo "$@" > arguments
cat answer.json
exit %d
"""


def program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project that is installed, with the `uv` that Pulumi looks for in its own environment alone."""
    folder = tmp_path / "ours"
    NewProject(folder=folder, cloud=min(CLOUD_SPECS), stack="prod", domain="ml.acme.example").write()
    (folder / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "programs").mkdir()
    program(folder / ".venv" / "bin" / "uv", "#!/bin/sh\n")
    program(folder / ".venv" / "bin" / "bedplate", f'#!/bin/sh\nexec {sys.executable} -m bedplate.cli "$@"\n')
    (folder / ".venv" / ".installed").touch()
    return folder


def made(project: Path, document: dict[str, Any], *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    programs = project.parent / "programs"
    (project / "answer.json").write_text(json.dumps(document))
    program(programs / "pulumi", FAKE % code)
    path = f"{programs}:/usr/bin:/bin"
    environment = {**os.environ, "PATH": path, "CI": ""}
    return subprocess.run(
        ["make", "plan", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_plan_that_loses_nothing_is_shown(project: Path) -> None:
    done = made(project, digest(step("update", VPC)), "STACK=prod")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing that must be kept is deleted or replaced" in done.stdout
    assert (project / "arguments").read_text() == "preview --stack prod --json --non-interactive\n"


def test_a_plan_that_loses_what_is_kept_ends_with_an_error(project: Path) -> None:
    done = made(project, digest(step("delete", VPC, protect=True)), "STACK=prod")
    assert done.returncode != 0
    assert "platform-cluster-network-vpc (aws:ec2/vpc:Vpc) would be deleted" in done.stderr


def test_a_preview_that_failed_ends_with_an_error_whatever_its_plan_says(project: Path) -> None:
    assert made(project, digest(step("update", VPC)), "STACK=prod", code=1).returncode != 0


def test_the_stack_must_be_named(project: Path) -> None:
    done = made(project, digest())
    assert (done.returncode, "make plan STACK=NAME" in done.stderr) == (2, True)
