"""What programs and people read of a rehearsal."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bedplate.cli.output import rehearsal_result
from bedplate.rehearsal.explanation import RehearsalProblem
from bedplate.rehearsal.report import OperatorNotRun, OperatorRan, RehearsalReport
from harness import ROOT

REPORT = RehearsalReport(
    stack="local",
    cluster_version="v1.35.4",
    cluster_source="embedded",
    operators=[OperatorNotRun(release="traefik", chart="traefik", version="41.3.0", namespace="traefik")],
    ran=[OperatorRan(name="Karpenter", program="karpenter", seconds=3.0, work="2 nodes came, 2 went")],
    seconds={"apply": 1.0, "operators": 41.0, "nodes": 17.0, "total": 99.0},
    problems=[RehearsalProblem(object="Pod a/b", reason="waits", fix="make room")],
)


def keys(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_its_keys_are_written_one_way() -> None:
    assert [key for key in keys(REPORT.shown()) if "_" in key] == []


def test_its_keys_are_all_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guides" / "rehearsal.md").read_text(encoding="utf-8")
    _, _, table = guide.partition("## The report as data")
    assert [key for key in keys(REPORT.shown()) if f"`{key}`" not in table] == []


def test_the_time_that_nodes_take_has_its_line_and_operators_show_none(capsys: pytest.CaptureFixture[str]) -> None:
    rehearsal_result(REPORT)
    lines: dict[str, Any] = {line[:30].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert lines["nodes waited for"].endswith("17.0 s")
    assert lines["operators looked at"].endswith("41.0 s")
    assert lines["operators that ran"].split()[-1] == "1"
