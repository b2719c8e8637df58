"""The guide, run from top to bottom by a member: each command, and what it says.

Its folder is built in the cluster, its program runs as a pod, and its requests go through the front door. Only the
base image is another one: of this machine's Python, in the tests' registry. `--update-snapshots` records the session
anew.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bedplate.kubernetes import NewApiKey, new_api_key
from cluster.deploy.people import Person
from cluster.objects_under_test import eventually
from cluster.processes_under_test import Visitor
from harness import ROOT

pytestmark = pytest.mark.enable_socket
GUIDE = ROOT / "docs" / "guides" / "deploy.md"
RECORDING = ROOT / "docs" / "guides" / "deploy-session.txt"
_BLOCK = re.compile(r"```(?:(?:toml|python|text) ([\w.]+)|(console deploy(?: fails)?))\n(.*?)```", re.DOTALL)
_VOLATILE = (
    (r"fraud-[a-z0-9]{8,10}-[a-z0-9]{5}\b", "fraud-6f7c9d8b5-x2k4q"),
    (r"127\.0\.0\.1:\d+/ml/", "registry.example.com/ml/"),
    (r"sha256:[0-9a-f]{64}", "sha256:4f1c…"),
    (r"desk-\d(, desk-\d)*", "desk-0"),
    (r"IMAGE {10,}", "IMAGE  "),
    (r"not reached from here: [^\n]*", "not reached from here: no such host"),
    (r"-[0-9a-f]{6}\b", "-4f1c2a"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-28T11:00:00Z"),
    (r"10\.\d+\.\d+\.\d:\d+", "10.0.0.7:40000"),
    # Times below a second are not shown.
    (r"\b(done|failed|skipped)( +\d+\.\d s)? +", r"\1  "),
    # Of probes and of requests, which come as they come.
    (r'"GET /(health|score\S*) HTTP', '"GET /health HTTP'),
    (r"https://127\.0\.0\.1:\d+", "https://api.example.com"),
    (r"requests\.(cpu|memory) \S+ of", r"requests.\1 1 of"),
    (r"(\d+) pods? of the release before", "1 of the release before"),
    (r"started again \d+ times?", "started again 1 time"),
    (r"removed \d+ objects", "removed 17 objects"),
    (r"bedplate \d\S*", "bedplate 0.1.0"),
    (r"[ \t]+$", ""),
)


def steady(text: str) -> str:
    """Without what is another one in each run."""
    for pattern, shown in _VOLATILE:
        text = re.sub(pattern, shown, text, flags=re.MULTILINE)
    return text


def asked(visitor: Visitor, command: str, key: NewApiKey, expected: Sequence[str]) -> str:
    """What `curl` shows of an answer, its status and its body, once it is what is expected: the front door hears of new
    pods a moment after they are ready, and of old ones a moment after they begin to end."""
    words = shlex.split(command)
    url = urlsplit(words[-1])
    shown = [("Authorization", f"Bearer {key.key}")] if "-H" in words else []

    def answer() -> str:
        response, body = visitor.ask(url.netloc, f"{url.path}?{url.query}", headers=shown)
        text = str(body).replace(": ", ":").replace("'", '"').replace("True", "true").replace("False", "false")
        return f"HTTP/1.1 {response.status}\n{text if response.status == 200 else ''}".strip()

    seen = [""]

    def is_expected() -> bool:
        seen[0] = answer()
        return all(each in seen[0] for each in expected)

    eventually(is_expected, f"{command} is answered by {expected}", 30)
    return seen[0]


def built(said: str) -> str:
    """How long the build took, and what of it was kept."""
    found = re.search(r"build +done +([\d.]+ s)?.*?(\d+ of \d+ steps)", said)
    return f"{found[1]}, {found[2]} kept" if found else ""


def test_the_guide_does_what_it_says(
    alice: Person, base: str, visitor: Visitor, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    alice.runs("deploy", "destroy", "fraud", "-y")
    alice.runs("secret", "delete", "hf-token")
    key = new_api_key("shop")
    session: list[str] = []
    builds: list[str] = []
    blocks = _BLOCK.findall(GUIDE.read_text())
    assert len(blocks) > 12
    for file, kind, text in blocks:
        if file:
            (tmp_path / file).write_text(_own(text, base, key) if file == "bedplate.toml" else text)
            of_memory = re.findall(r"memory = (\S+)", text)
            session.append(f"# {file} says memory = {of_memory[0]}" if of_memory else f"# {file} is written")
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *expected = part.strip().splitlines()
            program, *arguments = command.split()
            if program == "curl":
                said = out = asked(visitor, command, key, expected)
            else:
                done = alice.runs(*arguments, given="hf_example\n", folder=tmp_path)
                assert done.code == (1 if kind.endswith("fails") else 0), f"{command}: {done.said}"
                said, out = done.said, done.out
                builds += filter(None, [built(out)])
            assert [each for each in expected if each not in said] == [], f"{command}: {said}"
            session += [f"$ {command}", steady(out).rstrip(), ""]
    alice.runs("secret", "delete", "hf-token")
    print(f"\nfirst build {builds[0]}; code alone {builds[1]}")
    recorded = "\n".join(session) + "\n"
    if request.config.getoption("--update-snapshots"):
        RECORDING.write_text(recorded)
    if RECORDING.exists():
        assert RECORDING.read_text() == recorded


def _own(text: str, base: str, key: NewApiKey) -> str:
    """The file with what only this run knows: a base image, and the hash of a key."""
    return (
        re.sub(r'sha256 = "[0-9a-f]{64}"', f'sha256 = "{key.sha256}"', text)
        + f'\n[build]\nbase = "{base}"\nrequirements = "requirements.txt"\n'
    )
