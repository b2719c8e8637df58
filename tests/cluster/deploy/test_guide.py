"""The guide, run from top to bottom by a member: each command, and what it says.

`--update-snapshots` records the session anew.
"""

import re
from pathlib import Path

import pytest

from cluster.deploy.people import Person
from harness import ROOT

pytestmark = pytest.mark.enable_socket
GUIDE = ROOT / "docs" / "guides" / "deploy.md"
RECORDING = ROOT / "docs" / "guides" / "deploy-session.txt"
_BLOCK = re.compile(r"```(toml bedplate\.toml|console deploy(?: fails)?)\n(.*?)```", re.DOTALL)
_VOLATILE = (
    (r"fraud-[a-z0-9]{8,10}-[a-z0-9]{5}\b", "fraud-6f7c9d8b5-x2k4q"),
    (r"desk-\d", "desk-0"),
    (r"not reached from here: [^\n]*", "not reached from here: no such host"),
    (r"-[0-9a-f]{6}\b", "-4f1c2a"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-28T11:00:00Z"),
    # Times below a second are not shown.
    (r"\b(done|failed|skipped)( +\d+\.\d s)? +", r"\1  "),
    (r"https://127\.0\.0\.1:\d+", "https://api.example.com"),
    (r"requests\.(cpu|memory) \S+ of", r"requests.\1 1 of"),
    (r"(\d+) pods? of the release before", "1 of the release before"),
    (r"bedplate \d\S*", "bedplate 0.1.0"),
    (r"[ \t]+$", ""),
)


def steady(text: str) -> str:
    """Without what is another one in each run."""
    for pattern, shown in _VOLATILE:
        text = re.sub(pattern, shown, text, flags=re.MULTILINE)
    return text


def test_the_guide_does_what_it_says(alice: Person, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    alice.runs("deploy", "destroy", "fraud", "-y")
    alice.runs("secret", "delete", "hf-token")
    session: list[str] = []
    blocks = _BLOCK.findall(GUIDE.read_text())
    assert len(blocks) > 8
    for kind, text in blocks:
        if kind.startswith("toml"):
            (tmp_path / "bedplate.toml").write_text(text)
            session.append("# bedplate.toml says memory = " + re.findall(r"memory = (\S+)", text)[0])
            continue
        for part in re.split(r"^\$ bedplate ", text, flags=re.MULTILINE)[1:]:
            command, *expected = part.strip().splitlines()
            done = alice.runs(*command.split(), given="hf_example\n", folder=tmp_path)
            assert done.code == (1 if kind.endswith("fails") else 0), f"{command}: {done.said}"
            assert [each for each in expected if each not in done.said] == [], f"{command}: {done.said}"
            session += [f"$ bedplate {command}", steady(done.out).rstrip(), ""]
    alice.runs("secret", "delete", "hf-token")
    recorded = "\n".join(session) + "\n"
    if request.config.getoption("--update-snapshots"):
        RECORDING.write_text(recorded)
    if RECORDING.exists():
        assert RECORDING.read_text() == recorded
