"""What `bedplate init` writes works at once, from the wheel alone: no clone, no account, no secret."""

from pathlib import Path

import pytest

from bedplate.starter import CLOUDS
from installed import Installed, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.build(tmp_path_factory.mktemp("installed"))


@pytest.fixture(params=CLOUDS)
def project(request: pytest.FixtureRequest, installed: Installed, tmp_path: Path) -> Path:
    done = installed.bedplate("init", "ours", "--cloud", request.param, "--domain", "ml.acme.example", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "ours"


def test_the_package_comes_from_the_wheel(installed: Installed, tmp_path: Path) -> None:
    said = run([str(installed.python), "-c", "import bedplate; print(bedplate.__file__)"], tmp_path)
    assert Path(said.stdout).is_relative_to(installed.python.parents[1])


def test_a_new_project_checks_and_previews(installed: Installed, project: Path) -> None:
    assert installed.shown("check", "production", folder=project)["ok"] is True
    plan = installed.shown("preview", "production", folder=project)
    assert plan["summary"]["tenants"] == 1
    assert plan["summary"]["workloads"] == 2
    assert "ml.acme.example" in (project / "stacks" / "Pulumi.production.yaml").read_text()
