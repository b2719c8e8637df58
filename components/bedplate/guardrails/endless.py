"""Who may make what holds GPUs until somebody stops it.

Owns a policy beside the guardrails: their words are CEL too, which may not ask who has which rights
(https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#message-expression). No policy can
look whether something has a ScaledObject, which comes after what it stops. So it asks whether who makes the one may
make the other: the platform may, and members may not. What the platform's team makes by hand is told by an alert
(`services/idle/alerts.py`).
"""

from bedplate.guardrails.sight import BY_A_CONTROLLER, templates
from bedplate.kubernetes import Manifest
from bedplate.labels import GPU_RESOURCE

POLICY = "bedplate-gpus-without-end"
_KINDS: list[Manifest] = [
    {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"],
    },
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["replicationcontrollers"]},
]
"""What is started again when it ends. Jobs and bare pods have a run time limit."""
_ASKS = " || ".join(
    f"quantity(string(c.?resources.?{part}[?'{GPU_RESOURCE}'].orValue('0'))).isGreaterThan(quantity('0'))"
    for part in ("limits", "requests")
)
_VARIABLES = {
    "pods": f"{templates('object')}.map(t, t.spec)",
    "hasGpus": f"variables.pods.exists(p, (p.containers + p.?initContainers.orValue([])).exists(c, {_ASKS}))",
    # Of a template that was judged.
    "isOfDeployment": f"object.kind == 'ReplicaSet' && {BY_A_CONTROLLER}",
    "mayStop": (
        "authorizer.group('keda.sh').resource('scaledobjects').namespace(request.namespace).check('create').allowed()"
    ),
}


def endless_spec() -> Manifest:
    """Of the policy."""
    is_judged = f"oldObject == null || variables.pods != {templates('oldObject')}.map(t, t.spec)"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in _KINDS]},
        "variables": [{"name": name, "expression": cel} for name, cel in _VARIABLES.items()],
        "validations": [
            {
                "expression": (
                    f"has(object.metadata.deletionTimestamp) || !({is_judged}) || !variables.hasGpus || "
                    "variables.isOfDeployment || variables.mayStop"
                ),
                "message": (
                    "it would hold GPUs until somebody stops it, and you may not create the ScaledObject that does; "
                    "write it in the stack file, or run a Job"
                ),
                "reason": "Forbidden",
            }
        ],
    }
