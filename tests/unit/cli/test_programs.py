"""`bedplate programs` as a user sees it."""

import json
from pathlib import Path

import pytest

from bedplate.cli import main
from bedplate.programs import PROGRAMS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing on PATH: no Go either."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "bedplate"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["programs", *arguments])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def pretend_built(cache: Path, name: str) -> Path:
    (one,) = [one for one in PROGRAMS if one.name == name]
    path = cache / name / one.key / name
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(3 * 2**20))
    return path


class TestThePrograms:
    def test_are_listed_with_what_needs_them_and_whether_they_are_built(
        self, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pretend_built(cache, "oauth2-proxy")
        code, out, _ = run(capsys)
        assert code == 0
        (proxy,) = [line for line in out.splitlines() if line.startswith("oauth2-proxy")]
        assert "3 MiB" in proxy
        assert "tests of the login" in proxy
        (pulumi,) = [line for line in out.splitlines() if line.startswith("pulumi ")]
        assert " no " in pulumi
        (following,) = [line for line in out.splitlines() if line.startswith("Next: bedplate programs build ")]
        assert " pulumi " in following
        assert "oauth2-proxy" not in following

    def test_are_listed_as_json_with_stable_names(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = pretend_built(cache, "oauth2-proxy")
        code, out, _ = run(capsys, "-o", "json")
        listed = {one["name"]: one for one in json.loads(out)}
        assert code == 0
        assert listed.keys() == {one.name for one in PROGRAMS}
        assert listed["oauth2-proxy"]["path"] == str(path)
        assert listed["oauth2-proxy"]["sizeMib"] == 3
        assert listed["pulumi"]["path"] is None
        assert set(listed["pulumi"]) == {"name", "version", "module", "goVersion", "neededBy", "path", "sizeMib"}

    def test_that_are_built_are_not_built_again(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = pretend_built(cache, "oauth2-proxy")
        assert run(capsys, "build", "oauth2-proxy")[:2] == (0, f"{path}\n")

    def test_that_cannot_be_built_do_not_stop_the_others(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = pretend_built(cache, "oauth2-proxy")
        code, out, err = run(capsys, "build", "pulumi", "oauth2-proxy")
        assert (code, out) == (1, f"{path}\n")
        assert "the Pulumi CLI v3" in err
        assert "https://go.dev/dl/" in err

    def test_of_another_name_are_refused_with_those_there_are(
        self, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, _, err = run(capsys, "build", "pulumy")
        assert code == 2
        assert "there is no pulumy" in err
        assert "oauth2-proxy" in err
