"""What a stack registers at a git revision: by that revision's own program and library."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bedplate.errors import RehearsalError
from bedplate.plans.planning import stack_at
from bedplate.plans.project import Project
from harness import ROOT, model_api, platform, tenant

REGISTER = """
from pathlib import Path
from bedplate.plans.planning import stack_at
from bedplate.plans.project import Project
there = stack_at("HEAD", Project.read(Path.cwd()), Path("stacks/Pulumi.production.yaml"))
print("\\n".join(resource["urn"] for resource in there.resources))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a git repository, with one commit."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copytree(ROOT / "platform", tmp_path / "platform", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "stacks").mkdir()
    with (tmp_path / "stacks" / "Pulumi.production.yaml").open("w") as stream:
        YAML().dump({"config": {"bedplate:platform": platform(tenant("vision", model_api("api")))}}, stream)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a stack")


def urns_at_head(project: Path) -> set[str]:
    there = stack_at("HEAD", Project.read(project), project / "stacks" / "Pulumi.production.yaml")
    return {str(resource["urn"]) for resource in there.resources}


class TestARevision:
    def test_is_that_of_its_own_program(self, project: Path) -> None:
        program = project / "platform" / "__main__.py"
        program.write_text(program.read_text().replace('Platform("platform"', 'Platform("another"'))
        assert any(urn.endswith("::platform") for urn in urns_at_head(project))
        commit(project)
        assert any(urn.endswith("::another") for urn in urns_at_head(project))

    def test_of_several_modules_is_not_mixed_with_those_of_today(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program, names = project / "platform" / "__main__.py", project / "platform" / "our_names.py"
        names.write_text('PLATFORM = "before"\n')
        program.write_text("import our_names\n" + program.read_text().replace('"platform",', "our_names.PLATFORM,"))
        commit(project)
        # As where the program of today, of the same two modules, has run in this process.
        monkeypatch.setitem(sys.modules, "our_names", type(sys)("our_names"))
        vars(sys.modules["our_names"])["PLATFORM"] = "after"
        assert any(urn.endswith("::before") for urn in urns_at_head(project))

    def test_has_the_library_of_then(self, project: Path) -> None:
        library = project / "components" / "bedplate"
        shutil.copytree(ROOT / "components" / "bedplate", library, ignore=shutil.ignore_patterns("__pycache__"))
        commit(project)
        labels = library / "platform.py"
        labels.write_text(labels.read_text().replace('"bedplate:index:Platform"', '"bedplate:index:Renamed"'))
        environment = {
            "PYTHONPATH": str(project / "components"),
            "PATH": "/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", REGISTER], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "bedplate:index:Platform" in done.stdout
        assert "Renamed" not in done.stdout

    def test_whose_program_fails_is_refused_with_what_it_said(self, project: Path) -> None:
        program = project / "platform" / "__main__.py"
        program.write_text('raise ValueError("no such team")\n')
        commit(project)
        with pytest.raises(RehearsalError, match="cannot be previewed at HEAD:\nValueError: no such team"):
            urns_at_head(project)


def not_there(project: Path) -> str:
    with pytest.raises(RehearsalError) as raised:
        stack_at("main", Project.read(project), project / "stacks" / "Pulumi.production.yaml")
    assert "git has no revision 'main'" in raised.value.message
    return raised.value.fix


def test_a_revision_that_is_not_there_is_answered_with_branches_that_are(project: Path) -> None:
    git(project, "branch", "--move", "trunk")
    git(project, "branch", "change")
    fix = not_there(project)
    assert "a branch that is there: " in fix
    assert {"change", "trunk"} == set(fix.rpartition(": ")[2].split(", "))


def test_where_git_has_no_commit_the_first_is_proposed(project: Path) -> None:
    shutil.rmtree(project / ".git")
    assert "git init && git add . && git commit" in not_there(project)
    assert "main" not in not_there(project)
