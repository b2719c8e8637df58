"""Where a tenant's secrets come from is the platform's to say.

Owns a policy beside the guardrails, because it judges kinds of External Secrets: whoever defines a store, or asks one,
in a tenant's namespace has its operator, which writes Secrets everywhere, work for him. Members have no right to any of
it; this holds whoever has rights in one namespace alone, such as by a role of somebody else's: only who may define
stores for the whole cluster defines them here. What the operator itself writes, status and marks, is not judged.
"""

from bedplate.kubernetes import Manifest

POLICY = "bedplate-secret-stores"
_MAY = "authorizer.group('external-secrets.io').resource('clustersecretstores').check('create').allowed()"
_UNCHANGED = "oldObject != null && object.?spec == oldObject.?spec"


def stores_spec() -> Manifest:
    """Of the policy. Generators are in a group of their own."""
    kinds = [
        {"apiGroups": ["external-secrets.io"], "apiVersions": ["*"], "resources": resources}
        for resources in (["externalsecrets", "pushsecrets", "secretstores"],)
    ]
    kinds.append({"apiGroups": ["generators.external-secrets.io"], "apiVersions": ["*"], "resources": ["*"]})
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in kinds]},
        "validations": [
            {
                "expression": f"({_UNCHANGED}) || {_MAY}",
                "message": "secret-stores: where a tenant's secrets come from is said in the stack file: name one by "
                "secretEnv of a workload, like {external: database, key: password}",
                "reason": "Forbidden",
            }
        ],
    }
