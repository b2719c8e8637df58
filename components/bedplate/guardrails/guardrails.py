"""Guardrails as ValidatingAdmissionPolicies: no engine to run, no webhook whose outage stops the cluster.

Owns a namespace with the limits as a ConfigMap, and a policy with its binding for each rule. The bindings match every
namespace that carries the tenant label, so a tenant needs nothing of its own. A policy takes about a second to be
enforced after it was created; nothing of a stack depends on that second, because the specs are checked against the
same limits before anything is created.
"""

from dataclasses import dataclass

import pulumi

from bedplate.guardrails.limits import GuardrailsSpec
from bedplate.guardrails.rules import RULES, VARIABLES, Rule
from bedplate.kubernetes import KubernetesObject, Manifest, manifest
from bedplate.labels import GUARDRAILS_NAMESPACE, TENANT, Identity

_API_VERSION = "admissionregistration.k8s.io/v1"
_LIMITS = "limits"
_IDENTITY = Identity(name="guardrails", component="admission")


@dataclass(frozen=True, kw_only=True)
class GuardrailsArgs:
    """spec: the limits."""

    spec: GuardrailsSpec


class Guardrails(pulumi.ComponentResource):
    """The admission policies that bound every tenant."""

    def __init__(self, name: str, args: GuardrailsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Guardrails", name, {}, opts)
        namespace = KubernetesObject(
            f"{name}-namespace",
            manifest("v1", "Namespace", GUARDRAILS_NAMESPACE, _IDENTITY),
            pulumi.ResourceOptions(parent=self),
        )
        limits = KubernetesObject(
            f"{name}-limits",
            manifest(
                "v1",
                "ConfigMap",
                _LIMITS,
                _IDENTITY,
                namespace=GUARDRAILS_NAMESPACE,
                data=args.spec.parameters(),
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[namespace], deleted_with=namespace),
        )
        for rule in RULES:
            policy = KubernetesObject(
                f"{name}-{rule.name}-policy", _policy(rule), pulumi.ResourceOptions(parent=self, depends_on=[limits])
            )
            KubernetesObject(
                f"{name}-{rule.name}-binding", _binding(rule), pulumi.ResourceOptions(parent=self, depends_on=[policy])
            )
        self.register_outputs({})


def policy_name(rule: Rule) -> str:
    """The policy's name, which the API server puts before the message of a refusal."""
    return f"bedplate-{rule.name}"


def _policy(rule: Rule) -> Manifest:
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
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {
                "resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in rule.kinds]
            },
            "matchConditions": [{"name": name, "expression": cel} for name, cel in conditions.items()],
            "variables": [
                {"name": name, "expression": cel} for name, cel in VARIABLES.items() if name in rule.variables
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
            "paramRef": {
                "name": _LIMITS,
                "namespace": GUARDRAILS_NAMESPACE,
                "parameterNotFoundAction": "Deny",
            },
            "matchResources": {
                "namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}
            },
            "validationActions": ["Deny"],
        },
    )
