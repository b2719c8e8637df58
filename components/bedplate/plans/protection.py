"""What an update must not delete or replace: the guard of `bedplate preview --against`.

Owns the judgement over a difference, and what counts as kept for Pulumi's own plans too (`pulumi_preview`). It
deliberately prevents nothing by itself: Pulumi's `protect` does, except where one update lifts it and replaces the
resource too (ADR 0014), so that the old side's `protect` counts here, never the new one's.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE
from bedplate.plans.difference import Difference, FieldChange, ResourceChange, Shown
from bedplate.plans.disks import CLAIM_TYPE, Disk, Inputs, keys_of_volume, removed_disk, shrunk_disk
from bedplate.plans.immutable_fields import IMMUTABLE_FIELDS, OF_TENANTS_TOO

KEPT_TYPES = (
    frozenset(
        kind
        for kind in IMMUTABLE_FIELDS
        if kind == KUBERNETES_PROVIDER_TYPE or not kind.startswith(("kubernetes:", "pulumi:providers:"))
    )
    - OF_TENANTS_TOO
)
"""Types that are refused even where somebody has lifted `protect` before."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A resource that must not be lost, and would be.

    action: what would happen to it; unknown where Pulumi calls it by a word that we do not know. fields: the resource's
    fields that cannot change in place. causes: the stack file's keys that changed them. disk: what becomes of its data,
    where it is a claim.
    """

    urn: str
    name: str
    type: str
    action: Literal["delete", "replace", "shrink", "unknown"]
    fields: tuple[str, ...]
    causes: tuple[str, ...] = ()
    disk: Disk | None = None


def losses(
    found: Difference,
    before: Sequence[Shown],
    after: Sequence[Shown],
    stack_file: Sequence[FieldChange],
    allowed: Collection[str],
) -> list[Loss]:
    """What the difference between the resources before and after it would lose.

    stack_file: what changed there. allowed: names that may go.
    """
    by_urn = {str(resource["urn"]): resource for resource in before}
    inputs = {str(resource["urn"]): resource["inputs"] for resource in after}
    former = {renaming.after: renaming.before for renaming in found.renamed}
    disks = {disk.urn: disk for disk in touched_disks(found, before, after) if disk.is_refused}
    result: list[Loss] = []
    for urn, change in _lost(found, disks):
        old, disk = by_urn[former.get(urn, urn)], disks.get(urn)
        is_lost = disk is not None or is_kept(str(old["type"]), is_protected=bool(old["protect"]))
        if is_lost and old["name"] not in allowed:
            result.append(_loss(urn, old, inputs.get(urn, {}), change, stack_file, disk))
    return result


def touched_disks(found: Difference, before: Sequence[Shown], after: Sequence[Shown]) -> list[Disk]:
    """What becomes of the data behind the claims that the difference touches, by URN."""
    old = {str(resource["urn"]): resource["inputs"] for resource in before if resource["type"] == CLAIM_TYPE}
    new = {str(resource["urn"]): resource["inputs"] for resource in after if resource["type"] == CLAIM_TYPE}
    former = {renaming.after: renaming.before for renaming in found.renamed}
    disks: list[Disk | None] = [removed_disk(urn, old[urn], is_replaced=False) for urn in found.deleted if urn in old]
    for change in found.replaced:
        if inputs := old.get(former.get(change.urn, change.urn)):
            disks.append(removed_disk(change.urn, inputs, is_replaced=True))
    for change in found.updated:
        if inputs := old.get(former.get(change.urn, change.urn)):
            disks.append(shrunk_disk(change.urn, inputs, new[change.urn]))
    return sorted((disk for disk in disks if disk), key=lambda disk: disk.urn)


def _lost(found: Difference, disks: Mapping[str, Disk]) -> Iterator[tuple[str, ResourceChange | None]]:
    yield from ((change.urn, change) for change in found.replaced)
    yield from ((change.urn, change) for change in found.updated if change.urn in disks)
    yield from ((urn, None) for urn in found.deleted)


def _loss(
    urn: str,
    old: Shown,
    new: Inputs,
    change: ResourceChange | None,
    stack_file: Sequence[FieldChange],
    disk: Disk | None,
) -> Loss:
    fields = (change.causes or change.fields) if change else ()
    shrinks = disk is not None and disk.fate == "shrinks"
    return Loss(
        urn=urn,
        name=str(old["name"]),
        type=str(old["type"]),
        action="shrink" if shrinks else "replace" if change else "delete",
        fields=tuple(field.path for field in fields),
        # Of a claim it says itself what became of its volume's keys, which may stand in a tenant's own file.
        causes=tuple(keys_of_volume(old["inputs"], new) if disk else _causes(fields, stack_file)),
        disk=disk,
    )


def is_kept(kind: str, *, is_protected: bool) -> bool:
    """Whether a resource must not be lost. is_protected: as it was before the update."""
    return is_protected or kind in KEPT_TYPES


def _causes(fields: Sequence[FieldChange], stack_file: Sequence[FieldChange]) -> Iterator[str]:
    """Keys whose values are in the fields, before and after; where none is, all that changed outside the tenants."""
    written = [change for change in stack_file if not change.path.startswith("tenants")]
    matching = [
        change
        for change in written
        if any(_is_in(change.before, field.before) and _is_in(change.after, field.after) for field in fields)
    ]
    for change in matching or written:
        yield f"{change.path}: {_plain(change.before)} → {_plain(change.after)}"


def _is_in(part: object, whole: object) -> bool:
    return part is not None and str(part) in str(whole)


def _plain(value: object) -> str:
    return "nothing" if value is None else str(value)
