"""What may run where images are built: builds, all of one shape, and nothing else.

Owns a policy with its binding, for the namespaces of builds alone. They are exempt from the guardrails of tenants,
because a build needs what those refuse (no seccomp, a way to more user ids); so the exception is one shape of pod, the
PodTemplate of the namespace, and RBAC gives members nothing but Jobs.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
"""

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import BUILD, BUILDS_OF, NAME, SCAN, Identity

POLICY = "bedplate-builds"
_API_VERSION = "admissionregistration.k8s.io/v1"
_OF_CONTROLLER = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")
KEPT_SECONDS = 3600
"""For which a finished build is there, with what it said."""


def policy(identity: Identity, max_seconds: int) -> Manifest:
    """max_seconds: of the longest build."""
    generated = ", ".join(f"'{key}'" for key in _OF_CONTROLLER)
    template, labels = "object.spec.template", "metadata.?labels.orValue({})"
    conditions = [
        f"{template}.spec == params.template.spec",
        f"{template}.metadata.?annotations == params.template.metadata.?annotations",
        f"{template}.{labels}.all(k, k in [{generated}] || params.template.{labels}[?k] == {template}.{labels}[?k])",
        f"params.template.{labels}.all(k, k in {template}.{labels})",
        "object.spec.?parallelism.orValue(1) == 1 && object.spec.?completions.orValue(1) == 1",
        "object.spec.?backoffLimit.orValue(6) == 0",
        f"object.spec.?activeDeadlineSeconds.orValue({max_seconds + 1}) <= {max_seconds}",
        f"object.spec.?ttlSecondsAfterFinished.orValue({KEPT_SECONDS + 1}) <= {KEPT_SECONDS}",
        "!object.spec.?manualSelector.orValue(false) && !has(object.spec.managedBy)",
        "!has(object.metadata.finalizers) && !has(object.metadata.ownerReferences)",
    ]
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicy",
        POLICY,
        identity,
        spec={
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "v1", "kind": "PodTemplate"},
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
                ]
            },
            "validations": [
                {
                    "expression": " && ".join(f"({one})" for one in conditions),
                    "message": f"builds: here run copies of the PodTemplates '{BUILD}' and '{SCAN}' and nothing "
                    f"else, once, without retries, for at most {max_seconds} seconds, kept for at most {KEPT_SECONDS}",
                    "reason": "Forbidden",
                }
            ],
        },
    )


def binding(identity: Identity, template: str = BUILD) -> Manifest:
    """For every namespace of builds, with its own template; each Job is of one of them, as its name label says."""
    operator = "NotIn" if template == BUILD else "In"
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicyBinding",
        POLICY if template == BUILD else f"{POLICY}-{template}",
        identity,
        spec={
            "policyName": POLICY,
            "paramRef": {"name": template, "parameterNotFoundAction": "Deny"},
            "matchResources": {
                "namespaceSelector": {"matchExpressions": [{"key": BUILDS_OF, "operator": "Exists"}]},
                "objectSelector": {"matchExpressions": [{"key": NAME, "operator": operator, "values": [SCAN]}]},
            },
            "validationActions": ["Deny"],
        },
    )
