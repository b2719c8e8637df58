"""Building the programs of a rehearsal: once, whoever asks, and with an answer when it cannot be done."""

import importlib.resources
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate.errors import RehearsalError
from bedplate.programs.building import (
    KWOK_VERSION,
    control_plane_program,
    go_version,
    kubernetes_version,
    kwok_program,
)
from cluster.objects_under_test import eventually


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a PATH with nothing but a shell's own commands."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "sleep", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bedplate"


def install(name: str, script: str) -> None:
    """Puts a program on PATH."""
    program = Path(os.environ["PATH"]) / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def no_progress(line: str) -> None:
    pass


# Go's own arguments end with `-o FILE .`
FAKE_GO = 'echo built >> "$XDG_CACHE_HOME/builds"; sleep 0.5; while [ "$1" != -o ]; do shift; done; cat go.mod > "$2"'


class TestTheControlPlaneProgram:
    def test_is_built_once_however_many_ask_at_once(self, cache: Path) -> None:
        install("go", FAKE_GO)
        found = list[Path]()
        threads = [threading.Thread(target=lambda: found.append(control_plane_program(no_progress))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 3
        assert len(set(found)) == 1
        assert "k8s.io/kubernetes" in found[0].read_text()
        assert (cache.parent / "builds").read_text() == "built\n"

    def test_needs_no_go_once_it_is_built(self, cache: Path) -> None:
        install("go", FAKE_GO)
        built = control_plane_program(no_progress)
        (Path(os.environ["PATH"]) / "go").unlink()
        assert control_plane_program(no_progress) == built

    def test_says_what_to_install_where_there_is_no_go(self, cache: Path) -> None:
        with pytest.raises(RehearsalError, match="no Go on PATH") as raised:
            control_plane_program(no_progress)
        assert f"Go {go_version()} or newer (https://go.dev/dl/)" in raised.value.fix
        assert "--context" in raised.value.fix

    def test_says_what_to_install_where_go_is_too_old(self, cache: Path) -> None:
        install("go", f"echo 'go: go.mod requires go >= {go_version()} (running go 1.20; GOTOOLCHAIN=local)'; exit 1")
        with pytest.raises(RehearsalError, match=r"running go 1\.20") as raised:
            control_plane_program(no_progress)
        assert "https://go.dev/dl/" in raised.value.fix

    def test_shows_the_end_of_the_log_of_a_build_that_failed(self, cache: Path) -> None:
        install("go", "echo first; i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; exit 1")
        with pytest.raises(RehearsalError, match="line 30") as raised:
            control_plane_program(no_progress)
        assert "first" not in raised.value.message
        log = cache / "control-plane-build.log"
        assert str(log) in raised.value.fix
        assert log.read_text().startswith("first")

    def test_leaves_no_half_built_program(self, cache: Path) -> None:
        install("go", 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; exit 1')
        with pytest.raises(RehearsalError):
            control_plane_program(no_progress)
        left = sorted(path.name for path in cache.rglob("*"))
        assert left == ["control-plane-build.log", "control-plane.lock"]

    def test_stops_building_when_the_one_who_asked_is_killed(self, cache: Path, tmp_path: Path) -> None:
        install("go", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep 600")
        (Path(os.environ["PATH"]) / "mv").symlink_to(shutil.which("mv", path=os.defpath) or "")
        asking = "from bedplate.programs.building import control_plane_program; control_plane_program(print)"
        with subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.DEVNULL) as other:
            eventually((tmp_path / "pid").exists, "the build has begun")
            other.kill()
        eventually(lambda: not is_alive(int((tmp_path / "pid").read_text())), "the build has ended", seconds=5)

    def test_takes_every_part_of_kubernetes_from_one_release(self) -> None:
        folder = importlib.resources.files("bedplate.programs") / "go" / "control-plane"
        versions = set(re.findall(r"k8s\.io/\S+ => \S+ (v\S+)", (folder / "go.mod").read_text()))
        assert versions == {kubernetes_version().replace("v1.", "v0.")}


class TestKwok:
    def test_may_be_installed_already(self, cache: Path) -> None:
        install("kwok", f"echo kwok version {KWOK_VERSION} go1.26.0")
        assert kwok_program(no_progress) == Path(os.environ["PATH"]) / "kwok"

    def test_of_another_version_is_not_used(self, cache: Path) -> None:
        install("kwok", "echo kwok version v0.1.0 go1.26.0")
        with pytest.raises(RehearsalError) as raised:
            kwok_program(no_progress)
        assert f"kwok {KWOK_VERSION}" in raised.value.fix


class TestProgress:
    def test_tells_before_a_build_and_after_it(self, cache: Path) -> None:
        install("go", FAKE_GO)
        lines = list[str]()
        tell: Callable[[str], None] = lines.append
        control_plane_program(tell)
        assert lines[0].startswith("building the control plane of Kubernetes v1.")
        assert lines[-1].startswith("built the control plane of Kubernetes v1.")
