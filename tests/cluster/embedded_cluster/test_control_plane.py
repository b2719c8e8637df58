"""The life of the embedded control plane: what it is, how it starts, and that nothing of it stays."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster, existing_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, text
from bedplate.embedded_cluster.state import sweep
from bedplate.errors import RehearsalError
from bedplate.programs import program
from cluster.objects_under_test import CORE, eventually, namespace
from cluster.process_tree import descendants, processes

pytestmark = pytest.mark.enable_socket

REHEARSAL = """
import signal
import time
from bedplate.embedded_cluster.cluster import embedded_cluster
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster

def quiet(line):
    pass

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a background job starts
pools = [SimulatedPool(name="one", nodes=1, cpu=1, memory_gib=1)]
with embedded_cluster(quiet) as access, simulated_cluster(access, pools, {}, quiet):
    print(access.kubeconfig, flush=True)
    time.sleep(600)
"""


def port_of(kubeconfig: Path) -> int:
    server = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return int(server.rpartition(":")[2])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def embedded(cluster_access: ClusterAccess) -> ClusterAccess:
    if cluster_access.source != "embedded":
        pytest.skip("BEDPLATE_TEST_CONTEXT is set: the embedded control plane is not under test")
    return cluster_access


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig with two contexts; no one listens where the first one leads."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{unused.getsockname()[1]}"
    content = {
        "clusters": [{"name": "there", "cluster": {"server": server}}],
        "users": [{"name": "someone", "user": {"token": "canary"}}],
        "contexts": [
            {"name": "staging", "context": {"cluster": "there", "user": "someone"}},
            {"name": "elsewhere", "context": {"cluster": "in-another-file", "user": "someone"}},
        ],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(content))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def broken_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A control plane that cannot run."""
    broken = tmp_path / "control-plane"
    broken.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr("bedplate.embedded_cluster.cluster.built", lambda name, progress: broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return broken


def end_by_signal(number: signal.Signals) -> tuple[dict[int, str], Path]:
    """Starts a rehearsal in another process and ends that: returns what it had started, and its kubeconfig."""
    with subprocess.Popen([sys.executable, "-c", REHEARSAL], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            path = Path(other.stdout.readline().strip())
            started, port = descendants(other.pid), port_of(path)
            assert is_listening(port)
            other.send_signal(number)
            other.wait(10)
            eventually(lambda: not is_listening(port), "the port is free", seconds=5)
            return started, path
        finally:
            other.kill()


class TestTheControlPlane:
    def test_is_the_version_that_it_is_built_from(self, embedded: ClusterAccess) -> None:
        api = ClusterApi(embedded.kubeconfig, embedded.context)
        assert embedded.version == text(api.get("/version"), "gitVersion") == program("control-plane").version

    def test_refuses_who_has_no_token(self, embedded: ClusterAccess, tmp_path: Path) -> None:
        content: dict[str, Any] = json.loads(embedded.kubeconfig.read_text())
        content["users"][0]["user"]["token"] = "guessed"
        guessing = tmp_path / "config"
        guessing.write_text(json.dumps(content))
        with pytest.raises(ApiError, match="Unauthorized"):
            ClusterApi(guessing, None).get(f"{CORE}/namespaces")

    def test_keeps_its_credentials_from_other_users(self, embedded: ClusterAccess) -> None:
        assert embedded.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert embedded.kubeconfig.parent.stat().st_mode & 0o777 == 0o700

    def test_listens_on_one_port_of_the_loopback_interface(self, embedded: ClusterAccess) -> None:
        if sys.platform != "linux":
            pytest.skip("reads /proc")
        running = [pid for pid, command in descendants(os.getpid()).items() if "control-plane" in command]
        addresses = [listening(pid) for pid in running]
        ours = f"127.0.0.1:{port_of(embedded.kubeconfig)}"
        assert [ours] in addresses
        assert max(map(len, addresses)) == 1

    def test_collects_what_a_deleted_owner_leaves(self, embedded: ClusterAccess) -> None:
        api = ClusterApi(embedded.kubeconfig, None)
        with namespace(api) as home:
            owner = api.create(f"{home}/configmaps", {"metadata": {"name": "owner"}})
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "owner",
                "uid": text(owner, "metadata", "uid"),
            }
            api.create(f"{home}/configmaps", {"metadata": {"name": "owned", "ownerReferences": [reference]}})
            api.delete(f"{home}/configmaps/owner", propagationPolicy="Foreground")
            eventually(lambda: not api.answers(f"{home}/configmaps/owned"), "what it owned is gone")

    def test_leaves_another_one_alone_even_if_it_would_take_its_port(
        self, embedded: ClusterAccess, progress: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports = iter([port_of(embedded.kubeconfig), free.getsockname()[1]])
        monkeypatch.setattr("bedplate.embedded_cluster.embedded._free_port", lambda: next(ports))
        first = ClusterApi(embedded.kubeconfig, None)
        with embedded_cluster(progress) as access:
            with namespace(ClusterApi(access.kubeconfig, access.context)) as only_there:
                assert not first.answers(only_there)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert first.answers("/readyz")
        assert not access.kubeconfig.parent.exists()


class TestAFailedStart:
    def test_says_why_and_keeps_the_logs(self, broken_program: Path, progress: Callable[[str], None]) -> None:
        with pytest.raises(RehearsalError, match="out of luck") as raised, embedded_cluster(progress):
            pass
        logs = Path(raised.value.fix.partition("the logs in ")[2].partition(";")[0])
        assert "exit code 3" in raised.value.message
        assert (logs / "service-account-key.log").read_text() == "out of luck\n"
        assert [path.name for path in logs.parent.iterdir()] == ["logs"], "credentials are not kept"


class TestTheEndOfARehearsal:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_ends_everything_it_started(self, embedded: ClusterAccess, number: signal.Signals) -> None:
        started, kubeconfig = end_by_signal(number)
        parts = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "guard.py", "kwok")
        assert all(any(part in command for command in started.values()) for part in parts)
        eventually(lambda: not started.keys() & processes().keys(), "every process is gone", seconds=5)
        sweep()
        assert not kubeconfig.parent.exists()

    def test_does_not_sweep_the_folder_of_a_living_one(self, embedded: ClusterAccess) -> None:
        sweep()
        assert embedded.kubeconfig.exists()


class TestAContext:
    def test_that_does_not_exist_is_answered_with_those_that_do(self, kubeconfig: Path) -> None:
        with pytest.raises(RehearsalError, match="no context 'production'") as raised:
            existing_cluster("production")
        assert "elsewhere, staging" in raised.value.fix

    def test_whose_cluster_does_not_answer_says_so(self, kubeconfig: Path) -> None:
        with pytest.raises(RehearsalError, match=r"'staging' \(https://127\.0\.0\.1:\d+\)") as raised:
            existing_cluster("staging")
        assert "kubectl --context staging version" in raised.value.fix
        assert "canary" not in str(raised.value)

    def test_that_is_spread_over_files_says_how_to_join_them(self, kubeconfig: Path) -> None:
        with pytest.raises(RehearsalError, match="not in the same file") as raised:
            existing_cluster("elsewhere")
        assert "--flatten --context elsewhere" in raised.value.fix

    def test_in_a_file_that_is_no_kubeconfig_does_not_show_the_file(self, kubeconfig: Path) -> None:
        kubeconfig.write_text("token: [canary")
        with pytest.raises(RehearsalError, match="cannot be read as a kubeconfig") as raised:
            existing_cluster("staging")
        assert "canary" not in str(raised.value)

    def test_without_any_kubeconfig_says_where_one_is_expected(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
        with pytest.raises(RehearsalError, match="absent"):
            existing_cluster("staging")


def listening(pid: int) -> list[str]:
    """The addresses that a process listens on, over IPv4 and IPv6."""
    inodes = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    addresses = list[str]()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = row.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in inodes:
                host, port = columns[1].split(":")
                readable = "127.0.0.1" if host == "0100007F" else host
                addresses.append(f"{readable}:{int(port, 16)}")
    return addresses
