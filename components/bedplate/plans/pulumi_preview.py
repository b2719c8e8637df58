"""What `pulumi preview --json` says: the guard of `bedplate guard`.

Owns the reading of Pulumi's plans. Whatever is not surely a whole plan is refused: Pulumi prints well-formed JSON also
when the program failed, when it was interrupted, and when resources could not be shown
(https://github.com/pulumi/pulumi/blob/master/pkg/backend/display/json.go, `ShowPreviewDigest`).
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO, cast

from bedplate.engine.resources import STACK_TYPE
from bedplate.errors import RehearsalError
from bedplate.plans.difference import Difference, ResourceChange, Shown, field_changes
from bedplate.plans.disks import CLAIM_TYPE, Disk, keys_of_volume, removed_disk, shrunk_disk
from bedplate.plans.protection import Loss, is_kept

Step = Mapping[str, Any]
_HARMLESS = frozenset({"same", "create", "update", "read", "refresh", "import"})
"""Operations that lose nothing. Any other, also one of a later Pulumi, is refused for what is kept."""
_REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})
"""https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/history.go, `OpType`."""
_COUNTED = ("delete", "replace")
"""Operations whose steps are all listed: as many as the plan's summary counts."""
_COMMAND = "pulumi preview --json > FILE; bedplate guard FILE"
_NO_PLAN = (
    "its reason stands above, where `pulumi preview` printed it, such as no login, no stack of this name, no "
    f"passphrase, or no language host for Python: mend that, then {_COMMAND}"
)


@dataclass(frozen=True, kw_only=True)
class PulumiPlan:
    """A plan of Pulumi that is complete as far as it can tell. errors: why it failed, so that more may be to come."""

    steps: Sequence[Step]
    errors: Sequence[str]


def read_document(file: TextIO) -> object:
    """The JSON document in a file, {} where nothing is in it. Raises RehearsalError where it is anything else."""
    try:
        text = file.read()
        return json.loads(text) if text.strip() else {}
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        message = f"{file.name} is not one JSON document: cut off, a stream of events, or text around it"
        raise RehearsalError(message, f"unset PULUMI_ENABLE_STREAMING_JSON_PREVIEW; {_COMMAND}") from None


def read_plan(document: object) -> PulumiPlan:
    """The plan in what `pulumi preview --json` printed. Raises RehearsalError for anything else or less."""
    if document == {}:
        raise RehearsalError("Pulumi made no plan: what it printed is empty, or {}", _NO_PLAN)
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
    diagnostics: object = digest.get("diagnostics") or []
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


def difference_of_plan(plan: PulumiPlan) -> tuple[Difference, list[Shown], list[Shown]]:
    """The plan as a difference for people, and the resources that it touches, before and after.

    What is unchanged is not in it. Secrets are hidden by Pulumi itself.
    """
    found, before, after = Difference(), dict[str, Shown](), dict[str, Shown]()
    for step in plan.steps:
        urn, operation = str(step["urn"]), str(step["op"])
        old, new = _state(step, "oldState"), _state(step, "newState")
        before.update({urn: old} if old else {})
        after.update({urn: new} if new else {})
        changed = tuple(field_changes(old["inputs"], new["inputs"])) if old and new else ()
        if operation in ("create", "import"):
            found.created.append(urn)
        elif operation == "update":
            found.updated.append(ResourceChange(urn=urn, fields=changed))
        elif operation in _REPLACING and urn not in {each.urn for each in found.replaced}:
            reasons = {str(reason) for reason in step.get("replaceReasons") or ()}
            causes = tuple(change for change in changed if change.path in reasons)
            found.replaced.append(ResourceChange(urn=urn, fields=changed, causes=causes))
        elif operation not in _HARMLESS and operation not in _REPLACING:
            found.deleted.append(urn)
    return found, list(before.values()), list(after.values())


def _state(step: Step, side: str) -> Shown | None:
    """A resource as its state shows it."""
    state = step.get(side)
    if not isinstance(state, Mapping):
        return None
    known = cast(Mapping[str, Any], state)
    shown = {key: str(known.get(key) or "") for key in ("parent", "provider")}
    name = str(step["urn"]).split("::", 3)[3]
    return {**shown, "urn": str(step["urn"]), "type": _type(step), "name": name, "inputs": _inputs(known)}


def disks_of_plan(plan: PulumiPlan) -> list[Disk]:
    """What becomes of the data behind the claims that the update touches, by URN."""
    disks = {disk.urn: disk for step in plan.steps if (disk := _disk(step))}
    return [disks[urn] for urn in sorted(disks)]


def _loss(step: Step) -> Loss | None:
    """What the step loses of what is kept. Raises RehearsalError where it does not say what was there."""
    operation, urn, kind = str(step["op"]), str(step["urn"]), _type(step)
    disk = _disk(step)
    is_shrunk = disk is not None and disk.fate == "shrinks"
    if operation in _HARMLESS and not is_shrunk:
        return None
    is_protected = bool(_old_state(step).get("protect"))
    if not (disk and disk.is_refused) and not is_kept(kind, is_protected=is_protected):
        return None
    detailed: Mapping[str, Mapping[str, Any]] = step.get("detailedDiff") or {}
    fields = [path for path, change in detailed.items() if str(change.get("kind", "")).endswith("-replace")]
    return Loss(
        urn=urn,
        name=urn.split("::", 3)[3],
        type=kind,
        action="shrink" if is_shrunk else _action(operation),
        fields=tuple(sorted({*fields, *(step.get("replaceReasons") or ())})),
        causes=tuple(keys_of_volume(_inputs(_old_state(step)), _inputs(step.get("newState")))) if disk else (),
        disk=disk,
    )


def _disk(step: Step) -> Disk | None:
    operation, urn = str(step["op"]), str(step["urn"])
    if _type(step) != CLAIM_TYPE:
        return None
    if operation == "update":
        return shrunk_disk(urn, _inputs(_old_state(step)), _inputs(step.get("newState")))
    if operation in _HARMLESS:
        return None
    return removed_disk(urn, _inputs(_old_state(step)), is_replaced=operation in _REPLACING)


def _old_state(step: Step) -> Mapping[str, Any]:
    """Pulumi leaves out a state that it cannot write."""
    old = step.get("oldState")
    if not isinstance(old, Mapping):
        raise RehearsalError(f"the plan is not complete: {step['op']} of {step['urn']} has no `oldState`", _COMMAND)
    return cast(Mapping[str, Any], old)


def _inputs(state: object) -> Mapping[str, Any]:
    inputs = cast(Mapping[str, Any], state).get("inputs") if isinstance(state, Mapping) else None
    return cast(Mapping[str, Any], inputs) if isinstance(inputs, Mapping) else {}


def _action(operation: str) -> Literal["delete", "replace", "unknown"]:
    if operation in _REPLACING:
        return "replace"
    return "delete" if operation == "delete" else "unknown"
