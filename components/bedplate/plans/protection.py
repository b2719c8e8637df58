"""What an update must not delete or replace: the guard of `bedplate preview --against` and `bedplate guard`.

Owns the judgement over a plan, the embedded engine's or Pulumi's own. It deliberately prevents nothing by itself:
Pulumi's `protect` does, except where one update lifts it and replaces the resource too (ADR 0014), so that the old
side's `protect` counts here, never the new one's.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE
from bedplate.errors import RehearsalError
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

_REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})
_LOSING = _REPLACING | {"delete"}
"""https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/history.go, `OpType`."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A resource that must not be lost, and would be.

    fields: the resource's fields that cannot change in place. causes: the stack file's keys that changed them.
    """

    urn: str
    name: str
    type: str
    action: Literal["delete", "replace"]
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
        if _is_kept(str(old["type"]), is_protected=bool(old["protect"])) and old["name"] not in allowed:
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


def losses_of_preview(document: object, allowed: Collection[str]) -> list[Loss]:
    """What the update of a `pulumi preview --json` would lose. Raises RehearsalError for anything else."""
    steps = cast(Mapping[str, Any], document).get("steps") if isinstance(document, Mapping) else None
    if not isinstance(steps, list):
        raise RehearsalError(
            "this is not what `pulumi preview --json` prints: it has no `steps`",
            "pulumi preview --json > preview.json; bedplate guard preview.json",
        )
    found: dict[str, Loss] = {}
    for step in cast(list[Mapping[str, Any]], steps):
        loss = _loss_of_step(step)
        if loss and loss.name not in allowed:
            known = found.get(loss.urn)
            found[loss.urn] = loss if known is None or len(loss.fields) > len(known.fields) else known
    return [found[urn] for urn in sorted(found)]


def _loss_of_step(step: Mapping[str, Any]) -> Loss | None:
    operation, urn = str(step.get("op", "")), str(step.get("urn", ""))
    qualified_type, _, name = urn.rpartition("::")
    kind = qualified_type.rpartition("::")[2].rpartition("$")[2]
    old: Mapping[str, Any] = step.get("oldState") or {}
    if operation not in _LOSING or not _is_kept(kind, is_protected=bool(old.get("protect"))):
        return None
    detailed: Mapping[str, Mapping[str, Any]] = step.get("detailedDiff") or {}
    fields = [path for path, change in detailed.items() if str(change.get("kind", "")).endswith("-replace")]
    return Loss(
        urn=urn,
        name=name,
        type=kind,
        action="replace" if operation in _REPLACING else "delete",
        fields=tuple(sorted({*fields, *(step.get("replaceReasons") or ())})),
    )


def _is_kept(kind: str, *, is_protected: bool) -> bool:
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
