"""The steps of `.github/workflows/plan.yml`, run as GitHub runs them, with a `pulumi` and a `gh` that stand still."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness import ROOT
from pulumi_plans import digest, step

VPC = "urn:pulumi:prod::bedplate::bedplate:index:Platform$aws:ec2/vpc:Vpc::platform-cluster-network-vpc"
STEPS = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "plan.yml")["jobs"]["plan"]["steps"]


@dataclass
class Run:
    """How the job ended, and the comment that it wrote."""

    has_passed: bool
    comment: str
    log: str


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def planned(folder: Path, document: dict[str, Any] | str, code: int = 0) -> Run:
    """The steps from the preview on. document: what `pulumi` prints; code: how it ends."""
    text = document if isinstance(document, str) else json.dumps(document, indent=4)
    (folder / "answer.json").write_text(text)
    programs = folder / "programs"
    programs.mkdir()
    program(programs, "pulumi", f'test "$PULUMI_SKIP_CHECKPOINTS" = true || exit 9\ncat answer.json\nexit {code}')
    program(programs, "gh", "")
    (folder / ".venv" / "bin").mkdir(parents=True)
    program(folder / ".venv" / "bin", "bedplate", f'exec {sys.executable} -m bedplate.cli "$@"')
    outputs: dict[str, dict[str, str]] = {}
    log, has_passed = "", True
    names = [each.get("name") for each in STEPS]
    for each in STEPS[names.index("Plan") :]:
        if not has_passed and each.get("if") != "always()":
            continue
        output = folder / "output"
        output.write_text("")
        environment = {key: _value(str(value), outputs) for key, value in each.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "-e", "-c", each["run"]],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{programs}:{os.environ['PATH']}",
                "STACK": "prod",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REPOSITORY": "acme/ml",
                "GITHUB_RUN_ID": "7",
                "GITHUB_SERVER_URL": "https://github.com",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        log += done.stdout + done.stderr
        has_passed = has_passed and done.returncode == 0
        outputs[each.get("id", "")] = dict(line.split("=", 1) for line in output.read_text().splitlines())
    comment = folder / "comment.md"
    return Run(has_passed, comment.read_text() if comment.exists() else "", log)


def _value(text: str, outputs: dict[str, dict[str, str]]) -> str:
    if text.startswith("${{ steps."):
        _, name, _, output = text.removeprefix("${{ ").removesuffix(" }}").split(".")
        return outputs.get(name, {}).get(output, "")
    return "12" if text.startswith("${{") else text


def test_a_plan_that_loses_nothing_passes_and_is_shown(tmp_path: Path) -> None:
    run = planned(tmp_path, digest(step("update", VPC)))
    assert run.has_passed, run.log
    assert run.comment.startswith("### prod\n\n~~~~\n")
    assert "0 created, 1 changed, 0 replaced, 0 deleted" in run.comment


def test_a_plan_that_loses_what_is_kept_fails_and_the_comment_says_what(tmp_path: Path) -> None:
    run = planned(tmp_path, digest(step("delete", VPC, protect=True)))
    assert not run.has_passed
    assert "platform-cluster-network-vpc (aws:ec2/vpc:Vpc) would be deleted" in run.comment


def test_a_preview_that_failed_because_of_it_is_read_all_the_same(tmp_path: Path) -> None:
    """Pulumi ends with 1 where a protected resource would go; nothing of it is on standard error."""
    said = {"message": "error: it is protected", "severity": "error", "urn": VPC}
    run = planned(tmp_path, {"steps": [step("delete", VPC, protect=True)], "diagnostics": [said]}, code=1)
    assert not run.has_passed
    for text in ("error: it is protected", "platform-cluster-network-vpc (aws:ec2/vpc:Vpc) would be deleted"):
        assert text in run.comment
        assert text in run.log


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "Pulumi made no plan"),
        ('{"steps": [', "is not one JSON document"),
        ("error: no credentials", "is not one JSON document"),
    ],
)
def test_a_preview_that_prints_no_plan_fails(answer: str, said: str, tmp_path: Path) -> None:
    run = planned(tmp_path, answer, code=255)
    assert not run.has_passed
    assert said in run.comment


def test_a_preview_that_failed_fails_though_its_plan_looks_whole(tmp_path: Path) -> None:
    assert not planned(tmp_path, digest(step("update", VPC)), code=1).has_passed


def test_a_comment_is_one_that_github_takes(tmp_path: Path) -> None:
    errors = [{"message": f"error {number}: " + "~~~~ ü" * 20, "severity": "error"} for number in range(2000)]
    run = planned(tmp_path, digest(diagnostics=errors), code=1)
    assert len(run.comment) < 65_536
    assert run.comment.count("~~~~") == 2, "the fence is closed once, where it ends"
    said = re.search(r"Of (\d+) lines (\d+) are shown\. All are in the log of this run", run.comment)
    assert said
    assert 2000 <= int(said[1]) <= run.log.count("\n")
    assert int(said[2]) == run.comment.split("\n~~~~\n")[1].count("\n")
    assert "https://github.com/acme/ml/actions/runs/7\n" in run.comment
