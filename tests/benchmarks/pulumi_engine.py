"""Time, memory and state of the real Pulumi engine by the number of tenants, on a simulated cluster of this machine.

`make benchmark-engine` prints the table. Each row is one stack, or several that share the tenants (`--split`), brought
up from nothing, brought up again unchanged, and once more with one tenant added: the last update is what people wait
for day by day. With checkpoints Pulumi writes the state after each step; without (PULUMI_SKIP_CHECKPOINTS) once, at the
end. Needs the Pulumi CLI and its Kubernetes provider; the backend is a folder.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.embedded_cluster.cluster import WITHOUT_WEBHOOKS, embedded_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.rehearsal.rehearse import simulated_pools, storage_classes
from engine.charts import write_charts
from engine.project import Project, Stack
from engine.toolchain import toolchain
from harness import job, model_api, platform, spec, tenant

SIZES = (5, 50, 200)
_SAMPLE_SECONDS = 0.2
_STOP_SECONDS = 3600
_PARTS = {"pulumi": "engine", "pulumi-resource-kubernetes": "provider", "python": "program", "python3": "program"}


def tenant_of(number: int) -> dict[str, Any]:
    """A tenant with six workloads, as the benchmark of rehearsals has them."""
    return tenant(
        f"team-{number:03d}",
        *(model_api(f"api-{each}", cpu=0.5) for each in range(3)),
        *(job(f"job-{each}", schedule="0 1 1 1 *") for each in range(3)),
    )


def platform_of(tenants: int, **changes: Any) -> dict[str, Any]:
    """A platform whose tenants stand in a folder, with nodes for that many."""
    written = platform(**changes)
    written["nodePools"]["general"] = {"machine": {"cpu": 64, "memoryGib": 256}, "min": 3, "max": 3 + tenants // 5}
    return written


@dataclass
class Run:
    """Seconds, and the peak memory of each part in MiB."""

    seconds: float = 0.0
    peaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __add__(self, other: "Run") -> "Run":
        peaks = {part: max(self.peaks.get(part, 0), other.peaks.get(part, 0)) for part in {*self.peaks, *other.peaks}}
        return Run(seconds=self.seconds + other.seconds, peaks=peaks)


def up(stack: Stack, environment: Mapping[str, str]) -> Run:
    """One update, measured. Ends the benchmark with Pulumi's output where it fails or takes an hour."""
    result = Run()
    command = ["pulumi", "up", "-s", stack.name, "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive"]
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = psutil.Popen(
            command,
            cwd=stack.project.root,
            env={**stack.project.environment, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            for each in [process, *_children(process)]:
                _sample(each, result.peaks)
            if time.perf_counter() - started > _STOP_SECONDS:
                process.terminate()
            time.sleep(_SAMPLE_SECONDS)
        result.seconds = time.perf_counter() - started
        if process.returncode != 0:
            output.seek(0)
            raise SystemExit(f"{stack.name}: {output.read()[-4000:]}")
    return result


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _sample(process: psutil.Process, peaks: dict[str, float]) -> None:
    try:
        name = process.name()
        # The language host and the program have one name; the program is by far the larger.
        part = next(
            (_PARTS[known] for known in sorted(_PARTS, key=len, reverse=True) if name.startswith(known[:15])), ""
        )
        if part:
            peaks[part] = max(peaks[part], process.memory_info().rss / 2**20)
    except psutil.NoSuchProcess:
        pass


class Tenants:
    """Stacks that share tenants: one with all of them, or several, beside one with the services."""

    def __init__(self, project: Project, tenants: int, stacks: int) -> None:
        self._project, self._tenants = project, tenants
        if stacks == 1:
            self.stacks = [self._stack("whole", range(tenants))]
            return
        parts = [range(number, tenants, stacks) for number in range(stacks)]
        self.stacks = [
            self._stack("base", range(0), layers=["services"]),
            *(self._stack(f"part-{number}", part, layers=["tenants"]) for number, part in enumerate(parts)),
        ]

    def _stack(self, name: str, numbers: range, **changes: Any) -> Stack:
        folder = self._project.root / "stacks" / f"{name}-tenants"
        folder.mkdir()
        for number in numbers:
            self._write(folder, number)
        if numbers:
            changes["tenantsDir"] = folder.name
        return self._project.stack(name, {"config": {"bedplate:platform": platform_of(self._tenants, **changes)}})

    def _write(self, folder: Path, number: int) -> None:
        with (folder / f"team-{number:03d}.yaml").open("w") as stream:
            YAML().dump(tenant_of(number), stream)

    def add(self) -> Stack:
        """Writes one tenant more; returns the stack that has it."""
        stack = self.stacks[-1]
        self._write(stack.file.parent / f"{stack.name}-tenants", 999)
        return stack


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one way of keeping that many tenants costs."""

    tenants: int
    stacks: int
    has_checkpoints: bool
    resources: int
    whole: Run
    unchanged: Run
    added: Run
    state_kib: float


def measure(tenants: int, stacks: int, has_checkpoints: bool) -> Row:
    """On a cluster of its own."""
    environment = {} if has_checkpoints else {"PULUMI_SKIP_CHECKPOINTS": "true"}
    with ExitStack() as running:
        root = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bedplate-benchmark-")))
        for name in ("toolchain", "charts", "project"):
            (root / name).mkdir()
        access = running.enter_context(embedded_cluster(_silent, WITHOUT_WEBHOOKS, 6 * tenants))
        nodes = spec(platform_of(tenants))
        running.enter_context(simulated_cluster(access, simulated_pools(nodes), storage_classes(nodes), _silent))
        write_charts(root / "charts")
        programs = toolchain(root / "toolchain").environment(access.kubeconfig)
        os.environ["PATH"] = programs["PATH"]
        project = Project(root / "project", programs, root / "charts")
        kept = Tenants(project, tenants, stacks)
        whole = sum((up(stack, environment) for stack in kept.stacks), Run())
        unchanged = up(kept.stacks[-1], environment)
        added = up(kept.add(), environment)
        resources = sum(len(stack.state()) for stack in kept.stacks)
        state = project.root.parent / "state" / ".pulumi" / "stacks"
        sizes = [file.stat().st_size for file in state.rglob("*.json")]
        return Row(
            tenants=tenants,
            stacks=stacks,
            has_checkpoints=has_checkpoints,
            resources=resources,
            whole=whole,
            unchanged=unchanged,
            added=added,
            state_kib=max(sizes, default=0) / 1024,
        )


def _silent(_line: str) -> None:
    pass


def report(sizes: list[int], splits: list[int], checkpoints: list[bool]) -> None:
    """The table, a row as soon as it is there."""
    console = Console(width=180)
    table = Table(title="Pulumi with N tenants × 6 workloads", title_justify="left", box=None)
    for heading in (
        *("tenants", "stacks", "checkpoints", "resources", "up s", "unchanged s", "one added s", "added × up"),
        *("state MiB", "engine MiB", "provider MiB", "program MiB", "load"),
    ):
        table.add_column(heading, justify="right")
    for tenants in sizes:
        for stacks in splits:
            for has_checkpoints in checkpoints:
                row = measure(tenants, stacks, has_checkpoints)
                peaks = (row.whole + row.unchanged + row.added).peaks
                cells = [
                    *(f"{row.tenants}", f"{row.stacks}", "yes" if row.has_checkpoints else "no", f"{row.resources}"),
                    *(f"{run.seconds:.1f}" for run in (row.whole, row.unchanged, row.added)),
                    f"{row.added.seconds / row.whole.seconds:.2f}",
                    f"{row.state_kib / 1024:.1f}",
                    *(f"{peaks.get(part, 0):.0f}" for part in ("engine", "provider", "program")),
                    f"{os.getloadavg()[0]:.1f}",
                ]
                console.print(" ".join(cells), style="dim")
                table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, action="append", help="a size; repeatable")
    parser.add_argument("--split", type=int, action="append", help="into how many stacks; repeatable, 1 is one stack")
    parser.add_argument("--checkpoints", choices=("yes", "no", "both"), default="both")
    arguments = parser.parse_args()
    if shutil.which("pulumi") is None:
        raise SystemExit("the Pulumi CLI is not on PATH: https://www.pulumi.com/docs/install/")
    chosen = {"yes": [True], "no": [False], "both": [True, False]}[arguments.checkpoints]
    report(arguments.tenants or list(SIZES), arguments.split or [1], chosen)
