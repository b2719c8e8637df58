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

from bedplate.stack_file.reading import StackFileError, load

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


def refused(text: str | bytes, files: dict[str, str] | None = None) -> StackFileError:
    """The refusal of a stack file in the current folder: always printable, and without secrets."""
    for name, content in {STACK: text, **(files or {})}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StackFileError) as error:
        load(Path(STACK))
    said = str(error.value)
    assert not [secret for secret in SECRETS if secret in said]
    assert said.replace("\n", "").isprintable()
    return error.value


def problems_of(text: str | bytes, files: dict[str, str] | None = None) -> str:
    """What is said about a stack file that can be opened: always with line, message and fix."""
    problems = refused(text, files).problems
    assert all(problem.line and problem.message and problem.fix for problem in problems)
    return "\n\n".join(problem.text() for problem in problems)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestTheBase:
    def test_is_right(self) -> None:
        Path(STACK).write_text(BASE)
        assert load(Path(STACK)).secrets == {"oauth", "vision-db"}


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


def said_of(*changes: tuple[str, str]) -> str:
    """What is said about the base with these changes."""
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return problems_of(text)


def unreadable(line: int, message: str, fix: str) -> str:
    return f"{STACK}:{line}\n  {message}\n  fix:     {fix}"


class TestAFileThatIsNoText:
    def test_in_latin_1_is_refused_at_its_first_umlaut(self) -> None:
        said = problems_of(BASE.replace("name: scorer", "name: schätzer").encode("latin-1"))
        assert said == unreadable(33, "the file is not UTF-8 text", "save it as UTF-8")

    @pytest.mark.parametrize(("encoding", "message"), [
        ("utf-16", "the file is not UTF-8 text"),
        ("utf-16-le", r"the character \x00 cannot stand in YAML"),
    ])  # fmt: skip
    def test_in_utf_16_is_refused(self, encoding: str, message: str) -> None:
        assert message in problems_of(BASE.encode(encoding))

    @pytest.mark.parametrize("character", ["\0", "\x1b", "\x07", "\ufffe"])
    def test_with_a_control_character_is_refused_and_shows_it_escaped(self, character: str) -> None:
        shown = character.encode("unicode_escape").decode()
        said = said_of(("name: scorer", f"name: sco{character}rer"))
        assert said == unreadable(33, f"the character {shown} cannot stand in YAML", "remove it")

    @pytest.mark.parametrize("old", ["            cpu: 2", "            name: scorer", "          - kind: job"])
    def test_with_a_tab_is_refused_at_its_line(self, old: str) -> None:
        line = BASE[: BASE.index(old)].count("\n") + 1
        said = said_of((old, old.replace("        ", "\t")))
        assert said == unreadable(line, "this is not YAML: a tab stands where YAML wants spaces", "indent with spaces")

    def test_with_two_documents_is_refused_at_the_second(self) -> None:
        said = problems_of(f"{BASE}---\n{BASE}")
        message = "this is not YAML: a second document begins here"
        assert said == unreadable(BASE.count("\n") + 1, message, "remove `---`; a file holds one document")

    def test_that_is_not_there_is_said_to_be_missing(self) -> None:
        with pytest.raises(StackFileError, match="No such file or directory"):
            load(Path("Pulumi.other.yaml"))

    def test_that_is_a_folder_is_refused(self) -> None:
        Path(STACK).mkdir()
        with pytest.raises(StackFileError, match="Is a directory"):
            load(Path(STACK))


class TestAFileAsOtherProgramsWriteIt:
    @pytest.mark.parametrize("raw", [
        pytest.param(BASE.replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(BASE.replace("\n", "\r").encode(), id="line ends of old"),
        pytest.param(BASE.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(BASE.rstrip().encode(), id="no line end at the end"),
        pytest.param(BASE.replace("{cpu: 16, ", "{\n\t\tcpu: 16,\n\t\t").encode(), id="tabs in braces"),
    ])  # fmt: skip
    def test_is_read_like_any_other(self, raw: bytes) -> None:
        Path("plain.yaml").write_text(BASE)
        Path(STACK).write_bytes(raw)
        assert load(Path(STACK)).spec == load(Path("plain.yaml")).spec

    def test_counts_its_lines_alike(self) -> None:
        wrong = BASE.replace("cpu: 2", "cpu: two").replace("\n", "\r\n")
        assert problems_of(wrong).startswith(f"{STACK}:35: tenants[0].workloads[0].cpu\n")

    def test_may_use_anchors_and_take_over_mappings(self) -> None:
        text = BASE.replace("replicas: {min: 2, max: 4}", "replicas: &r {min: 2, max: 4}").replace(
            "          - kind: job",
            "          - {kind: modelApi, name: b, image: 'ghcr.io/acme/b:1', replicas: {<<: *r, min: 1}}\n"
            "          - {kind: modelApi, name: c, image: 'ghcr.io/acme/c:1', replicas: *r}\n"
            "          - kind: job",
        )
        Path(STACK).write_text(text)
        workloads = load(Path(STACK)).spec.tenants[0].model_dump()["workloads"]
        assert [(w["replicas"]["min"], w["replicas"]["max"]) for w in workloads[:3]] == [(2, 4), (1, 4), (2, 4)]


class TestAFileOfNoSensibleSize:
    """Each must be refused soon, in few words, whatever its size is."""

    TOO_DEEP = "the values are nested too deeply to be read"
    TOO_MUCH = "the file holds more than any configuration can, its aliases written out"

    @pytest.mark.parametrize("text", [
        pytest.param("a: " + "[" * 600 + "]" * 600, id="brackets"),
        pytest.param("a: " + "{a: " * 600, id="braces"),
        pytest.param("- " * 600, id="lists"),
        pytest.param("".join(f"{'  ' * depth}a:\n" for depth in range(900)), id="mappings"),
        pytest.param(
            "a0: &a0 []\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 700)) + BASE, id="aliases"
        ),
    ])  # fmt: skip
    def test_that_is_nested_without_end_is_refused(self, text: str) -> None:
        assert problems_of(text) == unreadable(1, self.TOO_DEEP, "remove levels")

    @pytest.mark.parametrize("text", [
        pytest.param(
            "a0: &a0 [x, x, x]\n"
            + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 20)),
            id="lists",
        ),
        pytest.param(
            "a0: &a0 {x: 1}\n"
            + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 20)),
            id="mappings",
        ),
        pytest.param(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n", id="text"),
    ])  # fmt: skip
    def test_whose_aliases_multiply_is_refused(self, text: str) -> None:
        assert self.TOO_MUCH in problems_of(text + BASE)

    def test_of_200_kib_of_tenants_is_sent_to_a_folder(self) -> None:
        tenant = "      - {{name: t{0}, groups: [ml-{0}], owner: t{0}@example.com, quota: {{cpu: 8, memoryGib: 32}}}}\n"
        tenants = "".join(tenant.format(number) for number in range(2400))
        assert len(tenants) > 200 * 1024
        assert problems_of(BASE + tenants).splitlines() == [
            f"{STACK}:24: tenants",
            "  the configuration is larger than a program can be given",
            "  given:   298 KiB as handed to the program",
            "  allowed: less than 128 KiB",
            "  fix:     move tenants to files of their own: `tenantsDir: tenants`, one file a tenant",
        ]

    def test_of_more_than_a_mebibyte_is_not_even_parsed(self) -> None:
        fix = "move tenants to files of their own: `tenantsDir: tenants`, one file a tenant"
        assert problems_of(BASE + "#" * 2**20) == unreadable(
            1, "the file is larger than 1 MiB, and no configuration can be", fix
        )

    @pytest.mark.parametrize("change", [
        pytest.param(("name: scorer", f"name: {'x' * 90_000}"), id="value"),
        pytest.param(("cpu: 2", f"? {'x' * 90_000}\n            : 2"), id="key"),
        pytest.param(("schedule: ", f"timeZone: {'x' * 90_000}\n            schedule: "), id="time zone"),
        pytest.param(("schedule: ", f"args: {'x' * 90_000}\n            schedule: "), id="wrong type"),
        pytest.param(("cpu: 2", f"healthPath: {'x' * 90_000}"), id="path"),
        pytest.param(("ghcr.io/acme/scorer:1.4.0", f"ghcr.io/{'a/' * 40_000}a:1"), id="image"),
        pytest.param(("secretEnv: {DB_LOGIN: vision-db}", f"secretEnv: {{DB_LOGIN: {'x' * 90_000}}}"), id="secret"),
    ])  # fmt: skip
    def test_with_very_long_text_is_explained_in_short_lines(self, change: tuple[str, str]) -> None:
        assert max(len(line) for line in said_of(change).splitlines()) < 400


class TestAFolderOfTenants:
    CHANGE = ("    tenants:\n", "    tenantsDir: teams\n    tenants:\n")
    TENANT = "name: language\ngroups: [ml-language]\nowner: mei@example.com\nquota: {cpu: 8, memoryGib: 32}\n"

    def test_with_a_link_that_leads_nowhere_is_refused_with_the_files_name(self) -> None:
        Path("teams").mkdir()
        Path("teams/language.yaml").symlink_to("nowhere.yaml")
        said = str(refused(BASE.replace(*self.CHANGE)))
        assert "teams/language.yaml\n  cannot be read: No such file or directory" in said

    def test_with_a_folder_named_like_a_file_is_refused_with_its_name(self) -> None:
        Path("teams/language.yaml").mkdir(parents=True)
        said = str(refused(BASE.replace(*self.CHANGE)))
        assert "teams/language.yaml\n  cannot be read: Is a directory" in said

    def test_whose_links_form_a_circle_is_refused(self) -> None:
        Path("teams").symlink_to("teams")
        assert said_of(self.CHANGE).startswith(f"{STACK}:24: tenantsDir\n  the")

    @pytest.mark.parametrize("is_file_linked", [True, False], ids=["file", "folder"])
    def test_with_a_link_that_leads_out_of_it_is_refused_unread(
        self, is_file_linked: bool, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "hunter2.yaml"
        elsewhere.write_text("hunter2: hunter2")
        if is_file_linked:
            Path("teams").mkdir()
            Path("teams/language.yaml").symlink_to(elsewhere)
        else:
            Path("teams").symlink_to(elsewhere.parent)
        said = said_of(self.CHANGE)
        assert said.startswith(f"{STACK}:24: tenantsDir\n  the folder or a file in it is a link that leads out of")

    @pytest.mark.parametrize(("name", "message"), [
        ("x" * 300, "must have at most 255 characters"),
        ("é" * 200, "the folder cannot be read: File name too long"),
        ("'te\0ams'", "cannot stand in YAML"),
        ('"te\\0ams"', "must be a folder below the stack file's own"),
    ])  # fmt: skip
    def test_whose_name_no_file_system_can_hold_is_refused(self, name: str, message: str) -> None:
        assert message in said_of((self.CHANGE[0], f"    tenantsDir: {name}\n    tenants:\n"))


class TestAllMistakesAtOnce:
    def test_are_counted_and_stand_in_the_order_of_the_file(self) -> None:
        Path(STACK).write_text(BASE.replace("cpu: 2", "cpu: two").replace("domain: ml.example.com", "domain: ML"))
        with pytest.raises(StackFileError) as error:
            load(Path(STACK))
        assert [problem.line for problem in error.value.problems] == [5, 35]
        assert str(error.value).startswith("2 problems in the stack file\n\nPulumi.test.yaml:5: domain\n")

    def test_of_one_are_called_one(self) -> None:
        assert str(refused(BASE.replace("cpu: 2", "cpu: two"))).startswith("1 problem in the stack file\n\n")

    def test_of_a_single_kind_leave_no_duplicates(self) -> None:
        for case in ALL:
            paragraphs = case.expected.split("\n\n")
            assert len(paragraphs) == len(set(paragraphs)), case.title

    def test_are_told_by_kinds_enough_to_matter(self) -> None:
        assert len({(case.collection.stem, case.title) for case in ALL}) == len(ALL) >= 150
