"""Guardrails as ValidatingAdmissionPolicies: no engine to run, no webhook whose outage stops the cluster.

Owns a policy with its binding for each rule. The bindings match every namespace that carries the tenant label, so a
tenant needs nothing of its own. The limits are CEL variables of the policies rather than a parameter ConfigMap: an API
server goes on using a ConfigMap's old content, for good, once its last binding was removed and made again
(https://github.com/kubernetes/kubernetes/issues/130887). A policy takes about a second to be
enforced after it was created; nothing of a stack depends on that second, because the specs are checked against the
same limits before anything is created.
"""

from dataclasses import dataclass

import pulumi

from bedplate.guardrails.limits import GuardrailsSpec
from bedplate.guardrails.rules import RULES, VARIABLES, Rule
from bedplate.kubernetes import KubernetesObject, Manifest, manifest
from bedplate.labels import TENANT, Identity

_API_VERSION = "admissionregistration.k8s.io/v1"
_IDENTITY = Identity(name="guardrails", component="admission")


@dataclass(frozen=True, kw_only=True)
class GuardrailsArgs:
    """spec: the limits."""

    spec: GuardrailsSpec


class Guardrails(pulumi.ComponentResource):
    """The admission policies that bound every tenant."""

    def __init__(self, name: str, args: GuardrailsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Guardrails", name, {}, opts)
        for rule in RULES:
            policy = KubernetesObject(
                f"{name}-{rule.name}-policy", _policy(rule, args.spec), pulumi.ResourceOptions(parent=self)
            )
            KubernetesObject(
                f"{name}-{rule.name}-binding", _binding(rule), pulumi.ResourceOptions(parent=self, depends_on=[policy])
            )
        self.register_outputs({})


def policy_name(rule: Rule) -> str:
    """The policy's name, which the API server puts before the message of a refusal."""
    return f"bedplate-{rule.name}"


def _policy(rule: Rule, limits: GuardrailsSpec) -> Manifest:
    variables = {**limits.variables(), **VARIABLES}
    conditions = {
        # Foreground deletion ends with an update that removes a finalizer; refusing it would keep the object for ever.
        "not-being-deleted": "!has(object.metadata.deletionTimestamp)",
        "changed": rule.changed,
        **rule.conditions,
    }
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicy",
        policy_name(rule),
        _IDENTITY,
        annotations={"bedplate.dev/rule": rule.title},
        spec={
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in rule.kinds]
            },
            "matchConditions": [{"name": name, "expression": cel} for name, cel in conditions.items()],
            "variables": [
                {"name": name, "expression": cel} for name, cel in variables.items() if name in rule.variables
            ],
            "validations": [
                {
                    "expression": rule.expression,
                    "message": rule.title,
                    "messageExpression": rule.message,
                    "reason": "Forbidden",
                }
            ],
        },
    )


def _binding(rule: Rule) -> Manifest:
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicyBinding",
        policy_name(rule),
        _IDENTITY,
        spec={
            "policyName": policy_name(rule),
            "matchResources": {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}},
            "validationActions": ["Deny"],
        },
    )
