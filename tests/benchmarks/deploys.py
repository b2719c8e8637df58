"""`bedplate deploy --image --wait` beside an apply of the same objects and a wait for the same rollout, in turns.

`python tests/benchmarks/deploys.py` prints the table. The other side is what `kubectl apply -f` and `kubectl rollout
status` ask the API server for, with `kubectl` itself where it is on PATH; without it, the same requests from this
process, which cost no start of a program. Both sides begin without the app, on one cluster with simulated kubelets.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.deploy.access import find_access
from bedplate.deploy.cluster import Cluster
from bedplate.deploy.deploying import offered_in
from bedplate.deploy.rendering import render
from bedplate.deploy.state import state_of
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import embedded_cluster
from bedplate.embedded_cluster.kubeconfig import single_context
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from harness import ROOT, platform, program, tenant

RUNS = 11
IMAGE = "ghcr.io/acme/scorer:1.0.0"
POOLS = [SimulatedPool(name="general", nodes=2, cpu=16, memory_gib=64)]
APP = '[app]\nname = "{name}"\nport = 8000\ncpu = 0.1\nmemory = "256Mi"\nreplicas = {{min = 1, max = 1}}\n'


@dataclass(frozen=True)
class Taken:
    """user_seconds: CPU of the programs that were started."""

    seconds: float
    user_seconds: float


def taken(side: Callable[[], float]) -> Taken:
    """What one run took."""
    before = os.times().children_user
    seconds = side()
    return Taken(seconds, os.times().children_user - before)


def by_deploy(name: str, folder: Path) -> float:
    """Seconds of the command, its start included."""
    (folder / "bedplate.toml").write_text(APP.format(name=name))
    started = time.monotonic()
    command = [ROOT / ".venv" / "bin" / "bedplate", "deploy", str(folder), "--image", IMAGE, "--wait", "-o", "json"]
    # As at a desk: with byte code.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - started


def by_hand(cluster: Cluster, name: str, folder: Path, bodies: list[Any]) -> float:
    """Seconds of the same objects and the same wait."""
    file = folder / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))
    started = time.monotonic()
    if kubectl := (os.environ.get("KUBECTL") or shutil.which("kubectl")):
        subprocess.run([kubectl, "apply", "--server-side", "-f", str(file)], check=True, capture_output=True)
        subprocess.run([kubectl, "rollout", "status", f"deployment/{name}"], check=True, capture_output=True)
        return time.monotonic() - started
    for body in bodies:
        cluster.apply(body)
    while not state_of(cluster, name).is_complete:
        time.sleep(0.1)
    return time.monotonic() - started


def main() -> None:
    """Prints the medians and their ratio."""
    with (
        tempfile.TemporaryDirectory() as name,
        embedded_cluster(print) as access,
        simulated_cluster(access, POOLS, {}, print),
    ):
        folder = Path(name)
        stack = program(platform(tenant("vision")))
        assert apply(ApiServer(access), run(stack, RecordingBackend(), is_preview=False).resources).problems == []
        context = json.loads(access.kubeconfig.read_text())["current-context"]
        config = json.loads(single_context(access.kubeconfig, context))
        config["users"][0]["user"] |= {"as": "alice@example.com", "as-groups": ["ml-vision", "system:authenticated"]}
        config["contexts"][0]["context"]["namespace"] = "vision"
        (folder / "kubeconfig").write_text(json.dumps(config))
        os.environ["KUBECONFIG"] = str(folder / "kubeconfig")
        cluster = Cluster(find_access(), "vision")
        deploys: list[Taken] = []
        hands: list[Taken] = []
        for number in range(RUNS):
            app = f"by-hand-{number}"
            workload = {"kind": "modelApi", "name": app, "port": 8000, "cpu": 0.1, "memoryGib": 0.25}
            bodies = render({**workload, "replicas": {"min": 1, "max": 1}}, IMAGE, offered_in(cluster), "vision")
            hands.append(taken(partial(by_hand, cluster, app, folder, [dict(body) for body in bodies])))
            deploys.append(taken(partial(by_deploy, f"by-deploy-{number}", folder)))
        deploy, hand = (statistics.median(each.seconds for each in side) for side in (deploys, hands))
        of_deploy, of_hand = (statistics.median(each.user_seconds for each in side) for side in (deploys, hands))
        whose = (
            "kubectl"
            if (os.environ.get("KUBECTL") or shutil.which("kubectl"))
            else "the same requests, without a program's start"
        )
        print(f"bedplate deploy  {deploy:.2f} s, {of_deploy:.2f} s of user CPU")
        print(f"{whose}  {hand:.2f} s, {of_hand:.2f} s of user CPU\nratio  {deploy / hand:.2f}")


if __name__ == "__main__":
    main()
