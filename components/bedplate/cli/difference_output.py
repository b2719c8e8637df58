"""What people and programs read of a difference: figures, data, then whose it is; of bounded length."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from bedplate.cli.consoles import OUT
from bedplate.cli.plan_output import kinds_line, refused
from bedplate.plans.difference import Difference, FieldChange
from bedplate.plans.digest import Entry, Renamed, Section
from bedplate.plans.disks import Disk
from bedplate.plans.figures import Figures
from bedplate.plans.protection import Loss
from bedplate.wording import counted

_LOOKS = {
    "created": ("+", "green"),
    "updated": ("~", "yellow"),
    "replaced": ("± replace", "red"),
    "deleted": ("-", "red"),
}
_SECTIONS, _ENTRIES, _FIELDS, _TEXT_LINES, _NAMES = 30, 20, 12, 24, 5
"""How many headings, changes below one, fields of one, lines of one text, and names in a row are shown."""
_LINES = 400
"""Lines in all; what does not fit is counted."""
_VALUE = 160
"""Characters of a value."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A difference with all that is said about it. found: the difference; before, after: figures of the stack.

    notes: what to do first.
    """

    found: Difference
    before: Figures
    after: Figures
    sections: Sequence[Section]
    renamed_tenants: Sequence[Renamed]
    disks: Sequence[Disk]
    lost: Sequence[Loss]
    notes: Sequence[str]


def changes(comparison: Comparison) -> dict[str, Any]:
    """A difference with stable names, what it does to data, and what the guard refuses of it."""
    return {
        **asdict(comparison.found),
        "refused": refused(comparison.lost),
        "summary": {"before": comparison.before.shown(), "after": comparison.after.shown()},
        "renamedTenants": [asdict(renamed) for renamed in comparison.renamed_tenants],
        "disks": [asdict(disk) for disk in comparison.disks],
        "notes": list(comparison.notes),
    }


def change_tree(comparison: Comparison, revision: str) -> None:
    """The difference for people: figures, data, then a tree by whose it is, and how much it is in all."""
    found = comparison.found
    if found.is_empty:
        OUT.print(f"no change against {escape(revision)}", style="green")
        return
    figures = ", ".join(_figures(comparison.before, comparison.after))
    OUT.print(Text(f"against {revision}" + (f": {figures}" if figures else ""), style="bold"))
    for text in _about_data(comparison):
        OUT.print(text)
    for note in comparison.notes:
        OUT.print(Text(note, style="yellow"))
    room = _Room(_LINES)
    tree = Tree("")
    shown = 0
    for section in comparison.sections[:_SECTIONS]:
        if not room.is_left:
            break
        _add_section(tree, section, room)
        shown += 1
    left = comparison.sections[shown:]
    if left:
        tree.add(Text(f"… and changes of {counted(len(left), 'more tenant')}; all of them: -o json", style="dim"))
    for renaming in found.renamed[:_ENTRIES]:
        tree.add(Text(f"{_short(renaming.before)} is now {_short(renaming.after)}", style="dim"))
    if len(found.renamed) > _ENTRIES:
        tree.add(
            Text(f"… and {len(found.renamed) - _ENTRIES:,} more of another name; all of them: -o json", style="dim")
        )
    for branch in tree.children:
        OUT.print(branch)
    OUT.print(
        f"\n{len(found.created):,} created, {len(found.updated):,} changed, "
        f"{len(found.replaced):,} replaced, {len(found.deleted):,} deleted",
        style="bold",
    )


class _Room:
    """Lines that are left."""

    def __init__(self, lines: int) -> None:
        self._lines = lines

    @property
    def is_left(self) -> bool:
        """Whether there is room for one more."""
        return self._lines > 0

    def take(self) -> None:
        """One line."""
        self._lines -= 1


def _figures(before: Figures, after: Figures) -> Iterator[str]:
    for noun, old, new in (("tenants", before.tenants, after.tenants), ("hosts", before.hosts, after.hosts)):
        signed = (("+", sorted(new - old)), ("-", sorted(old - new)))
        if moved := [f"{sign}{len(names):,} ({_row(names)})" for sign, names in signed if names]:
            yield f"{noun} {' '.join(moved)}"
    for noun, unit, old, new in (
        ("workloads", "", before.workloads, after.workloads),
        ("GPUs", "", before.gpus, after.gpus),
        ("cores", "", before.cpu, after.cpu),
        ("memory", " GiB", before.memory_gib, after.memory_gib),
        ("storage", " GiB", before.storage_gib, after.storage_gib),
    ):
        if new != old:
            yield f"{noun} {new - old:+,g}{unit}"


def _row(names: Sequence[str]) -> str:
    more = f", … {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _about_data(comparison: Comparison) -> Iterator[Text]:
    for renamed in comparison.renamed_tenants[:_ENTRIES]:
        told = f"tenant {renamed.before} goes and {renamed.after} comes with the same workloads and volumes: a rename"
        yield Text(f"! {told} moves no data, and hosts change with it", style="bold red")
    refused_urns = {loss.urn for loss in comparison.lost}
    others = [disk for disk in comparison.disks if disk.urn not in refused_urns]
    ordered = sorted(others, key=lambda disk: (not disk.is_refused, disk.claim))
    for disk in ordered[:_ENTRIES]:
        yield Text(f"! {disk.said}", style="bold red" if disk.is_refused else "yellow")
    if len(ordered) > _ENTRIES:
        yield Text(f"! … and {counted(len(ordered) - _ENTRIES, 'more disk')}; all of them: -o json", style="bold red")


def _add_section(tree: Tree, section: Section, room: _Room) -> None:
    is_whole_tenant = section.tenants != ("",) and len(section.entries) == 1 and "Namespace" in section.entries[0].kinds
    branch = tree if is_whole_tenant else tree.add(Text(_heading(section.tenants), style="bold"))
    # What is made anew is what people must see.
    ordered = sorted(section.entries, key=lambda entry: entry.sign != "replaced")
    shown = 0
    for entry in ordered[:_ENTRIES]:
        if not room.is_left:
            break
        _add_entry(branch, entry, room)
        shown += 1
    if shown < len(ordered):
        branch.add(Text(f"… and {counted(len(ordered) - shown, 'more change')}; all of them: -o json", style="dim"))


def _heading(whose: Sequence[str]) -> str:
    tenants = [tenant for tenant in whose if tenant]
    if len(tenants) < 2:
        named = [f"tenant {tenant}" for tenant in tenants]
    else:
        named = [f"{counted(len(tenants), 'tenant')} ({_row(tenants)})"]
    return " and ".join([*(["platform"] if "" in whose else []), *named])


def _add_entry(branch: Tree, entry: Entry, room: _Room) -> None:
    sign, style = _LOOKS[entry.sign]
    room.take()
    first, more = _short(entry.urns[0]), len(entry.urns) - 1
    if entry.kinds:
        count = sum(entry.kinds.values())
        branch.add(Text(f"{sign} {first}: {counted(count, 'object')} ({kinds_line(entry.kinds)})", style=style))
        return
    if entry.sign == "replaced" and more:
        cause = "; ".join(_on_one_line(change) for change in entry.fields[:_FIELDS])
        names = _row([_short(urn) for urn in entry.urns])
        node = branch.add(Text(f"{sign} {cause}: {counted(len(entry.urns), 'object')} for this reason", style=style))
        node.add(Text(names, style="dim"))
        return
    label = f"{sign} {first}" + (f", and {more:,} more in the same way" if more > 0 and entry.fields else "")
    node = branch.add(Text(label, style=style))
    for line in _field_lines(entry.fields):
        room.take()
        node.add(line)


def _field_lines(fields: Sequence[FieldChange]) -> Iterator[Text]:
    for change in fields[:_FIELDS]:
        if _is_text(change.before) and _is_text(change.after):
            yield from _text_lines(change)
        else:
            yield Text(_on_one_line(change), style="dim")
    if len(fields) > _FIELDS:
        yield Text(f"… and {counted(len(fields) - _FIELDS, 'more field')}; all of them: -o json", style="dim")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _text_lines(change: FieldChange) -> Iterator[Text]:
    lines = list(_differing_lines(change.before.splitlines(), change.after.splitlines()))
    yield Text(f"{change.path}: {counted(len(lines), 'line')} of the text", style="dim")
    for line in lines[:_TEXT_LINES]:
        yield Text(f"  {line}", style="green" if line.startswith("+") else "red")
    if len(lines) > _TEXT_LINES:
        yield Text(f"  … and {counted(len(lines) - _TEXT_LINES, 'more line')}; all of them: -o json", style="dim")


def _differing_lines(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for old, new in zip_longest(before[start:end], after[new_start:new_end]):
            at = _same_start(old, new) if old and new and max(len(old), len(new)) > _VALUE else 0
            yield from (f"{sign} {_cut(line, at)}" for sign, line in (("-", old), ("+", new)) if line is not None)


def _on_one_line(change: FieldChange) -> str:
    before, after = (json.dumps(value, ensure_ascii=False) for value in (change.before, change.after))
    start = _same_start(before, after) if max(len(before), len(after)) > _VALUE else 0
    return f"{change.path}: {_cut(before, start)} → {_cut(after, start)}"


def _same_start(before: str, after: str) -> int:
    """Where two long values begin to differ, a little before."""
    same = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0)
    return max(0, same - _VALUE // 4)


def _cut(text: str, start: int = 0) -> str:
    part = text[start : start + _VALUE]
    return f"{'…' if start else ''}{part}{'…' if start + _VALUE < len(text) else ''}"


def _short(urn: str) -> str:
    kind, name = urn.split("::", 3)[2:4]
    return f"{kind.rpartition(':')[2]} {name}"
