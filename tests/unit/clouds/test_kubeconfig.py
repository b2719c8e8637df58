"""A context that the kubeconfig of this machine does not have: who says so, and what is not said."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bedplate.cli import main
from bedplate.clouds.kubeconfig import missing_context
from bedplate.errors import RehearsalError
from harness import platform, record

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl"


def written(path: Path, *names: str) -> Path:
    contexts = "".join(f"- {{name: '{name}', context: {{cluster: one, user: one}}}}\n" for name in names)
    path.write_text(f"kind: Config\nusers: [{{name: one, user: {{token: {TOKEN}}}}}]\ncontexts:\n{contexts}")
    return path


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = written(tmp_path / "config", "production", "staging")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


class TestAContext:
    def test_that_is_there_is_not_spoken_of(self, kubeconfig: Path) -> None:
        assert kubeconfig.exists()
        assert missing_context("production") is None

    def test_that_is_not_is_named_with_those_that_are_and_nothing_else_of_the_file(self, kubeconfig: Path) -> None:
        said = missing_context("prodution")
        assert said == f"no context 'prodution' in {kubeconfig}; it has production, staging"
        assert TOKEN not in str(said)

    def test_may_stand_in_any_of_several_files(
        self, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = written(tmp_path / "other", "lab")
        monkeypatch.setenv("KUBECONFIG", f"{kubeconfig}:{other}:{tmp_path / 'absent'}")
        assert missing_context("lab") is None
        assert "it has lab, production, staging" in (missing_context("nosuch") or "")

    def test_is_looked_for_in_the_home_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert missing_context("production") is None
        (tmp_path / ".kube").mkdir()
        written(tmp_path / ".kube" / "config")
        assert "it has none" in (missing_context("production") or "")

    @pytest.mark.parametrize("text", ["{", "- a\n- b\n", "contexts: 3\n", "\0"])
    def test_of_a_file_that_is_no_kubeconfig_is_nobodys_to_judge(self, kubeconfig: Path, text: str) -> None:
        kubeconfig.write_text(text)
        assert missing_context("production") is None


class TestTheProgram:
    STACK = platform(cloud={**platform()["cloud"], "context": "nosuch"})

    @pytest.mark.usefixtures("kubeconfig")
    def test_says_so_where_an_engine_would_ask_the_cluster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Pulumi's own preview would succeed, with everything new."""
        monkeypatch.setattr("bedplate.clouds.existing_cluster.MockMonitor", type("Another", (), {}))
        with pytest.raises(RehearsalError, match=r"cloud\.context: no context 'nosuch' in .*\n  fix: "):
            record(self.STACK)

    @pytest.mark.usefixtures("kubeconfig")
    def test_does_not_where_nobody_is_asked(self) -> None:
        assert record(self.STACK).resources


@pytest.mark.usefixtures("kubeconfig")
def test_check_notes_it_and_does_not_refuse(tmp_path: Path) -> None:
    """Whoever reviews a stack file need not reach its cluster."""
    file, printed = tmp_path / "Pulumi.other.yaml", io.StringIO()
    with file.open("w") as stream:
        YAML().dump({"config": {"bedplate:platform": TestTheProgram.STACK}}, stream)
    with redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        main(["check", str(file), "-o", "json"])
    assert not ended.value.code
    (advice,) = json.loads(printed.getvalue())["advice"]
    assert advice["message"].startswith("cloud.context: no context 'nosuch' in ")
    assert "KUBECONFIG" in advice["fix"]
