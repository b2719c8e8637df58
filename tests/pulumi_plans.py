"""Plans as `pulumi preview --json` of CLI 3.274 prints them.

The fields are those of https://github.com/pulumi/pulumi/blob/v3.263.0/pkg/display/json.go, filled as runs filled them.
"""

from typing import Any

STACK = "urn:pulumi:prod::bedplate::pulumi:pulumi:Stack::bedplate-prod"
WARNED = {"message": "warning: expected to have version >=4.34.2, but has 4.25.0\n", "severity": "warning"}


def state(urn: str, *, protect: bool = False, **inputs: Any) -> dict[str, Any]:
    """A state as CLI 3.274 prints it: `protect` only where it is set."""
    kind = urn.split("::")[2].rpartition("$")[2]
    shown = {"urn": urn, "custom": True, "id": "of-the-cloud", "type": kind, "inputs": inputs, "outputs": inputs}
    return {**shown, **({"protect": True} if protect else {}), "sourcePosition": "project:///__main__.py#20,12"}


def step(operation: str, urn: str, *, protect: bool = False, reasons: tuple[str, ...] = ()) -> dict[str, Any]:
    """A step as the CLI prints it: a creation has no former state, a deletion no new one."""
    shown: dict[str, Any] = {"op": operation, "urn": urn, "detailedDiff": None}
    if operation != "create":
        shown["oldState"] = state(urn, protect=protect)
    if operation != "delete":
        shown["newState"] = state(urn, protect=protect)
    if reasons:
        shown["replaceReasons"] = list(reasons)
        shown["detailedDiff"] = {reason: {"kind": "update-replace", "inputDiff": False} for reason in reasons}
    return shown


def digest(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A whole plan: the stack among the steps, and a summary that counts them."""
    counts: dict[str, int] = {"same": 1}
    for each in steps:
        # Steps of a replacement are counted as one.
        if each["op"] not in ("create-replacement", "delete-replaced"):
            counts[each["op"]] = counts.get(each["op"], 0) + 1
    return {
        "config": {"bedplate:platform": "{}"},
        "steps": [step("same", STACK), *steps],
        "diagnostics": [WARNED],
        "duration": 2817397236,
        "changeSummary": counts,
        **changes,
    }
