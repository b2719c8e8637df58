"""User CPU of each command, here and at another revision, side by side in one run.

`make benchmark AGAINST=REV` prints the table. The revision gets a checkout and an installation of its own, by its own
`make install`. The sides take turns; a figure is the least of the runs, since what else the machine does only adds.
CI and most images set PYTHONDONTWRITEBYTECODE; a desk does not, so both are measured, the second after a first run that
writes byte code.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.stack_file.documents import Document
from harness import ROOT, job, model_api
from pulumi_plans import digest

SECONDS_AT_MOST = 300
SWITCH = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Side:
    """A checkout with its installation."""

    commit: str
    folder: Path

    def seconds(self, arguments: list[str], *, is_switched_off: bool) -> float | None:
        """User CPU of a command and what it starts; None where this revision ends it with an error."""
        environment = {key: value for key, value in os.environ.items() if key not in (SWITCH, "PYTHONPYCACHEPREFIX")}
        if is_switched_off:
            environment[SWITCH] = "1"
        before = os.times().children_user
        done = subprocess.run(
            [self.folder / ".venv" / "bin" / "bedplate", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            timeout=SECONDS_AT_MOST,
            check=False,
        )
        return os.times().children_user - before if done.returncode == 0 else None


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, by its name in the table. folder: for the files it takes."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(digest()))
    large = large_stack(folder / "large", tenants=200)
    return {
        "--help": ["--help"],
        "--version": ["--version"],
        "check local": ["check", "local"],
        "guard PLAN": ["guard", str(plan)],
        **{f"preview {stack}": ["preview", stack] for stack in ("local", "aws", "azure", "gcp")},
        "preview local --against HEAD": ["preview", "local", "--against", "HEAD"],
        "check 200 tenants × 6 workloads": ["check", str(large)],
    }


def large_stack(folder: Path, tenants: int) -> Path:
    """A stack file with that many tenants of six workloads each, a file each: the example's, multiplied."""
    yaml, stacks = YAML(typ="safe"), ROOT / "stacks"
    config = Document.read(stacks / "Pulumi.aws.yaml").data["config"]
    platform = config["bedplate:platform"]
    one = platform["tenants"][0]
    registry = platform["guardrails"]["approvedImages"][0]
    workloads = [
        {**given, "image": f"{registry}ranking:1.4.0"}
        for number in range(3)
        for given in (model_api(f"api-{number}", cpu=0.25), job(f"job-{number}", schedule="0 1 * * *"))
    ]
    quota = {"cpu": 1000, "memoryGib": 4000, "pods": 500}
    (folder / "teams").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: ml-platform\nruntime: python\nmain: .\n")
    for number in range(tenants):
        tenant = {key: one[key] for key in ("groups", "owner")} | {"name": f"team-{number:03d}", "quota": quota}
        with (folder / "teams" / f"team-{number:03d}.yaml").open("w") as file:
            yaml.dump({**tenant, "workloads": workloads}, file)
    del platform["tenants"]
    platform["tenantsDir"] = "teams"
    with (folder / "Pulumi.large.yaml").open("w") as file:
        yaml.dump({"config": config}, file)
    return folder / "Pulumi.large.yaml"


def least(sides: list[Side], arguments: list[str], runs: int, *, is_switched_off: bool) -> list[float | None]:
    """The least of the runs of each side, taken in turns."""
    figures: list[list[float | None]] = [[] for _ in sides]
    for _ in range(runs):
        for side, measured in zip(sides, figures, strict=True):
            measured.append(side.seconds(arguments, is_switched_off=is_switched_off))
    return [min((value for value in measured if value is not None), default=None) for measured in figures]


def report(sides: list[Side], runs: int) -> None:
    """The table."""
    table = Table(title="User CPU of commands, in seconds", title_justify="left", box=None)
    for heading in ("command", "byte code", *(side.commit for side in sides), *(["ratio"] if len(sides) > 1 else [])):
        table.add_column(heading, justify="left" if heading in ("command", "byte code") else "right")
    with tempfile.TemporaryDirectory() as folder:
        measured_commands = commands(Path(folder))
        for is_switched_off in (True, False):
            for name, arguments in measured_commands.items():
                if not is_switched_off:
                    least(sides, arguments, 1, is_switched_off=False)  # writes byte code
                figures = least(sides, arguments, runs, is_switched_off=is_switched_off)
                cells = ["fails" if figure is None else f"{figure:.2f}" for figure in figures]
                if len(sides) > 1:
                    there, here = figures
                    cells.append(f"{here / there:.2f}" if here and there else "")
                table.add_row(name, "as installed" if is_switched_off else "written", *cells)
                print(name, *cells, file=sys.stderr, flush=True)
    Console(width=140).print(table)


def commit_of(revision: str) -> str:
    """Short name of a commit."""
    return _git("rev-parse", "--short", revision).strip()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True).stdout


def compare(revision: str | None, runs: int) -> None:
    """Measures this checkout, after the other revision's where one is given."""
    is_changed = bool(_git("status", "--porcelain"))
    here = Side(commit_of("HEAD") + ("+changes" if is_changed else ""), ROOT)
    if revision is None:
        report([here], runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        there = Side(commit_of(revision), Path(folder) / "there")
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(there.folder)], check=True)
        subprocess.run(["git", "-C", str(there.folder), "checkout", "--quiet", there.commit], check=True)
        subprocess.run(["make", "--silent", "install"], cwd=there.folder, check=True)
        report([there, here], runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", metavar="REV")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    compare(given.against, given.runs)
