"""Who has used up a budget gets no more GPUs until the next month.

Owns a policy beside the guardrails, which is there only where a budget denies. What is used up stands as annotations of
the tenant's namespace, written by the one who counts (`services/cost`), and each with a time until which it is
believed: CEL has no clock, but what is being created has `creationTimestamp`, which the API server sets before policies
see it (https://github.com/kubernetes/apiserver/blob/v0.35.4/pkg/registry/generic/registry/store.go).
So a counter that stops denies nobody for longer than its last mark holds, and an error of the policy's own admits.

No parameter object: the trap of ADR 0008 cannot be where there is none, and marks go with their namespace.

Judged are pods, and at once Jobs and JobSets, whose pods would never come. A Deployment may be changed and made, so
that an update of the stack passes: its pods with GPUs wait.
"""

from bedplate.guardrails.sight import BATCH_KINDS, VARIABLES
from bedplate.kubernetes import Manifest
from bedplate.labels import EXHAUSTED, EXHAUSTED_OWNERS, EXHAUSTED_PROJECTS, EXHAUSTED_UNTIL, OWNER, PROJECT

POLICY = "bedplate-budgets"
MARKS_POLICY = "bedplate-budget-marks"
_NOT_JUDGED = ("cronjobs",)


def _mark(key: str) -> str:
    return f"namespaceObject.metadata.?annotations[?'{key}'].orValue('')"


def _is_listed(label: str, key: str) -> str:
    return f"object.metadata.?labels[?'{label}'].orValue('') in {_mark(key)}.split(',')"


_GPUS = (
    "variables.templates.exists(t, (t.spec.containers + t.spec.?initContainers.orValue([])).exists(c, "
    "[c.?resources.?limits.orValue({}), c.?resources.?requests.orValue({})].exists(m, "
    "m.exists(r, r.startsWith('nvidia.com/') && quantity(string(m[r])).isGreaterThan(quantity('0'))))))"
)
"""Whole GPUs, slices and shares."""


def budgets_spec(contact: str | None) -> Manifest:
    """Of the policy. contact: whom to ask for more."""
    whom = contact or "your platform team"
    said = (
        f"'budget: used up in this month are ' + {_mark(EXHAUSTED)} + '; pods with GPUs are admitted again in the next "
        f"month, or once the budget is raised: ask {whom}'"
    )
    kinds = [
        {**kind, "resources": [name for name in kind["resources"] if name not in _NOT_JUDGED]} for kind in BATCH_KINDS
    ]
    return {
        # What cannot be decided is admitted: budgets are about money, and work goes on.
        "failurePolicy": "Ignore",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["CREATE"]} for kind in kinds]},
        "variables": [{"name": "templates", "expression": VARIABLES["templates"]}],
        "validations": [
            {
                "expression": (
                    f"{_mark(EXHAUSTED_UNTIL)} == '' || "
                    f"timestamp({_mark(EXHAUSTED_UNTIL)}) <= timestamp(object.metadata.creationTimestamp) || "
                    f"!('*' in {_mark(EXHAUSTED_PROJECTS)}.split(',') || {_is_listed(PROJECT, EXHAUSTED_PROJECTS)} || "
                    f"{_is_listed(OWNER, EXHAUSTED_OWNERS)}) || !{_GPUS}"
                ),
                "message": f"budget: used up in this month; ask {whom}",
                "messageExpression": said,
                "reason": "Forbidden",
            }
        ],
    }


def marks_spec(user: str) -> Manifest:
    """Of the policy that holds the one who counts to these annotations. user: as it signs in."""
    marks = ", ".join(f"'{key}'" for key in (EXHAUSTED_UNTIL, EXHAUSTED_PROJECTS, EXHAUSTED_OWNERS, EXHAUSTED))

    new, old = "object.metadata.?annotations.orValue({})", "oldObject.metadata.?annotations.orValue({})"
    kept = " && ".join(
        f"{one}.all(k, k in [{marks}] || (k in {two} && {two}[k] == {one}[k]))" for one, two in ((new, old), (old, new))
    )
    same = " && ".join(
        f"object.{path} == oldObject.{path}" for path in ("metadata.?labels", "metadata.?ownerReferences", "?spec")
    )
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"], "operations": ["UPDATE"]}
            ]
        },
        "matchConditions": [{"name": "counter", "expression": f"request.userInfo.username == '{user}'"}],
        "validations": [
            {
                "expression": f"{same} && object.metadata.?finalizers == oldObject.metadata.?finalizers && {kept}",
                "message": "it may write what budgets are used up, and nothing else of a namespace",
                "reason": "Forbidden",
            }
        ],
    }
