"""What an account that triggers a job may create: runs of that job as its stack made it, and nothing else.

Owns a policy beside the guardrails. RBAC can give an account `create` on Jobs, and no less; this holds it to a copy of
its CronJob, which the policy takes as its parameter. The CronJobs are found by a label, in the namespace of the request
(https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources); each judges
the account that is named after it, and no other account's Jobs.

One binding for all, which stays as long as the guardrails do: an API server keeps what it read for bindings that went
and came back (ADR 0008). An account without its CronJob gets nothing that lasts: a run must name the CronJob as its
owner, and what has an owner that is not there is collected.
"""

from bedplate.kubernetes import Manifest
from bedplate.labels import TRIGGERED

POLICY = "bedplate-triggers"
_RUN, _JOB = "object.spec", "params.spec.jobTemplate.spec"
_FIELDS = (
    *("parallelism", "completions", "completionMode", "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex"),
    *("maxFailedIndexes", "podFailurePolicy", "successPolicy", "ttlSecondsAfterFinished", "managedBy"),
)
"""Of a Job's spec; left out are what the API server writes into each, and `suspend`, which a queue sets."""
_OF_CONTROLLER = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")


def _same(path: str, other: str) -> str:
    return f"object.{path} == params.spec.jobTemplate.{other}"


def triggers_spec() -> Manifest:
    """Of the policy."""
    another = (
        "request.userInfo.username != 'system:serviceaccount:' + object.metadata.namespace + ':' + "
        "params.metadata.name + '-trigger'"
    )
    generated = ", ".join(f"'{key}'" for key in _OF_CONTROLLER)
    template, labels = "template.metadata.?annotations", "template.metadata.?labels.orValue({})"
    same = [
        *(f"{_RUN}.?{field} == {_JOB}.?{field}" for field in _FIELDS),
        f"!{_RUN}.?manualSelector.orValue(false)",
        _same("spec.template.spec", "spec.template.spec"),
        _same(f"spec.{template}", f"spec.{template}"),
        f"{_RUN}.{labels}.all(k, k in [{generated}] || {_JOB}.{labels}[?k] == {_RUN}.{labels}[?k])",
        f"{_JOB}.{labels}.all(k, k in {_RUN}.{labels})",
        _same("metadata.?labels", "metadata.?labels"),
        "size(object.metadata.?ownerReferences.orValue([])) == 1",
        "object.metadata.?ownerReferences[?0].?uid.orValue('') == params.metadata.uid",
        "!has(object.metadata.finalizers)",
    ]
    return {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "batch/v1", "kind": "CronJob"},
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
            ]
        },
        "matchConditions": [
            {
                "name": "triggers",
                "expression": "request.userInfo.username.startsWith('system:serviceaccount:')"
                " && request.userInfo.username.endsWith('-trigger')",
            }
        ],
        "validations": [
            {
                "expression": f"{another} || ({' && '.join(f'({one})' for one in same)})",
                "message": "trigger: this account creates runs of its job as they stand in the CronJob, and nothing "
                "else: kubectl create job --from=cronjob/NAME",
                "reason": "Forbidden",
            }
        ],
    }


def triggers_binding() -> Manifest:
    """What its binding has besides."""
    chosen = {"matchLabels": {TRIGGERED: "true"}}
    # The API server asks for the parameter before it asks whom the policy is about: `Deny` would refuse every Job of
    # every tenant without such a CronJob.
    return {"paramRef": {"selector": chosen, "parameterNotFoundAction": "Allow"}}
