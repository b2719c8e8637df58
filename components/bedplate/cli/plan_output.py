"""What people and programs read of plans: a tree of bounded length, or JSON with stable names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from bedplate.cli.consoles import ERR, OUT, print_error
from bedplate.engine.resources import RELEASE_TYPE, STACK_TYPE
from bedplate.plans.disks import Disk
from bedplate.plans.project import stack_name
from bedplate.plans.protection import Loss
from bedplate.plans.pulumi_preview import PulumiPlan
from bedplate.stack_file.reading import Stack
from bedplate.wording import counted

Shown = Mapping[str, Any]
_FIX = "mend what the errors name, and run `pulumi preview --json` again"
_ACTIONS = {
    "replace": "replaced",
    "delete": "deleted",
    "unknown": "treated in a way that this version does not know",
}
_CHART_KEYS = ("name", "namespace", "chart", "version")
_OPEN = 20
"""So many components of one type are shown with what is in them, below one parent; of more, each is one line."""
_LISTED = 40
"""So many of one type, and so many refusals, are listed; the others are counted."""


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
    OUT.print(tree)
    summary = shown["summary"]
    counts = ", ".join(counted(summary[f"{noun}s"], noun) for noun in ("resource", "chart", "tenant", "workload"))
    OUT.print(f"\n{counts}", style="bold")


def _grow(tree: Tree, urn: str, children: Mapping[str, Sequence[Shown]]) -> None:
    objects = [child for child in children.get(urn, []) if str(child["urn"]) not in children]
    components = [child for child in children.get(urn, []) if str(child["urn"]) in children]
    alike = Counter(str(component["type"]) for component in components)
    listed: Counter[str] = Counter()
    for component in components:
        kind = str(component["type"])
        listed[kind] += 1
        if listed[kind] > _LISTED:
            continue
        label = f"{escape(str(component['name']))} [cyan]{kind.rpartition(':')[2]}[/cyan]"
        if alike[kind] <= _OPEN:
            _grow(tree.add(label), str(component["urn"]), children)
        else:
            tree.add(f"{label} [dim]{counted(_size(str(component['urn']), children), 'resource')}[/dim]")
    for kind, count in alike.items():
        if count > _LISTED:
            tree.add(f"[dim]… and {count - _LISTED:,} more {kind.rpartition(':')[2]}; all of them: -o json[/dim]")
    for release in (child for child in objects if child["type"] == RELEASE_TYPE):
        tree.add(
            f"{escape(str(release['inputs']['chart']))} [magenta]{escape(str(release['inputs']['version']))}[/magenta]"
        )
    kinds = Counter(str(child["type"]).rpartition(":")[2] for child in objects if child["type"] != RELEASE_TYPE)
    if kinds:
        tree.add(f"[dim]{kinds_line(dict(sorted(kinds.items())))}[/dim]")


def _size(urn: str, children: Mapping[str, Sequence[Shown]]) -> int:
    return sum(1 + _size(str(child["urn"]), children) for child in children.get(urn, ()))


def kinds_line(kinds: Mapping[str, int]) -> str:
    """`Namespace, 5 NetworkPolicy`."""
    return ", ".join(kind if count == 1 else f"{count:,} {kind}" for kind, count in kinds.items())


def refused(lost: Sequence[Loss]) -> list[dict[str, Any]]:
    """What the guard refuses, with stable names."""
    return [asdict(loss) for loss in lost]


def guarded(found: PulumiPlan, lost: Sequence[Loss], disks: Sequence[Disk]) -> dict[str, Any]:
    """The judgement over a plan of Pulumi, with stable names."""
    problems = [{"object": "", "reason": text, "fix": _FIX} for text in found.errors]
    return {
        "ok": not lost and not problems,
        "refused": refused(lost),
        "disks": [asdict(disk) for disk in disks],
        "problems": problems,
    }


def plan_errors(found: PulumiPlan) -> None:
    """Why a plan of Pulumi is not whole; on standard error."""
    for text in found.errors:
        print_error(f"✗ {text}")
    failed = f"the plan failed with {counted(len(found.errors), 'error')}: what else it would do is not known"
    print_error(f"{failed}\nFix: {_FIX}")


def refusal(lost: Sequence[Loss]) -> None:
    """What the guard refuses, each with the fields that cause it and the ways on; on standard error."""
    # What takes all else with it comes first, with the reason for all of it.
    for loss in sorted(lost, key=lambda loss: loss.disk is not None)[:_LISTED]:
        said = loss.disk.said if loss.disk else f"would be {_ACTIONS.get(loss.action, loss.action)}"
        ERR.print(Text(f"\n✗ {loss.name} ({loss.type}){':' if loss.disk else ''} {said}", style="bold red"))
        for title, entries in (("because of", loss.fields), ("stack file", loss.causes)):
            if entries:
                ERR.print(Text(f"  {title}: {', '.join(entries)}"))
    if len(lost) > _LISTED:
        ERR.print(Text(f"\n… and {len(lost) - _LISTED:,} more; all of them: -o json"))
    meant = "Undo the change, or, if it is meant and nothing of value is in them, name each with --allow NAME"
    is_unprotected_too = any(loss.disk is None for loss in lost)
    unprotect = " and lift its protection: pulumi state unprotect URN" if is_unprotected_too else ""
    ERR.print(Text(f"\n{counted(len(lost), 'resource')} that must not be lost. {meant}{unprotect}"))
