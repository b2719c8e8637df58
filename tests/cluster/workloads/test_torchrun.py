"""A real torchrun in each of two pods, started as the template says: user, variables, command line, wait for names.

No kubelet is here: the two run on this machine, beside each other, each as the pods' user on a root that is read-only.
Names of pods are this machine's own.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from harness import objects, platform, record, tenant

pytestmark = pytest.mark.enable_socket
TRAIN = Path(__file__).with_name("train.py")
_RUN_SECONDS = 120


def torch_folder() -> Path:
    """The virtual environment with PyTorch; the test is skipped without one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("TORCH_ENVIRONMENT") or cache / "bedplate" / "torch")
    if os.getuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("a read-only root and the pods' user need root, unshare and setpriv: sudo make test")
    if not (folder / "bin" / "torchrun").is_file():
        pytest.skip("PyTorch is not there (5.3 GB): make torch, or name its virtual environment by TORCH_ENVIRONMENT")
    return folder


def rendered() -> dict[str, Any]:
    """The pod of a training of two nodes with one process each."""
    written = {
        **{"kind": "training", "name": "small", "image": "ghcr.io/acme/trainer:1.0.0", "nodes": 2},
        **{"command": ["python", "/mnt/program/train.py", "0.1"], "saveSeconds": 15},
        **{"mounts": [{"volume": "runs", "path": "/mnt/runs"}], "checkpoints": "/mnt/runs"},
    }
    volumes = [{"name": "runs", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    (job_set,) = objects(record(platform(tenant("vision", written, volumes=volumes), queue={})), "JobSet")
    return job_set.inputs["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


def variables(pod: Mapping[str, Any], rank: int, port: int) -> dict[str, str]:
    """Those of a pod; its head is this machine, at a port that is free."""
    found = {one["name"]: one.get("value", str(rank)) for one in pod["containers"][0]["env"]}
    found |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    return found | {f"PET_{name}": found[name] for name in ("MASTER_ADDR", "MASTER_PORT")}


def expanded(texts: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """As Kubernetes puts variables into a command line."""
    return [re.sub(r"\$\((\w+)\)", lambda name: environment[name[1]], text) for text in texts]


_AS_A_POD = """
mount -t tmpfs none /mnt && mkdir /mnt/torch /mnt/program /mnt/runs && mount --bind "$1" /mnt/torch || exit 90
mount --bind "$2" /mnt/program && mount --bind "$3" /mnt/runs && mount --bind "$4" /tmp || exit 91
mount -o remount,bind,ro /mnt/torch && mount -o remount,bind,ro /mnt/program && mount -o remount,ro /mnt || exit 92
mount --bind / / && mount -o remount,bind,ro / || exit 93
cd /tmp && touch /etc/written 2>/dev/null && exit 94
user=$5; shift 5
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
"""What a container runtime does of it: a root that is read-only, with nothing but /tmp and the volume to write to; the
pod's user, who gets no rights back."""


class Attempt:
    """Both pods of one attempt, as processes."""

    def __init__(self, pod: Mapping[str, Any], folder: Path, torch: Path, number: int, runs: Path) -> None:
        port, user = free_ports("head")["head"], pod["securityContext"]["runAsUser"]
        self._logs = [folder / f"{number}-{rank}.log" for rank in (0, 1)]
        self._processes: list[subprocess.Popen[bytes]] = []
        for rank, log in enumerate(self._logs):
            home = folder / f"{number}-{rank}"
            home.mkdir()
            home.chmod(0o777)
            environment = variables(pod, rank, port) | {"PATH": f"/mnt/torch/bin:{os.defpath}"}
            command = expanded(pod["containers"][0]["command"], environment)
            places = [str(path) for path in (torch, TRAIN.parent, runs, home)]
            with log.open("wb") as file:
                self._processes.append(
                    subprocess.Popen(
                        ["unshare", "--mount", "sh", "-c", _AS_A_POD, "pod", *places, str(user), *command],
                        env=environment,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )

    def said(self) -> list[dict[str, Any]]:
        """What the program told."""
        lines = [line for log in self._logs for line in log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def text(self) -> str:
        return "\n".join(log.read_text()[-3000:] for log in self._logs)

    def ends(self) -> list[int]:
        """The exit statuses."""
        deadline = time.monotonic() + _RUN_SECONDS
        return [process.wait(max(1.0, deadline - time.monotonic())) for process in self._processes]

    def kill(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def folder() -> Any:
    """A place that the pods' user reaches, which a folder of pytest's is not."""
    made = Path(f"/tmp/bedplate-torchrun-{os.getpid()}")
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def volume_in(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    made.chmod(0o777)
    return made


def test_a_killed_worker_has_all_begin_again_and_the_loss_is_that_of_an_undisturbed_run(folder: Path) -> None:
    torch, pod = torch_folder(), rendered()
    calm = Attempt(pod, folder, torch, 0, volume_in(folder, "calm"))
    runs = volume_in(folder, "killed")
    try:
        assert calm.ends() == [0, 0], calm.text()
        losses = {one["rank"]: one["loss"] for one in calm.said() if "loss" in one}
        first = Attempt(pod, folder, torch, 1, runs)
        try:
            eventually((runs / "last.pt").exists, "a checkpoint", 60)
            time.sleep(0.5)
            os.kill(next(one["pid"] for one in first.said() if one["rank"] == 1), signal.SIGKILL)
            assert all(first.ends()), "both torchruns end with an error: nothing restarts inside"
            assert not [one for one in first.said() if "loss" in one]
        finally:
            first.kill()
        second = Attempt(pod, folder, torch, 2, runs)
        try:
            assert second.ends() == [0, 0], second.text()
            (begun,) = {one["begins"] for one in second.said() if "begins" in one}
            assert 0 < begun < 30
            assert {one["rank"]: one["loss"] for one in second.said() if "loss" in one} == losses
            assert {one["user"] for one in second.said() if "user" in one} == {pod["securityContext"]["runAsUser"]}
        finally:
            second.kill()
    finally:
        calm.kill()


def test_names_are_waited_for(folder: Path) -> None:
    """The init container's program: it ends well where both names resolve, and says which does not."""
    del folder
    command = rendered()["initContainers"][0]["command"]
    there = subprocess.run([*command[:-2], "5", "localhost"], capture_output=True, text=True, timeout=30, check=False)
    assert there.returncode == 0, there.stderr
    gone = subprocess.run(
        [*command[:-2], "1", "nobody.invalid"], capture_output=True, text=True, timeout=60, check=False
    )
    assert gone.returncode == 1
    assert "nobody.invalid does not resolve" in gone.stderr
