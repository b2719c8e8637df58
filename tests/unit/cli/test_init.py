"""`bedplate init`, `--version`, and stacks outside a project."""

import io
import json
import re
from pathlib import Path

import pytest

from bedplate.starter import CLOUDS
from harness import ROOT, model_api, platform, tenant
from unit.cli.test_cli import bedplate, commit, git, write_stack


class TestVersion:
    def test_is_the_one_of_the_package(self) -> None:
        written = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
        assert written is not None
        done = bedplate("--version")
        assert (done.returncode, done.stdout) == (0, f"bedplate {written[1]}\n")


class TestInit:
    def test_says_what_to_do_next(self, tmp_path: Path) -> None:
        done = bedplate("init", "ours", "--cloud", "existing", "--stack", "main", folder=tmp_path)
        assert done.returncode == 0
        for command in ("cd ours", "bedplate check main", "bedplate rehearse main", "make install"):
            assert command in done.stdout

    def test_pins_this_version_and_the_sdk_of_the_cloud(self, tmp_path: Path) -> None:
        version = bedplate("--version").stdout.split()[1]
        bedplate("init", "ours", "--cloud", "aws", folder=tmp_path)
        bedplate("init", "mine", "--cloud", "existing", folder=tmp_path)
        assert f'"bedplate[aws]=={version}"' in (tmp_path / "ours" / "pyproject.toml").read_text()
        assert f'"bedplate=={version}"' in (tmp_path / "mine" / "pyproject.toml").read_text()

    def test_writes_into_a_folder_that_has_other_files(self, tmp_path: Path) -> None:
        (tmp_path / "LICENSE").write_text("ours")
        assert bedplate("init", ".", "--cloud", "existing", folder=tmp_path).returncode == 0
        assert (tmp_path / "Pulumi.yaml").is_file()

    def test_overwrites_nothing_and_then_writes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("ours")
        done = bedplate("init", ".", "--cloud", "existing", folder=tmp_path)
        assert done.returncode == 2
        assert "README.md" in done.stderr
        assert "nothing is overwritten" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
        assert (tmp_path / "README.md").read_text() == "ours"

    @pytest.mark.parametrize(
        ("option", "fix"),
        [
            (["--cloud", "digitalocean"], "aws, azure, existing, gcp"),
            (["--cloud", "existing", "--domain", "https://ML.example.com/"], "write ml.example.com"),
            (["--cloud", "existing", "--stack", "Prod_1"], "write prod-1"),
            (["--cloud", "existing", "--stack", "a" * 64], "write a shorter one"),
        ],
    )
    def test_of_a_wrong_value_says_what_to_write(self, option: list[str], fix: str, tmp_path: Path) -> None:
        done = bedplate("init", "ours", *option, folder=tmp_path)
        assert done.returncode == 2
        assert fix in done.stderr
        assert not (tmp_path / "ours").exists()

    def test_without_a_terminal_asks_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("aws\n"))
        done = bedplate("init", "ours", folder=tmp_path)
        assert done.returncode == 2
        assert "--cloud is missing" in done.stderr

    def test_on_a_terminal_asks_for_the_cloud(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = io.StringIO("gcp\n")
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", terminal)
        done = bedplate("init", "ours", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert all(cloud in done.stdout for cloud in CLOUDS)
        assert "provider: gcp" in (tmp_path / "ours" / "stacks" / "Pulumi.production.yaml").read_text()

    def test_of_a_folder_that_cannot_be_made_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = bedplate("init", "file/ours", "--cloud", "existing", folder=tmp_path)
        assert done.returncode == 2
        assert "cannot be written" in done.stderr


class TestAStackOutsideAProject:
    def test_is_checked_and_previewed_with_its_tenants(self, tmp_path: Path) -> None:
        file = write_stack(tmp_path, platform(tenant("vision", model_api("api"))))
        assert bedplate("check", str(file), folder=Path("/")).returncode == 0
        done = bedplate("preview", file.name, "-o", "json", folder=file.parent)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["summary"]["tenants"] == 1

    @pytest.mark.parametrize("command", ["check", "preview", "rehearse"])
    def test_by_a_wrong_path_says_so(self, command: str, tmp_path: Path) -> None:
        done = bedplate(command, "stacks/nothing.yaml", folder=tmp_path)
        assert done.returncode == 2
        assert "there is no file 'stacks/nothing.yaml'" in done.stderr

    def test_by_a_name_says_how_to_begin(self, tmp_path: Path) -> None:
        done = bedplate("check", "local", folder=tmp_path)
        assert done.returncode == 2
        assert "bedplate init" in done.stderr


class TestAStackInAProject:
    def test_by_a_wrong_path_names_the_stacks_there_are(self) -> None:
        done = bedplate("check", "stacks/nothing.yaml")
        assert done.returncode == 2
        assert "there is no file 'stacks/nothing.yaml'; stacks here: aws, azure, gcp, local" in done.stderr
        assert "yaml.yaml" not in done.stderr


class TestANewProjectUnderGit:
    """Its whole life on a laptop: written, committed, changed, taken to another version."""

    @pytest.fixture
    def ours(self, tmp_path: Path) -> Path:
        assert bedplate("init", "ours", "--cloud", "existing", folder=tmp_path).returncode == 0
        git(tmp_path / "ours", "init", "--quiet")
        commit(tmp_path / "ours")
        return tmp_path / "ours"

    def test_finds_the_secrets_of_the_stack_whatever_it_is_called(self, ours: Path) -> None:
        file = ours / "stacks" / "Pulumi.production.yaml"
        secret = "config:\n  bedplate:search-token: {secure: placeholder}\n"
        file.write_text(file.read_text().replace("config:\n", secret, 1))
        example = ours / "stacks" / "production-tenants" / "search.yaml"
        example.write_text(
            example.read_text().replace("  - kind: job\n", "  - kind: job\n    secretEnv: {TOKEN: search-token}\n", 1)
        )
        assert "name: ours\n" in (ours / "Pulumi.yaml").read_text()
        assert bedplate("check", "production", folder=ours).returncode == 0
        done = bedplate("preview", "production", folder=ours)
        assert done.returncode == 0, done.stderr
        assert "Secret" in done.stdout

    def test_shows_a_tenant_that_is_added_and_nothing_of_the_library(self, ours: Path) -> None:
        example = ours / "stacks" / "production-tenants" / "search.yaml"
        more = example.read_text().replace("search", "vision")
        example.with_name("vision.yaml").write_text(more)
        done = bedplate("preview", "production", "--against", "HEAD", folder=ours)
        assert done.returncode == 0, done.stderr
        assert "vision" in done.stdout
        assert "pins bedplate" not in done.stderr

    def test_says_that_the_difference_is_not_the_librarys_where_the_pin_changes(self, ours: Path) -> None:
        project = ours / "pyproject.toml"
        installed = bedplate("--version").stdout.split()[1]
        project.write_text(project.read_text().replace(f"=={installed}", "==0.0.9"))
        commit(ours)
        project.write_text(project.read_text().replace("==0.0.9", f"=={installed}"))
        done = bedplate("preview", "production", "--against", "HEAD", folder=ours)
        assert done.returncode == 0, done.stderr
        assert f"HEAD pins bedplate 0.0.9, and both sides are previewed with {installed}" in done.stderr.replace(
            "\n", " "
        )
