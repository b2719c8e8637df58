"""`bedplate rehearse` with what it cannot begin with, and what it says around a cluster that is not its own."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.cli import main, rehearsing
from bedplate.plans.project import Project
from bedplate.stack_file.reading import load
from harness import ROOT


def test_a_context_that_is_not_there_is_wrong_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_text("contexts: [{name: staging}]")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", "local", "--context", "production", "-o", "json"])
    assert ended.value.code == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert "no context 'production'" in problem["reason"]
    assert "use one of: staging" in problem["fix"]


@pytest.mark.parametrize(("context", "is_stopped"), [(None, True), ("staging", False)])
def test_only_a_cluster_of_its_own_is_said_to_be_stopped(
    context: str | None, is_stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def no_cluster(*_arguments: Any) -> Generator[None]:
        yield None

    report = SimpleNamespace(seconds={})
    monkeypatch.setattr(rehearsing, "_cluster", no_cluster)
    monkeypatch.setattr(rehearsing, "Rehearsal", lambda **_: SimpleNamespace(report=report, perform=lambda: report))
    said: list[str] = []
    stack = load(ROOT / "stacks" / "Pulumi.local.yaml")
    rehearsing.rehearse_stack(Project.read(ROOT), stack, context, None, said.append)
    assert ("stopping the cluster" in said) is is_stopped
