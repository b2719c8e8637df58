"""How commands end where the system or the terminal stands in the way: codes, and never a traceback."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bedplate.cli.options import ordered
from harness import ROOT

STACK = str(ROOT / "tests/unit/stack_file/wrong_stacks/base.yaml")
COMMAND = [sys.executable, "-m", "bedplate.cli"]


def ended(arguments: Sequence[str], redirected: str = "", **environment: str) -> tuple[int, str, str]:
    """Code, standard output and standard error of the command, as a shell runs it."""
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}', "bash", *COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = done.stderr.decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return done.returncode, done.stdout.decode(), said


@pytest.mark.parametrize("form", ["text", "json"])
class TestOutput:
    def test_to_a_full_disk_is_said_to_be_lost(self, form: str) -> None:
        code, _, said = ended(["check", STACK, "-o", form], "> /dev/full")
        assert code == 1
        assert "the output cannot be read or written: No space left on device" in said

    def test_that_nobody_reads_ends_as_of_other_programs(self, form: str) -> None:
        code, _, said = ended(["check", STACK, "-o", form], "| true; exit ${PIPESTATUS[0]}")
        assert (code, said) == (141, "")

    def test_that_is_closed_changes_no_judgement(self, form: str) -> None:
        assert ended(["check", STACK, "-o", form], ">&-")[0] == 0
        assert ended(["check", "nowhere.yaml", "-o", form], ">&- 2>&-")[0] == 2
        assert ended(["check", "nowhere.yaml", "-o", form], "2> /dev/full")[0] == 2

    def test_to_a_terminal_of_few_characters_shows_the_others_as_such(self, form: str) -> None:
        code, shown, _ = ended(["check", STACK, "-o", form], PYTHONIOENCODING="ascii")
        assert code == 0
        assert "2 ? nvidia-l4" in shown or form == "json"


class TestANameThatNoFileHas:
    def test_is_no_stack(self) -> None:
        code, _, said = ended(["check", "x" * 5000])
        assert code == 2
        assert "there is no stack 'xxx" in said
        assert len(said) < 1000

    def test_is_shown_without_what_a_terminal_acts_upon(self) -> None:
        code, _, said = ended(["check", "a\x1bb"])
        assert code == 2
        assert "there is no stack 'a\\x1bb'" in said

    def test_is_no_folder_for_a_project(self, tmp_path: Path) -> None:
        code, _, said = ended(["init", str(tmp_path / ("x" * 300)), "--cloud", "existing"])
        assert code == 2
        assert "File name too long\nFix: name another folder" in said


def test_a_folder_that_takes_no_file_is_named() -> None:
    code, _, said = ended(["schema", "/proc"])
    assert code == 1
    assert "'/proc/schema.json' cannot be read or written" in said


def test_standard_input_that_is_closed_is_empty() -> None:
    assert ended(["guard", "-"], "<&-")[0] == 2


@pytest.mark.parametrize("rest", [["--help"], ["--version"], []])
def test_the_form_of_output_before_no_command_is_left_out(rest: list[str]) -> None:
    assert ordered(["-o", "json", *rest]) == rest
