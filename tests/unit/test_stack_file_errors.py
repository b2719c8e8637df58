"""Wrong stack files: what people read about them, word for word.

The cases stand in `wrong_stacks/*.txt`, as changes of `wrong_stacks/base.yaml`:

    === what is wrong
    -line of the base that goes
    +line that comes in its place
    +++ path/of/another/file
    content of that file
    ---
    the problems as they are shown; `pytest --update-snapshots` writes them, and they are read before they are committed
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bedplate.stack_file import StackFileError, load

CASES = Path(__file__).parent / "wrong_stacks"
BASE = (CASES / "base.yaml").read_text()
STACK = "Pulumi.test.yaml"
SECRETS = ("hunter2", "c2VjcmV0", "4711")


@dataclass
class Case:
    """A wrong stack file and what is said about it."""

    collection: Path
    title: str
    text: str
    files: dict[str, str] = field(default_factory=dict)
    expected: str = ""


def read_cases(collection: Path) -> list[Case]:
    return [read_case(collection, text) for text in re.split(r"^=== ", collection.read_text(), flags=re.M)[1:]]


def read_case(collection: Path, text: str) -> Case:
    title, _, body = text.partition("\n")
    change, _, expected = body.partition("---\n")
    change, *others = re.split(r"^\+\+\+ ", change, flags=re.M)
    stack = BASE
    for hunk in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", change, flags=re.M):
        old, new = ("".join(line[1:] for line in lines.splitlines(keepends=True)) for lines in hunk)
        assert stack.count(old) == 1, f"{title}: stands {stack.count(old)} times in base.yaml:\n{old}"
        stack = stack.replace(old, new)
    files = dict(other.split("\n", 1) for other in others)
    return Case(collection, title, stack, files, expected.strip())


ALL = [case for collection in sorted(CASES.glob("*.txt")) for case in read_cases(collection)]


def problems_of(text: str | bytes, files: dict[str, str] | None = None) -> str:
    """What is said about a stack file in the current folder: always complete, printable, and without secrets."""
    for name, content in {STACK: text, **(files or {})}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StackFileError) as error:
        load(Path(STACK))
    said = str(error.value)
    assert not [secret for secret in SECRETS if secret in said]
    assert said.replace("\n", "").isprintable()
    assert all(problem.line and problem.message and problem.fix for problem in error.value.problems)
    return "\n\n".join(problem.text() for problem in error.value.problems)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestTheBase:
    def test_is_right(self) -> None:
        Path(STACK).write_text(BASE)
        assert load(Path(STACK)).secrets == {"oauth"}


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.collection.stem}: {case.title}")
class TestAWrongStackFile:
    def test_is_explained(self, case: Case, request: pytest.FixtureRequest) -> None:
        said = problems_of(case.text, case.files)
        if request.config.getoption("--update-snapshots"):
            before = f"=== {case.title}\n"
            head, _, tail = case.collection.read_text().partition(before)
            change, _, rest = tail.partition("---\n")
            following = re.search(r"^=== ", rest, flags=re.M)
            rest = f"\n{rest[following.start() :]}" if following else ""
            case.collection.write_text(f"{head}{before}{change}---\n{said}\n{rest}")
        assert said == case.expected
