"""What people and programs read: trees and tables, or JSON with stable names."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bedplate.engine.resources import RELEASE_TYPE, STACK_TYPE
from bedplate.kubernetes import NewApiKey
from bedplate.plans.difference import Difference, ResourceChange
from bedplate.plans.project import stack_name
from bedplate.plans.protection import Loss
from bedplate.rehearsal.report import OperatorNotRun, RehearsalReport
from bedplate.stack_file.reading import Stack, StackFileError

_CHART_KEYS = ("name", "namespace", "chart", "version")
_PIPE_WIDTH = 200
"""Columns where there is no terminal: wide enough that nothing is cut."""
_out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
_err = Console(highlight=False, stderr=True, soft_wrap=True)
Shown = Mapping[str, Any]


def print_json(value: object) -> None:
    """The value on standard output, and nothing else there."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def error(text: str) -> None:
    """A failure on standard error."""
    _err.print(Text(text, style="red"))


class Progress:
    """Lines on standard error that say what is going on, with the seconds since the start."""

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def step(self, text: str) -> None:
        """One line."""
        seconds = time.monotonic() - self._started
        _err.print(Text(f"{seconds:6.1f} s  ", style="dim") + Text(text))


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


def check_result(stack: Stack) -> None:
    """A table of the tenants: what somebody who wrote the file wants to see confirmed."""
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
    _out.print(f"\nNext: bedplate rehearse {stack.file}", style="dim")


def plan(stack: Stack, resources: Sequence[Shown]) -> dict[str, Any]:
    """A plan with stable names. charts: what Helm installs. summary: how many resources in all, and by type."""
    ordered = sorted(resources, key=lambda resource: str(resource["urn"]))
    types = Counter(str(resource["type"]) for resource in ordered)
    charts = [_chart(resource) for resource in ordered if resource["type"] == RELEASE_TYPE]
    summary = {
        "resources": len(ordered),
        "charts": len(charts),
        "tenants": len(stack.spec.tenants),
        "workloads": sum(len(tenant.workloads) for tenant in stack.spec.tenants),
        "types": dict(sorted(types.items())),
    }
    return {"stack": stack_name(stack.file), "resources": ordered, "charts": charts, "summary": summary}


def _chart(release: Shown) -> dict[str, str]:
    return {"release" if key == "name" else key: str(release["inputs"][key]) for key in _CHART_KEYS}


def plan_tree(shown: Shown) -> None:
    """The plan as a tree: components open, their objects counted by kind."""
    children: dict[str, list[Shown]] = {}
    for resource in shown["resources"]:
        children.setdefault(str(resource["parent"]), []).append(resource)
    root = next(resource for resource in shown["resources"] if resource["type"] == STACK_TYPE)
    tree = Tree(f"[bold]{escape(str(shown['stack']))}[/bold]")
    _grow(tree, str(root["urn"]), children)
    _out.print(tree)
    summary = shown["summary"]
    counts = ", ".join(f"{summary[name]} {name}" for name in ("resources", "charts", "tenants", "workloads"))
    _out.print(f"\n{counts}", style="bold")


def _grow(tree: Tree, urn: str, children: Mapping[str, Sequence[Shown]]) -> None:
    objects = [child for child in children.get(urn, []) if str(child["urn"]) not in children]
    for child in children.get(urn, []):
        if str(child["urn"]) in children:
            kind = str(child["type"]).rpartition(":")[2]
            _grow(tree.add(f"{escape(str(child['name']))} [cyan]{kind}[/cyan]"), str(child["urn"]), children)
    for release in (child for child in objects if child["type"] == RELEASE_TYPE):
        tree.add(
            f"{escape(str(release['inputs']['chart']))} [magenta]{escape(str(release['inputs']['version']))}[/magenta]"
        )
    kinds = Counter(str(child["type"]).rpartition(":")[2] for child in objects if child["type"] != RELEASE_TYPE)
    if kinds:
        counts = (kind if count == 1 else f"{count} {kind}" for kind, count in sorted(kinds.items()))
        tree.add(f"[dim]{', '.join(counts)}[/dim]")


def changes(found: Difference, lost: Sequence[Loss]) -> dict[str, Any]:
    """A difference with stable names, and what the guard refuses of it."""
    return {**asdict(found), "refused": refused(lost)}


def refused(lost: Sequence[Loss]) -> list[dict[str, Any]]:
    """What the guard refuses, with stable names."""
    return [asdict(loss) for loss in lost]


def refusal(lost: Sequence[Loss]) -> None:
    """What the guard refuses, each with the fields that cause it and the ways on; on standard error."""
    for loss in lost:
        what = "replaced" if loss.action == "replace" else "deleted"
        _err.print(Text(f"\n✗ {loss.name} ({loss.type}) would be {what}", style="bold red"))
        for title, entries in (("because of", loss.fields), ("stack file", loss.causes)):
            if entries:
                _err.print(Text(f"  {title}: {', '.join(entries)}"))
    _err.print(
        Text(
            f"\n{len(lost)} resources that must not be lost. Undo the change, or, if it is meant and nothing of value "
            "is in them, name each with --allow NAME and lift its protection: pulumi state unprotect URN"
        )
    )


def change_tree(found: Difference, revision: str) -> None:
    """The difference as a tree, with the fields that changed."""
    if found.is_empty:
        _out.print(f"no change against {escape(revision)}", style="green")
        return
    tree = Tree(f"[bold]against {escape(revision)}[/bold]")
    for urn in found.created:
        tree.add(f"[green]+ {escape(_short(urn))}[/green]")
    for sign, style, resources in (("~", "yellow", found.updated), ("± replace", "red", found.replaced)):
        for resource in resources:
            _add_fields(tree.add(f"[{style}]{sign} {escape(_short(resource.urn))}[/{style}]"), resource)
    for urn in found.deleted:
        tree.add(f"[red]- {escape(_short(urn))}[/red]")
    for renaming in found.renamed:
        tree.add(f"[dim]{escape(_short(renaming.before))} is now {escape(_short(renaming.after))}[/dim]")
    _out.print(tree)
    _out.print(
        f"\n{len(found.created)} created, {len(found.updated)} changed, "
        f"{len(found.replaced)} replaced, {len(found.deleted)} deleted",
        style="bold",
    )


def _add_fields(branch: Tree, resource: ResourceChange) -> None:
    for change in resource.fields:
        before, after = json.dumps(change.before), json.dumps(change.after)
        branch.add(Text(f"{change.path}: {before} → {after}", style="dim"))


def _short(urn: str) -> str:
    kind, name = urn.split("::")[2:4]
    return f"{kind.rpartition(':')[2]} {name}"


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
        ("objects accepted", str(report.applied), seconds.get("apply")),
        ("pods ready or finished", f"{pods.ready} of {pods.expected}", seconds.get("pods")),
        ("changed by a second run", str(report.changed), seconds.get("secondRun")),
        ("rollouts complete", f"{report.rollout.complete} of {report.rollout.workloads}", seconds.get("rollout")),
        (f"removed with tenant {report.removed_tenant or '–'}", str(report.removed), seconds.get("tenantRemoval")),
        ("changed for other tenants", str(report.others_changed), None),
        ("left after teardown", str(report.left), seconds.get("teardown")),
        ("disks kept, as the stack says", str(len(report.retained)), None),
        ("operators that did not run", str(len(report.operators)), seconds.get("definitions")),
        ("in all", "", seconds.get("total")),
    )
    for name, value, taken in rows:
        table.add_row(name, value, f"{taken:.1f} s" if taken is not None else "")
    _out.print(table)
    if report.retained:
        _out.print(Text(f"kept: {', '.join(report.retained)}", style="dim"))
    for operator in report.operators:
        _out.print(Text(_not_run(operator), style="dim"))
    for problem in report.problems:
        _out.print(Text(f"\n✗ {problem.object}", style="bold red"))
        _out.print(Text(f"  {problem.reason}\n  fix: {problem.fix}"))
    if report.is_well:
        _out.print("\nAll is well.", style="bold green")
    else:
        _out.print(f"\n{len(report.problems)} problems.", style="bold red")


def _not_run(operator: OperatorNotRun) -> str:
    kinds = (
        ("defined by a stand-in", operator.stand_ins),
        ("defined as upstream does", operator.real),
        ("defined before", operator.found),
    )
    said = ", ".join(f"{count} kinds {how}" for how, count in kinds if count) or "it brings no kinds"
    whose = "provided by the cluster's owner, not run" if operator.provided else "not run"
    return f"{whose}: {operator.release} {operator.version}, {said}"
