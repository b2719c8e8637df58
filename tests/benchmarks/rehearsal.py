"""Time and memory of rehearsals, against `kubectl apply --server-side` of their objects, and against another revision.

`make benchmark-rehearsal` prints the table; `BASE=FOLDER` adds a checkout of another revision, installed there. The
sizes are measured one after the other on this machine, each side in turn; a row is the median of the runs.
"""

import argparse
import json
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
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.rehearse import simulated_pools, storage_classes
from bedplate.stack_file.reading import PLATFORM_KEY
from harness import ROOT, job, model_api, objects, platform, program, spec, tenant

SIZES = (5, 50, 200)
_SAMPLE_SECONDS = 0.2
_KUBECTL_SECONDS = 3600


def stack_of(tenants: int) -> dict[str, Any]:
    """That many tenants with six workloads each, and nodes for all of them."""
    workloads = [
        *(model_api(f"api-{number}", cpu=0.5) for number in range(3)),
        *(job(f"job-{number}", schedule="0 1 1 1 *") for number in range(3)),
    ]
    stack = platform(*(tenant(f"team-{number:03d}", *workloads) for number in range(tenants)))
    stack["nodePools"]["general"] = {"machine": {"cpu": 64, "memoryGib": 256}, "min": 3, "max": 3 + tenants // 5}
    return stack


def rehearse(root: Path, tenants: int) -> dict[str, float]:
    """One rehearsal by the revision in a folder: seconds, objects, peak memory of its process and of the cluster's."""
    peak, cluster_peak = 0, 0
    with tempfile.TemporaryDirectory(dir=root, prefix=".benchmark-") as folder, tempfile.TemporaryFile("w+") as output:
        file = Path(folder) / "Pulumi.benchmark.yaml"
        _write(file, stack_of(tenants))
        command = [str(root / ".venv/bin/bedplate"), "rehearse", str(file), "-o", "json"]
        started = time.perf_counter()
        process = psutil.Popen(command, cwd=root, stdout=output, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
                children = [child.memory_info().rss for child in process.children(recursive=True)]
                cluster_peak = max(cluster_peak, sum(children))
            except psutil.NoSuchProcess:
                pass
            time.sleep(_SAMPLE_SECONDS)
        seconds = time.perf_counter() - started
        output.seek(0)
        report = json.load(output)
    if not report["ok"]:
        raise SystemExit(f"{root}: the rehearsal fell short: {json.dumps(report['problems'][:3], indent=2)}")
    return {
        "seconds": seconds,
        "apply": report["seconds"]["apply"],
        "objects": report["applied"],
        "peak_mib": peak / 2**20,
        "cluster_peak_mib": cluster_peak / 2**20,
    }


def _write(file: Path, stack: dict[str, Any]) -> None:
    """The stack file, and a file for each tenant beside it: 200 of them in one are more than a program can be given."""
    yaml, folder = YAML(), file.parent / "tenants"
    folder.mkdir()
    for each in stack["tenants"]:
        yaml.dump(each, folder / f"{each['name']}.yaml")
    yaml.dump({"config": {PLATFORM_KEY: {**stack, "tenants": [], "tenantsDir": folder.name}}}, file)


def kubectl_apply(tenants: int) -> float:
    """Seconds of `kubectl apply --server-side` for the same objects, on a cluster like the rehearsal's."""
    data = stack_of(tenants)
    recording = run(program(data), RecordingBackend(), is_preview=False)
    with embedded_cluster(_silent, workloads=6 * tenants) as access:
        platform_spec = spec(data)
        with simulated_cluster(access, simulated_pools(platform_spec), storage_classes(platform_spec), _silent):
            Definitions(ApiServer(access)).create(recording)
            return _applied_by_kubectl(access, [manifest_of(resource) for resource in objects(recording)])


def _applied_by_kubectl(access: ClusterAccess, bodies: list[dict[str, Any]]) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": bodies}, file)
        file.flush()
        command = ["kubectl", f"--kubeconfig={access.kubeconfig}", "apply", "--server-side", f"--filename={file.name}"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_KUBECTL_SECONDS)
        return time.perf_counter() - started


def _silent(_line: str) -> None:
    pass


def measure(tenants: int, runs: int, base: Path | None, with_kubectl: bool) -> dict[str, float]:
    """The medians of one size; the sides take turns."""
    figures: dict[str, list[float]] = {}
    for _ in range(runs):
        sides = {"": rehearse(ROOT, tenants)}
        if base is not None:
            sides["base_"] = rehearse(base, tenants)
        for side, measured in sides.items():
            for key, value in measured.items():
                figures.setdefault(side + key, []).append(value)
        if with_kubectl:
            figures.setdefault("kubectl", []).append(kubectl_apply(tenants))
    return {key: statistics.median(values) for key, values in figures.items()}


def report(sizes: list[int], runs: int, base: Path | None) -> None:
    """The table."""
    with_kubectl = shutil.which("kubectl") is not None
    table = Table(title="Rehearsal of N tenants × 6 workloads", title_justify="left", box=None)
    headings = ["tenants", "objects", "apply s", "whole s", "peak MiB", "cluster MiB", "kubectl s", "apply × kubectl"]
    for heading in headings + (["base apply s", "base whole s", "whole × base"] if base else []):
        table.add_column(heading, justify="right")
    for tenants in sizes:
        measured = measure(tenants, runs, base, with_kubectl)
        row = [f"{tenants}", f"{measured['objects']:.0f}", f"{measured['apply']:.1f}", f"{measured['seconds']:.1f}"]
        row += [f"{measured['peak_mib']:.0f}", f"{measured['cluster_peak_mib']:.0f}"]
        if with_kubectl:
            row += [f"{measured['kubectl']:.1f}", f"{measured['apply'] / measured['kubectl']:.2f}"]
        else:
            row += ["no kubectl", "not measured"]
        if base:
            row += [f"{measured['base_apply']:.1f}", f"{measured['base_seconds']:.1f}"]
            row += [f"{measured['seconds'] / measured['base_seconds']:.2f}"]
        table.add_row(*row)
    console = Console(width=160)
    console.print(table)
    for name, folder in (("this revision", ROOT), ("base", base)):
        if folder:
            revision = subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True
            )
            console.print(f"{name}: {revision.stdout.strip()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, action="append")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--base", type=Path)
    arguments = parser.parse_args()
    report(arguments.tenants or list(SIZES), arguments.runs, arguments.base)
