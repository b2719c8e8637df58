"""A real torchrun in each of two pods, started as the template says: user, variables, command line, wait for names.

No kubelet is here: the two run on this machine, beside each other, and the name of the first leads to it.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from contained import Image, Surroundings, contained, image_under_test, installed_image
from harness import objects, platform, record, tenant

pytestmark = pytest.mark.enable_socket
TRAIN = Path(__file__).with_name("train.py")
IN_IMAGE = Path("/opt/trainer") / TRAIN.name
"""Where the pods find it: a pod has a /tmp of its own, in which this may stand."""
_RUN_SECONDS = 120


def torch_image() -> Image:
    """PyTorch, and what the pods run; the test is skipped without."""
    made_by = "make torch (5.3 GB), or name its virtual environment by TORCH_ENVIRONMENT"
    elsewhere = os.environ.get("TORCH_ENVIRONMENT")
    found = (
        installed_image(Path(elsewhere), "torchrun", made_by)
        if elsewhere
        else image_under_test("torch", "torchrun", made_by)
    )
    return replace(found, folders={**found.folders, str(IN_IMAGE.parent): TRAIN.parent})


def rendered() -> dict[str, Any]:
    """The pod of a training of two nodes with one process each."""
    written = {
        **{"kind": "training", "name": "small", "image": "ghcr.io/acme/trainer:1.0.0", "nodes": 2},
        **{"command": ["python", str(IN_IMAGE), "0.1"], "saveSeconds": 15},
        **{"mounts": [{"volume": "runs", "path": "/mnt/runs"}], "checkpoints": "/mnt/runs"},
    }
    volumes = [{"name": "runs", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    (job_set,) = objects(record(platform(tenant("vision", written, volumes=volumes), queue={})), "JobSet")
    return job_set.inputs["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


class Attempt:
    """Both pods of one attempt, as processes."""

    def __init__(self, pod: Mapping[str, Any], folder: Path, image: Image, runs: Path) -> None:
        head = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "MASTER_ADDR")
        port = str(free_ports("head")["head"])
        self._pods = [
            contained(
                pod,
                Surroundings(
                    folder=folder / str(rank),
                    claims={"runs": runs},
                    hosts={head: "127.0.0.1"},
                    variables={"NODE_RANK": str(rank), "PET_NODE_RANK": str(rank)}
                    # Both listen on this machine, where the port may be somebody else's.
                    | {"MASTER_PORT": port, "PET_MASTER_PORT": port},
                    image=image,
                ),
            )
            for rank in (0, 1)
        ]
        self._processes: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            self._processes = [stack.enter_context(pod.running(stop_seconds=5)) for pod in self._pods]
            yield

    def kill(self, rank: int) -> None:
        """The program of a pod, which torchrun has started in it."""
        (found,) = (each for each in children(self._processes[rank]) if each.cmdline()[1:2] == [str(IN_IMAGE)])
        found.kill()

    def said(self) -> list[dict[str, Any]]:
        """What the program told."""
        lines = [line for pod in self._pods for line in pod.log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def text(self) -> str:
        return "\n".join(pod.log.read_text()[-3000:] for pod in self._pods)

    def ends(self) -> list[int]:
        """The exit statuses."""
        deadline = time.monotonic() + _RUN_SECONDS
        return [process.wait(max(1.0, deadline - time.monotonic())) for process in self._processes]


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_a_killed_worker_has_all_begin_again_and_the_loss_is_that_of_an_undisturbed_run(tmp_path: Path) -> None:
    image, pod = torch_image(), rendered()
    calm = Attempt(pod, tmp_path / "calm", image, tmp_path / "calm-runs")
    with calm.running():
        assert calm.ends() == [0, 0], calm.text()
    losses = {one["rank"]: one["loss"] for one in calm.said() if "loss" in one}
    runs = tmp_path / "runs"
    first = Attempt(pod, tmp_path / "first", image, runs)
    with first.running():
        eventually((runs / "last.pt").exists, "a checkpoint", 60)
        time.sleep(0.5)
        first.kill(1)
        assert all(first.ends()), "both torchruns end with an error: nothing restarts inside"
        assert not [one for one in first.said() if "loss" in one]
    second = Attempt(pod, tmp_path / "second", image, runs)
    with second.running():
        assert second.ends() == [0, 0], second.text()
    (begun,) = {one["begins"] for one in second.said() if "begins" in one}
    assert 0 < begun < 30
    assert {one["rank"]: one["loss"] for one in second.said() if "loss" in one} == losses
    assert {one["user"] for one in second.said() if "user" in one} == {pod["securityContext"]["runAsUser"]}


def test_names_are_waited_for(tmp_path: Path) -> None:
    """The init container's program: it ends well where both names resolve, and says which does not."""
    pod = rendered()
    (waiting,) = pod["initContainers"]
    head = waiting["command"][-1]

    def said(name: str, hosts: Mapping[str, str], seconds: str) -> tuple[int, str]:
        soon = {**waiting, "command": [*waiting["command"][:-2], seconds, head]}
        surroundings = Surroundings(folder=tmp_path / name, hosts=hosts)
        names = contained({**pod, "initContainers": [soon]}, surroundings, waiting["name"])
        with names.running() as process:
            return process.wait(60), names.log.read_text()

    assert said("there", {head: "127.0.0.1"}, "5") == (0, "")
    status, text = said("gone", {}, "1")
    assert (status, f"{head} does not resolve" in text) == (1, True), text
