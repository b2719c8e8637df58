"""What `bedplate init` writes is what this repository itself uses, wherever both have it."""

import re
from pathlib import Path

import pytest

from bedplate.clouds import CLOUD_SPECS
from bedplate.starter import CLOUDS, PROGRAM
from bedplate.starter.starter import UV_VERSION, NewProject
from harness import ROOT
from unit.cli.test_cli import bedplate

SAME = ["platform/__main__.py", ".github/workflows/preview.yml", ".github/workflows/plan.yml"]


@pytest.fixture(params=CLOUDS)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    return NewProject(folder=tmp_path / "ours", cloud=request.param, stack="main", domain="ml.acme.example").files()


@pytest.mark.parametrize("name", SAME)
def test_a_file_that_both_have_is_the_same(name: str, files: dict[str, str]) -> None:
    assert files[name] == (ROOT / name).read_text(), "make format"


def test_pulumi_runs_the_program_of_both_alike(files: dict[str, str]) -> None:
    def alike(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith(("name:", "description:"))]

    assert alike(files["Pulumi.yaml"]) == alike((ROOT / "Pulumi.yaml").read_text())
    assert "main: platform/" in files["Pulumi.yaml"]
    assert (PROGRAM / "__main__.py").is_file()


def test_its_schemas_are_those_that_its_workflow_asks_for(files: dict[str, str], tmp_path: Path) -> None:
    """`make install` renews them, and fails in a workflow where one is missing or another."""
    (tmp_path / "stacks").mkdir()
    for name, text in files.items():
        if name.endswith(".schema.json") or name == "stacks/schema.json":
            (tmp_path / name).write_text(text)
    assert "bedplate schema $(if $(CI),--check) stacks" in files["Makefile"]
    assert bedplate("schema", "--check", "stacks", folder=tmp_path).returncode == 0


def test_a_schema_that_is_not_fresh_names_the_command_that_any_project_has(tmp_path: Path) -> None:
    done = bedplate("schema", "--check", str(tmp_path))
    assert done.returncode == 1
    assert f"Fix: bedplate schema {tmp_path}" in done.stderr


def test_every_word_to_fill_in_is_filled_in(files: dict[str, str]) -> None:
    left = {name: re.findall(r"__[A-Z_]+__", name + text) for name, text in files.items()}
    assert not {name: words for name, words in left.items() if words}


def test_code_owners_and_the_stack_file_name_what_is_there(files: dict[str, str]) -> None:
    owned = re.findall(r"^/(\S+)", files[".github/CODEOWNERS"], re.MULTILINE)
    assert owned == [name for name in files if name.startswith("stacks/main-tenants/")]
    assert "tenantsDir: main-tenants" in files["stacks/Pulumi.main.yaml"]


def test_there_is_a_first_stack_for_every_cloud() -> None:
    assert set(CLOUDS) == set(CLOUD_SPECS)


def test_both_install_the_same_uv() -> None:
    assert f"UV_VERSION := {UV_VERSION}\n" in (ROOT / "Makefile").read_text()
