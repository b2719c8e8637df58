"""What people may say of what is stopped while nobody uses it.

Owns a policy beside the guardrails, because it judges ScaledObjects. Kubernetes can grant the change of an object as a
whole only: members may patch ScaledObjects of their tenant, and this holds them to three annotations. Who may write the
status of ScaledObjects runs what acts on them, or the cluster, and is not held. KEDA's `force-activation` and the other
ways to pause are not among the three: what they keep is kept for ever. The waker, which takes back what it forces, has
that one, the time of it and a field by whose change KEDA looks at once, and nothing else.
"""

from bedplate.kubernetes import Manifest
from bedplate.labels import FORCED, IDLE_NAMESPACE, KEEP_UNTIL, START_AT, STOPPED, WAKER, WOKEN_AT

POLICY = "bedplate-activity"
_TIME = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
_SPEC = ("scaleTargetRef", "triggers", "advanced", "fallback", "pollingInterval", "cooldownPeriod")
_SPEC_REPLICAS = ("minReplicaCount", "maxReplicaCount", "idleReplicaCount")
_SAME_SPEC = " && ".join(f"object.spec.?{field} == oldObject.spec.?{field}" for field in (*_SPEC, *_SPEC_REPLICAS))
"""But for the field that the waker changes
(https://github.com/kedacore/keda/blob/v2.21.0/apis/keda/v1alpha1/scaledobject_types.go)."""
_VARIABLES = {
    "acts": (
        "authorizer.group('keda.sh').resource('scaledobjects').subresource('status')"
        ".namespace(object.metadata.namespace).check('update').allowed()"
    ),
    "wakes": f"request.userInfo.username == 'system:serviceaccount:{IDLE_NAMESPACE}:{WAKER}'",
    "was": "oldObject.metadata.?annotations.orValue({})",
    "becomes": "object.metadata.?annotations.orValue({})",
    "changed": (
        "variables.becomes.filter(k, !(k in variables.was) || variables.was[k] != variables.becomes[k])"
        " + variables.was.filter(k, !(k in variables.becomes))"
    ),
    "mayBeSaid": f"variables.wakes ? {[FORCED, WOKEN_AT]} : {[KEEP_UNTIL, START_AT, STOPPED]}",
    "hasSameSpec": f"variables.wakes ? ({_SAME_SPEC}) : object.spec == oldObject.spec",
    "said": "variables.changed.filter(k, k in variables.becomes)",
}
_SAME = " && ".join(
    f"object{field} == oldObject{field}"
    for field in (
        *(".metadata.?labels", ".metadata.?finalizers", ".metadata.?ownerReferences"),
        ".metadata.?generateName",
    )
)


def activity_spec() -> Manifest:
    """Of the policy."""
    allowed = [KEEP_UNTIL, START_AT, STOPPED]
    kind = {"apiGroups": ["keda.sh"], "apiVersions": ["*"], "resources": ["scaledobjects"]}
    checks = {
        f"variables.hasSameSpec && ({_SAME}) && variables.changed.all(k, k in variables.mayBeSaid)": (
            f"of a ScaledObject only the annotations {', '.join(allowed)} are yours to change"
        ),
        f"variables.wakes || variables.said.all(k, k == '{STOPPED}' || variables.becomes[k].matches('{_TIME}'))": (
            f"{KEEP_UNTIL} and {START_AT} must be a time in UTC, like 2026-12-01T18:00:00Z"
        ),
        f"variables.wakes || variables.said.all(k, k != '{STOPPED}' || variables.becomes[k] == '0')": (
            f'{STOPPED} may be "0", which stops it, or removed'
        ),
    }
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["UPDATE"]}]},
        "variables": [{"name": name, "expression": cel} for name, cel in _VARIABLES.items()],
        "validations": [
            {"expression": f"variables.acts || ({cel})", "message": message, "reason": "Forbidden"}
            for cel, message in checks.items()
        ],
    }
