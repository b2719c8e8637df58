"""What people and programs read of checks and rehearsals: tables, or JSON with stable names."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bedplate.cli import consoles
from bedplate.kubernetes import NewApiKey
from bedplate.rehearsal.report import OperatorNotRun, RehearsalReport
from bedplate.stack_file.reading import Stack, StackFileError
from bedplate.starter.starter import NewProject
from bedplate.wording import counted

_out, _err = consoles.OUT, consoles.ERR


def stack_problems(problems: StackFileError) -> list[dict[str, Any]]:
    """The mistakes of a stack file, with stable names."""
    return [asdict(problem) for problem in problems.problems]


def api_key(made: NewApiKey) -> None:
    """The key, and what to do with it and with its hash."""
    _out.print(Text(made.key, style="bold"))
    _err.print(
        "Give it to the caller by a way that keeps secrets; it is shown this once, and stored nowhere.", style="dim"
    )
    _err.print("In the stack file, below `apiKeys:` of the workload's route:", style="dim")
    _out.print(f"- {{name: {made.name}, sha256: {made.sha256}}}")
    _err.print("Or in bedplate.toml, below `[app.route]`:", style="dim")
    _err.print(f'apiKeys = [{{name = "{made.name}", sha256 = "{made.sha256}"}}]', markup=False)


def other_library(revision: str, pinned: str) -> None:
    """A difference between stack files alone, although the library changes too."""
    _err.print(
        f"{revision} pins bedplate {pinned}, and both sides are previewed with {version('bedplate')}: what the library "
        "itself changes is not shown; `pulumi preview` shows it.",
        style="yellow",
    )


def new_project(project: NewProject, written: Sequence[Path]) -> None:
    """What was written, and what to do with it."""
    folder, stack = shlex.quote(str(project.folder)), project.stack
    _out.print(
        f"wrote {counted(len(written), 'file')} to {project.folder}\n\n  cd {folder}", soft_wrap=True, markup=False
    )
    extra = project.extra_to_install()
    for command, purpose in (
        *([(f"pip install '{extra}'", "the cloud's SDK, if `pip` is what you install with")] if extra else []),
        (f"bedplate check {stack}", "every mistake at once, with its line"),
        (f"bedplate preview {stack}", "what it is made of"),
        (f"bedplate rehearse {stack}", "on a throw-away API server; needs Go, or --context"),
        ("git init && make install", "pins this version, from where pyproject.toml says; commit uv.lock"),
    ):
        _out.print(f"  {command:<38}{purpose}", markup=False)
    _out.print(
        f"\nYours to change: stacks/Pulumi.{stack}.yaml, stacks/{stack}-tenants/, .github/CODEOWNERS. "
        "README.md says how to go live.",
        soft_wrap=True,
    )


def check_result(stack: Stack, advice: Sequence[Mapping[str, str]]) -> None:
    """A table of the tenants: what somebody who wrote the file wants to see confirmed. advice: what grows too large."""
    table = Table(title=f"{stack.file} is valid", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("Tenant", "Groups", "CPU", "GiB", "GPUs", "Workloads"):
        table.add_column(heading, justify="right" if heading in ("CPU", "GiB", "Workloads") else "left")
    for tenant in stack.spec.tenants:
        table.add_row(
            stack.spec.namespace(tenant.name),
            escape(", ".join(tenant.groups)),
            f"{tenant.quota.cpu:g}",
            f"{tenant.quota.memory_gib:g}",
            "\n".join(f"{count} × {accelerator}" for accelerator, count in tenant.quota.gpus.items()) or "–",
            str(len(tenant.workloads)),
        )
    _out.print(table)
    for each in advice:
        _out.print(f"\n{each['message']}\nFix: {each['fix']}", markup=False, highlight=False)
    _out.print(f"\nNext: bedplate rehearse {stack.file}", style="dim")


def rehearsal_result(report: RehearsalReport) -> None:
    """The report as a table, then each problem with its fix."""
    title = f"Rehearsal of {report.stack} on Kubernetes {report.cluster_version} ({report.cluster_source})"
    _out.print(title, style="bold")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    pods, seconds = report.pods, report.seconds
    rows = (
        ("definitions accepted", str(report.definitions), seconds.get("definitions")),
        ("objects accepted", str(report.applied), seconds.get("apply")),
        ("pods ready or finished", f"{pods.ready} of {pods.expected}", seconds.get("pods")),
        ("changed by a second run", str(report.changed), seconds.get("secondRun")),
        ("rollouts complete", f"{report.rollout.complete} of {report.rollout.workloads}", seconds.get("rollout")),
        *([("operators looked at", "", seconds["operators"])] if "operators" in seconds else []),
        (f"removed with tenant {report.removed_tenant or '–'}", str(report.removed), seconds.get("tenantRemoval")),
        ("changed for other tenants", str(report.others_changed), None),
        *([("nodes waited for", "", seconds["nodes"])] if "nodes" in seconds else []),
        ("left after teardown", str(report.left), seconds.get("teardown")),
        ("disks kept, as the stack says", str(len(report.retained)), None),
        *([("operators that ran", str(len(report.ran)), None)] if report.ran else []),
        ("operators that did not run", str(len(report.operators)), None),
        ("in all", "", seconds.get("total")),
    )
    for name, value, taken in rows:
        table.add_row(name, value, f"{taken:.1f} s" if taken is not None else "")
    _out.print(table)
    if report.retained:
        _out.print(Text(f"kept: {', '.join(report.retained)}", style="dim"))
    for ran in report.ran:
        without = f" (without {ran.without})" if ran.without else ""
        _out.print(Text(f"ran: {ran.name}: {ran.work}{without}", style="dim"))
    for name, reason in report.only_simulated.items():
        _out.print(Text(f"only simulated: {name}, because {reason}", style="dim"))
    for operator in report.operators:
        _out.print(Text(_not_run(operator), style="dim"))
    if report.unmeasured_autoscalers:
        text = (
            f"not measured: {counted(report.unmeasured_autoscalers, 'autoscaler')} at the least number of pods, for the"
        )
        _out.print(Text(f"{text} cluster serves no metrics (metrics.k8s.io: metrics-server or the like)", style="dim"))
    for problem in report.problems:
        _out.print(Text(f"\n✗ {problem.object}", style="bold red"))
        _out.print(Text(f"  {problem.reason}\n  fix: {problem.fix}"))
    if report.is_well:
        _out.print("\nAll is well.", style="bold green")
    else:
        _out.print(f"\n{counted(len(report.problems), 'problem')}.", style="bold red")


def _not_run(operator: OperatorNotRun) -> str:
    kinds = (
        ("defined by a stand-in", operator.stand_ins),
        ("defined as upstream does", operator.real),
        ("defined before", operator.found),
    )
    said = ", ".join(f"{counted(count, 'kind')} {how}" for how, count in kinds if count) or "it brings no kinds"
    whose = "provided by the cluster's owner, not run" if operator.provided else "not run"
    because = f", because {operator.reason}" if operator.reason else ""
    return f"{whose}: {operator.release} {operator.version} in {operator.namespace}, {said}{because}"
