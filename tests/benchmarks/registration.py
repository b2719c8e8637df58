"""Time and memory of a preview, against the floor: the same objects registered as bare resources in the same run.

`make benchmark` prints the table. Each case runs in a process of its own; a row is the median of the runs. The floor is
given twice: as the plainest subclass of `pulumi.CustomResource`, and as the SDK's typed classes.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.engine.resources import revealed
from harness import MINIMAL, job, model_api, objects, platform, program, tenant

SIZES = {10: 3, 50: 3, 200: 1}
"""Tenants, and how often the case is measured."""

BARE = """
import json, pulumi
provider = pulumi.ProviderResource("kubernetes", "floor", {})
class Bare(pulumi.CustomResource):
    def __init__(self, token, name, properties, opts):
        super().__init__(token, name, properties, opts)
for token, name, body in json.load(open(%r)):
    Bare(token, name, body, pulumi.ResourceOptions(provider=provider))
"""
TYPED = """
import importlib, json, re, pulumi, pulumi_kubernetes
provider = pulumi_kubernetes.Provider("floor")
def class_of(token):
    group, version = token.split(":")[1].split("/")
    module = importlib.import_module(f"pulumi_kubernetes.{group.split('.')[0]}.{version}")
    return getattr(module, token.split(":")[2])
def snake(key):
    return re.sub("([A-Z])", r"_\\1", key).lower()
for token, name, body in json.load(open(%r)):
    fields = {snake(key): value for key, value in body.items() if key not in ("apiVersion", "kind")}
    class_of(token)(name, **fields, opts=pulumi.ResourceOptions(provider=provider))
"""


def stack_of(tenants: int) -> dict[str, Any]:
    """That many tenants with six workloads each."""
    workloads = [
        *(model_api(f"api-{number}", cpu=0.5) for number in range(3)),
        *(job(f"job-{number}", schedule="0 1 * * *") for number in range(3)),
    ]
    pools = {name: {**pool, "max": 1000} for name, pool in MINIMAL["nodePools"].items()}
    teams = (tenant(f"team-{number:03d}", *workloads) for number in range(tenants))
    return platform(*teams, nodePools=pools)


def measure(case: str, tenants: int) -> dict[str, float]:
    """One case in this process: seconds, resources, peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        subject = program(stack_of(tenants)) if case == "platform" else floor(case, tenants, Path(folder))
        started = time.perf_counter()
        recording = run(subject, RecordingBackend(), is_preview=True)
        seconds = time.perf_counter() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {"seconds": seconds, "resources": len(recording.resources), "peak_mib": peak_mib}


def floor(case: str, tenants: int, folder: Path) -> Program:
    """A program that registers the platform's objects as bare resources. They come from another process."""
    recorded = folder / "objects.json"
    subprocess.run([sys.executable, __file__, "--dump", str(recorded), "--tenants", str(tenants)], check=True)
    (folder / "__main__.py").write_text((BARE if case == "bare" else TYPED) % str(recorded))
    return Program(root=folder, folder=folder, project="floor", stack="floor", config={})


def dump(tenants: int, file: str) -> None:
    """Writes the platform's objects to a file."""
    recording = run(program(stack_of(tenants)), RecordingBackend(), is_preview=True)
    content = [[item.type, item.name, revealed(item.inputs)] for item in objects(recording)]
    Path(file).write_text(json.dumps(content))


def in_a_process(case: str, tenants: int) -> dict[str, float]:
    """The median over the case's runs."""
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--case", case, "--tenants", str(tenants)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(SIZES[tenants])
    ]
    return {key: statistics.median(measured[key] for measured in runs) for key in runs[0]}


def report() -> None:
    """The table."""
    table = Table(title="Preview of N tenants × 6 workloads, in one process", title_justify="left", box=None)
    headings = (
        "tenants",
        "resources",
        "s",
        "ms each",
        "peak MiB",
        "bare ms each",
        "× bare",
        "typed ms each",
        "× typed",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for tenants in SIZES:
        measured = {case: in_a_process(case, tenants) for case in ("platform", "bare", "typed")}
        each = {case: 1000 * figures["seconds"] / figures["resources"] for case, figures in measured.items()}
        table.add_row(
            str(tenants),
            f"{measured['platform']['resources']:.0f}",
            f"{measured['platform']['seconds']:.1f}",
            f"{each['platform']:.2f}",
            f"{measured['platform']['peak_mib']:.0f}",
            f"{each['bare']:.2f}",
            f"{each['platform'] / each['bare']:.2f}",
            f"{each['typed']:.2f}",
            f"{each['platform'] / each['typed']:.2f}",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=["platform", "bare", "typed"])
    parser.add_argument("--tenants", type=int, default=10)
    parser.add_argument("--dump")
    arguments = parser.parse_args()
    if arguments.dump:
        dump(arguments.tenants, arguments.dump)
    elif arguments.case:
        print(json.dumps(measure(arguments.case, arguments.tenants)))
    else:
        report()
