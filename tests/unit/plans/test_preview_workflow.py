"""The step of `.github/workflows/preview.yml`, run as GitHub runs it, with a `bedplate` of straw."""

import os
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harness import ROOT

STEPS = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "preview.yml")["jobs"]["preview"]["steps"]


def previewed(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """The step that previews. text: what `bedplate preview STACK --against REV` does."""
    (folder / "stacks").mkdir()
    for name in ("one", "two"):
        (folder / "stacks" / f"Pulumi.{name}.yaml").touch()
    (folder / ".venv" / "bin").mkdir(parents=True)
    program = folder / ".venv" / "bin" / "bedplate"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return subprocess.run(
        ["bash", "-e", "-c", STEPS[-1]["run"]],
        cwd=folder,
        env={**os.environ, "BASE": "base", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_stack_is_shown_in_the_summary_and_in_the_log(tmp_path: Path) -> None:
    done = previewed(tmp_path, 'echo "no change in $2 since $4"')
    assert done.returncode == 0
    summary = (tmp_path / "summary.md").read_text()
    for name in ("one", "two"):
        assert (
            f"### stacks/Pulumi.{name}.yaml\n\n```\nno change in stacks/Pulumi.{name}.yaml since base\n```" in summary
        )
    assert done.stdout == summary


@pytest.mark.parametrize("wrong", ["one", "two"])
def test_one_that_fails_hides_no_other_and_fails_the_run(wrong: str, tmp_path: Path) -> None:
    done = previewed(tmp_path, f'echo "seen $2"; case $2 in *{wrong}*) echo "it is refused" >&2; exit 3;; esac')
    assert done.returncode == 3
    for text in ("seen stacks/Pulumi.one.yaml", "seen stacks/Pulumi.two.yaml", "it is refused"):
        assert text in done.stdout
        assert text in (tmp_path / "summary.md").read_text()


def test_the_summary_is_one_that_github_takes(tmp_path: Path) -> None:
    done = previewed(tmp_path, "yes 'ü and more of the same' | head -n 40000")
    summary = (tmp_path / "summary.md").read_text()
    assert len(summary.encode()) < 1024 * 1024
    assert summary.endswith(f"The rest of {len(done.stdout.splitlines())} lines is in the log of this run.\n")
