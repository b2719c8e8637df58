"""Building programs: once, whoever asks, and with an answer when it cannot be done."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bedplate.errors import RehearsalError
from bedplate.programs import built, found, program
from cluster.objects_under_test import eventually

CONTROL_PLANE = program("control-plane")
KWOK = program("kwok")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a PATH with nothing but a shell's own commands."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "sleep", "cat"):
        there = shutil.which(name)
        assert there is not None
        (tools / name).symlink_to(there)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bedplate"


def install(name: str, script: str) -> None:
    """Puts a program on PATH."""
    path = Path(os.environ["PATH"]) / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def no_progress(line: str) -> None:
    pass


# Go's own arguments end with `-o FILE PACKAGE`
FAKE_GO = (
    'echo built $2 >> "$XDG_CACHE_HOME/builds"; sleep 0.5; while [ "$1" != -o ]; do shift; done; cat go.mod > "$2"; '
    'echo end >> "$XDG_CACHE_HOME/builds"'
)


def ask_at_once(*names: str) -> list[Path]:
    """Programs that as many threads ask for."""
    paths = list[Path]()
    threads = [threading.Thread(target=lambda name=name: paths.append(built(name, no_progress))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return paths


class TestAProgram:
    def test_is_built_once_however_many_ask_at_once(self, cache: Path) -> None:
        install("go", FAKE_GO)
        paths = ask_at_once("control-plane", "control-plane", "control-plane")
        assert len(paths) == 3
        assert len(set(paths)) == 1
        assert "k8s.io/kubernetes" in paths[0].read_text()
        assert (cache.parent / "builds").read_text() == "built -p=2\nend\n"

    def test_is_not_built_beside_another(self, cache: Path) -> None:
        install("go", FAKE_GO)
        assert len(set(ask_at_once("control-plane", "kwok", "pulumi"))) == 3
        assert (cache.parent / "builds").read_text() == "built -p=2\nend\n" * 3

    def test_needs_no_go_once_it_is_built(self, cache: Path) -> None:
        install("go", FAKE_GO)
        assert found("control-plane") is None
        path = built("control-plane", no_progress)
        (Path(os.environ["PATH"]) / "go").unlink()
        assert built("control-plane", no_progress) == found("control-plane") == path

    def test_says_what_to_install_where_there_is_no_go(self, cache: Path) -> None:
        with pytest.raises(RehearsalError, match="no Go on PATH") as raised:
            built("control-plane", no_progress)
        assert f"Go {CONTROL_PLANE.go_version} or newer (https://go.dev/dl/)" in raised.value.fix
        assert "--context" in raised.value.fix

    def test_shows_the_end_of_the_log_of_a_build_that_failed(self, cache: Path) -> None:
        install("go", "echo first; i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; exit 1")
        with pytest.raises(RehearsalError, match="line 30") as raised:
            built("control-plane", no_progress)
        assert "first" not in raised.value.message
        log = cache / "control-plane-build.log"
        assert str(log) in raised.value.fix
        assert log.read_text().startswith("first")

    def test_that_is_half_built_does_not_stay(self, cache: Path) -> None:
        install("go", 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; exit 1')
        with pytest.raises(RehearsalError):
            built("control-plane", no_progress)
        left = sorted(path.name for path in cache.rglob("*"))
        assert left == ["build.lock", "control-plane-build.log"]

    def test_is_no_longer_built_when_the_one_who_asked_is_killed(self, cache: Path, tmp_path: Path) -> None:
        install("go", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep 600")
        (Path(os.environ["PATH"]) / "mv").symlink_to(shutil.which("mv", path=os.defpath) or "")
        asking = "from bedplate.programs import built; built('control-plane', print)"
        with subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.DEVNULL) as other:
            eventually((tmp_path / "pid").exists, "the build has begun")
            other.kill()
        eventually(lambda: not is_alive(int((tmp_path / "pid").read_text())), "the build has ended", seconds=5)

    def test_tells_before_it_is_built_and_after(self, cache: Path) -> None:
        install("go", FAKE_GO)
        lines = list[str]()
        built("control-plane", lines.append)
        assert lines[0].startswith("building the control plane of Kubernetes v1.")
        assert lines[-1].startswith("built the control plane of Kubernetes v1.")

    def test_on_path_is_used_at_the_same_version(self, cache: Path) -> None:
        install("kwok", f"echo kwok version {KWOK.version} go1.26.0")
        assert built("kwok", no_progress) == Path(os.environ["PATH"]) / "kwok"

    def test_on_path_of_another_version_is_not_used(self, cache: Path) -> None:
        install("kwok", "echo kwok version v0.1.0 go1.26.0")
        with pytest.raises(RehearsalError) as raised:
            built("kwok", no_progress)
        assert f"kwok {KWOK.version}" in raised.value.fix
