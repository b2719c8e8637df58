"""What an update must not delete or replace: the guard of `bedplate preview --against`.

Owns the judgement over a difference, and what counts as kept for Pulumi's own plans too (`pulumi_preview`). It
deliberately prevents nothing by itself: Pulumi's `protect` does, except where one update lifts it and replaces the
resource too (ADR 0014), so that the old side's `protect` counts here, never the new one's.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE
from bedplate.plans.difference import Difference, FieldChange, ResourceChange, Shown
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
    fields that cannot change in place. causes: the stack file's keys that changed them.
    """

    urn: str
    name: str
    type: str
    action: Literal["delete", "replace", "unknown"]
    fields: tuple[str, ...]
    causes: tuple[str, ...] = ()


def losses(
    found: Difference, before: Sequence[Shown], stack_file: Sequence[FieldChange], allowed: Collection[str]
) -> list[Loss]:
    """What the difference would lose. stack_file: what changed there; allowed: names that may go."""
    by_urn = {str(resource["urn"]): resource for resource in before}
    former = {renaming.after: renaming.before for renaming in found.renamed}
    result: list[Loss] = []
    for urn, change in _lost(found):
        old = by_urn[former.get(urn, urn)]
        if is_kept(str(old["type"]), is_protected=bool(old["protect"])) and old["name"] not in allowed:
            fields = change.causes if change else ()
            result.append(
                Loss(
                    urn=urn,
                    name=str(old["name"]),
                    type=str(old["type"]),
                    action="replace" if change else "delete",
                    fields=tuple(field.path for field in fields),
                    causes=tuple(_causes(fields, stack_file)),
                )
            )
    return result


def _lost(found: Difference) -> Iterator[tuple[str, ResourceChange | None]]:
    yield from ((change.urn, change) for change in found.replaced)
    yield from ((urn, None) for urn in found.deleted)


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
