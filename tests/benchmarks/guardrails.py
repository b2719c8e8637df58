"""What the guardrails cost: the time of creating Jobs in a tenant with them, and in one that they do not see.

`make benchmark-guardrails` prints the table. Both tenants are alike (quotas, defaults, Pod Security) but for the label
by which the policy finds tenants, and stand on one embedded cluster; the sides take turns, a few Jobs at a time, so
that whatever else the machine does slows both. A Job is one request after the other, as `kubectl` and controllers send
them; the time until the Jobs' controller made all pods is measured too, because pods are judged as well. On a machine
that is busy with other things the server's own processor time says more than the clock.

`--cost` prints what the API server accounts for one policy, of its budget of 10,000,000
(https://github.com/kubernetes/apiserver/blob/v0.35.4/pkg/apis/cel/config.go). It needs Go, and minutes to build.
"""

import argparse
import copy
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, items
from bedplate.engine.engine import RecordingBackend, run
from bedplate.labels import TENANT
from bedplate.rehearsal.applying import apply
from cluster.guardrails.guarded import (
    GUARDED,
    LIMITS,
    Manifest,
    image,
    in_namespace,
    manifest,
    nothing,
    refusal,
    sidecar,
)
from harness import ROOT, objects, platform, program, tenant

WITHOUT = "unseen"
_JOBS, _AT_ONCE = 300, 25
_WAIT_SECONDS = 60


def silent(_line: str) -> None:
    pass


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {_WAIT_SECONDS} s: {what}")
        time.sleep(0.02)


def prepare(api: ApiServer) -> None:
    """Both tenants; the policy is enforced in one of them."""
    quota = {"cpu": 10_000, "memoryGib": 100_000, "jobs": 10_000, "pods": 10_000, "scratchGib": 100_000}
    stack = platform(tenant(GUARDED, quota=quota), tenant(WITHOUT, quota=quota), guardrails=LIMITS)
    applied = apply(api, run(program(stack), RecordingBackend(), is_preview=False).resources)
    if applied.problems:
        raise SystemExit(str(applied.problems))
    namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": WITHOUT}}
    # Taken away as somebody else would: a merge with null.
    api.merge(namespace, {"metadata": {"labels": {TENANT: None}}})
    bad = manifest("Job", image("docker.io/evil/app:1"))
    until(lambda: refusal(api, bad), "the rules are enforced")
    until(lambda: not refusal(api, in_namespace(bad, WITHOUT)), "the other tenant is not judged")


def server_seconds() -> float:
    """Processor time of the API server so far."""
    for process in psutil.Process().children(recursive=True):
        if "kube-apiserver" in process.cmdline():
            times = process.cpu_times()
            return times.user + times.system
    raise SystemExit("no API server runs")


def create(calls: ClusterApi, namespace: str, body: Manifest, number: int) -> tuple[float, float, float]:
    """Seconds of so many requests, until their pods are there, and of the server's processor until then."""
    path, bodies = f"/apis/batch/v1/namespaces/{namespace}/jobs", list[Manifest]()
    for _ in range(number):
        each = in_namespace(copy.deepcopy(body), namespace)
        each["metadata"]["name"] = f"run-{time.perf_counter_ns()}"
        bodies.append(each)
    worked, started = server_seconds(), time.perf_counter()
    for each in bodies:
        calls.call("post", path, body=each)
    requested = time.perf_counter() - started
    pods = f"/api/v1/namespaces/{namespace}/pods"
    until(lambda: len(items(calls.get(pods))) >= number, "the pods of the Jobs")
    finished, worked = time.perf_counter() - started, server_seconds() - worked
    calls.call("delete", path, body={"propagationPolicy": "Background"})
    until(lambda: not items(calls.get(path)) and not items(calls.get(pods)), "the Jobs are gone")
    return requested, finished, worked


def measure(calls: ClusterApi, body: Manifest, jobs: int) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds of each turn, by side."""
    turns: dict[str, list[tuple[float, float, float]]] = {GUARDED: [], WITHOUT: []}
    for side in turns:
        create(calls, side, body, _AT_ONCE)
    for turn in range(jobs // _AT_ONCE):
        for side in sorted(turns, reverse=bool(turn % 2)):
            turns[side].append(create(calls, side, body, _AT_ONCE))
    return turns


def report(turns: dict[str, list[tuple[float, float, float]]]) -> None:
    """The table: seconds of all turns together, and the median of the turns' ratios."""
    table = Table(title=f"Creating {len(turns[GUARDED]) * _AT_ONCE} Jobs", title_justify="left", box=None)
    for heading in ("", "without s", "with s", "ratio", "median of turns"):
        table.add_column(heading, justify="right")
    for index, name in enumerate(("requests", "until all pods", "server's processor")):
        without, guarded = ([turn[index] for turn in turns[side]] for side in (WITHOUT, GUARDED))
        ratios = [one / other for one, other in zip(guarded, without, strict=True)]
        ratio = sum(guarded) / sum(without)
        row = (f"{sum(without):.2f}", f"{sum(guarded):.2f}", f"{ratio:.2f}", f"{statistics.median(ratios):.2f}")
        table.add_row(name, *row)
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    console = Console(width=120)
    console.print(table)
    console.print(f"this revision: {revision.stdout.strip()}")


def large(containers: int, of_each: int) -> Manifest:
    """A Job of so many containers, with so many variables and a fifth as many mounts each."""
    body = manifest("Job", nothing)
    spec = body["spec"]["template"]["spec"]
    (first,) = spec["containers"]
    first["resources"] = {"requests": {"cpu": "10m", "memory": "10Mi"}, "limits": {"memory": "10Mi"}}
    first["env"] = [{"name": f"VARIABLE_{number}", "value": "x"} for number in range(of_each)]
    first["volumeMounts"] = [{"name": "data", "mountPath": f"/{number}"} for number in range(of_each // 5)]
    spec["volumes"] = [{"name": "data", "emptyDir": {}}]
    spec["containers"] = [{**first, "name": f"c{number}"} for number in range(containers)]
    return body


def report_costs() -> None:
    """The table of costs, of a Job as people write it, one with two containers, and ever larger ones."""
    recording = run(program(platform(tenant(GUARDED), guardrails=LIMITS)), RecordingBackend(), is_preview=True)
    policy, namespace = (
        next(dict(found.inputs) for found in objects(recording, kind) if found.inputs["metadata"]["name"] == name)
        for kind, name in (("ValidatingAdmissionPolicy", "bedplate-guardrails"), ("Namespace", GUARDED))
    )
    jobs = {
        "as people write it": manifest("Job", nothing),
        "with a sidecar": manifest("Job", sidecar(cpu="1", memory="1Gi")),
        "10 containers, 100 variables each": large(10, 100),
        "100 containers, 100 variables each": large(100, 100),
        "100 containers, 250 variables each": large(100, 250),
    }
    table = Table(title="Cost of the guardrails, of 10,000,000", title_justify="left", box=None)
    for heading in ("Job", "KiB", "validation", "message", "most of one variable, of 1,000,000"):
        table.add_column(heading, justify="right")
    for (name, body), costs in zip(jobs.items(), _costs(policy, namespace, *jobs.values()), strict=True):
        both = {key: costs.pop(key) for key in ("validation", "message", "refusal")}
        row = (f"{len(json.dumps(body)) / 1024:.0f}", f"{both['validation']:,}", f"{both['message']:,}")
        table.add_row(name, *row, f"{max(costs.values()):,}")
    Console(width=120).print(table)


def _costs(*bodies: Any) -> list[dict[str, int]]:
    """What `guardrail_cost` says of policy, namespace and Jobs; built with what the control plane is built with."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(Path(__file__).parent / "guardrail_cost" / "main.go", folder)
        for file in ("go.mod", "go.sum"):
            shutil.copy(ROOT / "components/bedplate/programs/go/control-plane" / file, folder)
        files = [folder / f"{number}.json" for number in range(len(bodies))]
        for file, body in zip(files, bodies, strict=True):
            file.write_text(json.dumps(body))
        command = ["go", "run", "-mod=mod", "-trimpath", ".", *map(str, files)]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        output = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in output.stdout.splitlines()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=_JOBS)
    parser.add_argument("--cost", action="store_true")
    arguments = parser.parse_args()
    if arguments.cost:
        report_costs()
        sys.exit()
    with embedded_cluster(silent) as access:
        prepare(ApiServer(access))
        try:
            report(measure(ClusterApi(access.kubeconfig, access.context), manifest("Job", nothing), arguments.jobs))
        except ApiError as error:
            raise SystemExit(f"a Job was refused: {error.reason}") from error
