"""What `pulumi preview --json` says: the guard of `bedplate guard`.

Owns the reading of Pulumi's plans. Whatever is not surely a whole plan is refused: Pulumi prints well-formed JSON also
when the program failed, when it was interrupted, and when resources could not be shown
(https://github.com/pulumi/pulumi/blob/master/pkg/backend/display/json.go, `ShowPreviewDigest`).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from bedplate.engine.resources import STACK_TYPE
from bedplate.errors import RehearsalError
from bedplate.plans.protection import Loss, is_kept

Step = Mapping[str, Any]
_HARMLESS = frozenset({"same", "create", "update", "read", "refresh", "import"})
"""Operations that lose nothing. Any other, also one of a later Pulumi, is refused for what is kept."""
_REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})
"""https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/history.go, `OpType`."""
_COUNTED = ("delete", "replace")
"""Operations whose steps are all listed: as many as the plan's summary counts."""
_COMMAND = "pulumi preview --json > FILE; bedplate guard FILE"


@dataclass(frozen=True, kw_only=True)
class PulumiPlan:
    """A plan of Pulumi that is complete as far as it can tell. errors: why it failed, so that more may be to come."""

    steps: Sequence[Step]
    errors: Sequence[str]


def read_plan(document: object) -> PulumiPlan:
    """The plan in what `pulumi preview --json` printed. Raises RehearsalError for anything else or less."""
    if not isinstance(document, Mapping):
        raise RehearsalError("this is not what `pulumi preview --json` prints: it has no `steps`", _COMMAND)
    digest = cast(Mapping[str, Any], document)
    errors = list(_errors(digest))
    steps = digest.get("steps", [] if errors else None)
    if not isinstance(steps, list) or not all(_is_step(step) for step in cast(list[object], steps)):
        raise RehearsalError("this is not what `pulumi preview --json` prints: it has no `steps`", _COMMAND)
    plan = PulumiPlan(steps=cast(list[Step], steps), errors=errors)
    if not errors and (missing := _missing(plan, digest)):
        raise RehearsalError(f"the plan is not complete: {missing}", f"run the preview again: {_COMMAND}")
    return plan


def losses_of_plan(plan: PulumiPlan, allowed: Collection[str]) -> list[Loss]:
    """What the update would lose, by URN. allowed: names that may go."""
    found: dict[str, Loss] = {}
    for step in plan.steps:
        loss = _loss(step)
        if loss and loss.name not in allowed:
            known = found.get(loss.urn)
            found[loss.urn] = loss if known is None or len(loss.fields) > len(known.fields) else known
    return [found[urn] for urn in sorted(found)]


def _is_step(step: object) -> bool:
    if not isinstance(step, Mapping):
        return False
    urn, operation = cast(Step, step).get("urn"), cast(Step, step).get("op")
    return isinstance(urn, str) and len(urn.split("::", 3)) == 4 and isinstance(operation, str) and bool(operation)


def _errors(digest: Mapping[str, Any]) -> Iterator[str]:
    diagnostics = digest.get("diagnostics") or []
    if not isinstance(diagnostics, list):
        raise RehearsalError("this is not what `pulumi preview --json` prints: `diagnostics` is no list", _COMMAND)
    for diagnostic in cast(list[object], diagnostics):
        said = cast(Mapping[str, Any], diagnostic) if isinstance(diagnostic, Mapping) else {"message": diagnostic}
        # An unknown severity may be a new word for an error.
        if said.get("severity") not in ("info", "info#err", "warning", "debug"):
            yield str(said.get("message", "")).strip() or "an error without a message"


def _missing(plan: PulumiPlan, digest: Mapping[str, Any]) -> str:
    """What the plan lacks, '' for a whole one."""
    if not any(_type(step) == STACK_TYPE for step in plan.steps):
        return "the stack itself is not among its steps"
    if digest.get("maybeCorrupt"):
        return "Pulumi calls it `maybeCorrupt`"
    summary = digest.get("changeSummary")
    if not isinstance(summary, Mapping):
        return "it has no `changeSummary`, as when the preview was interrupted"
    listed = Counter(str(step["op"]) for step in plan.steps)
    for operation in _COUNTED:
        counted = cast(Mapping[str, Any], summary).get(operation, 0)
        if not isinstance(counted, int) or listed[operation] < counted:
            return f"its summary counts {counted} × {operation}, its steps are {listed[operation]}"
    return ""


def _type(step: Step) -> str:
    return str(step["urn"]).split("::", 3)[2].rpartition("$")[2]


def _loss(step: Step) -> Loss | None:
    """What the step loses of what is kept. Raises RehearsalError where it does not say what was there."""
    operation, urn, kind = str(step["op"]), str(step["urn"]), _type(step)
    if operation in _HARMLESS:
        return None
    old = step.get("oldState")
    if not isinstance(old, Mapping):
        # Pulumi leaves out a state that it cannot write.
        raise RehearsalError(f"the plan is not complete: {operation} of {urn} has no `oldState`", _COMMAND)
    if not is_kept(kind, is_protected=bool(cast(Mapping[str, Any], old).get("protect"))):
        return None
    detailed: Mapping[str, Mapping[str, Any]] = step.get("detailedDiff") or {}
    fields = [path for path, change in detailed.items() if str(change.get("kind", "")).endswith("-replace")]
    return Loss(
        urn=urn,
        name=urn.split("::", 3)[3],
        type=kind,
        action=_action(operation),
        fields=tuple(sorted({*fields, *(step.get("replaceReasons") or ())})),
    )


def _action(operation: str) -> Literal["delete", "replace", "unknown"]:
    if operation in _REPLACING:
        return "replace"
    return "delete" if operation == "delete" else "unknown"
