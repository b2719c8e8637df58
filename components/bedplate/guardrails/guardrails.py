"""Guardrails as a ValidatingAdmissionPolicy: no engine to run, no webhook whose outage stops the cluster.

Owns one policy with its binding for all rules about objects together, because the API server answers with the first
refusal of the first policy alone: whoever breaks four rules must read four reasons. Bindings match every namespace that
carries the tenant label, so a tenant needs nothing of its own. The limits are written into the policy rather than in a
parameter ConfigMap: an API server goes on using a ConfigMap's old content, for good, once its last binding was removed
and made again (https://github.com/kubernetes/kubernetes/issues/130887). A policy takes about a second to be enforced
after it was created; nothing of a stack depends on that second, because the specs are checked against the same limits
before anything is created.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.guardrails.activity import POLICY as ACTIVITY
from bedplate.guardrails.activity import activity_spec
from bedplate.guardrails.budgets import MARKS_POLICY, budgets_spec, marks_spec
from bedplate.guardrails.budgets import POLICY as BUDGETS
from bedplate.guardrails.deployments import POLICY as DEPLOYMENTS
from bedplate.guardrails.deployments import deployments_spec
from bedplate.guardrails.endless import POLICY as ENDLESS
from bedplate.guardrails.endless import endless_spec
from bedplate.guardrails.images import POLICY as IMAGES
from bedplate.guardrails.images import SCANS_POLICY as SCANS
from bedplate.guardrails.images import images_spec, scans_spec
from bedplate.guardrails.limits import GuardrailsSpec
from bedplate.guardrails.orphans import POLICY as ORPHANS
from bedplate.guardrails.orphans import orphans_spec
from bedplate.guardrails.plain import PLAIN
from bedplate.guardrails.reasons import KNOWN_RESOURCES, UNKNOWN
from bedplate.guardrails.rules import LENGTH, RULES, Rule
from bedplate.guardrails.sight import OWNED_KINDS, VARIABLES
from bedplate.guardrails.stores import POLICY as STORES
from bedplate.guardrails.stores import stores_spec
from bedplate.guardrails.triggers import POLICY as TRIGGERS
from bedplate.guardrails.triggers import triggers_binding, triggers_spec
from bedplate.kubernetes import KubernetesObject, Manifest, manifest
from bedplate.labels import BUDGET_MARKER, COST_NAMESPACE, TENANT, Identity

_API_VERSION = "admissionregistration.k8s.io/v1"
POLICY = "bedplate-guardrails"
"""The policy's name, which the API server puts before the reasons of a refusal."""
_LONGEST = 4000
"""Characters of a refusal; Kubernetes takes 5 KiB."""
_IDENTITY = Identity(name="guardrails", component="admission")


@dataclass(frozen=True, kw_only=True)
class GuardrailsArgs:
    """spec: the limits. accelerators: those of the cluster's pools. budgets_deny: whether GPUs are denied to whoever
    has used up a budget. contact: whom to ask for more. domain: of hosts. resources: that pods may ask for beside
    those of every cluster. scanned_places: what images begin with that must have passed a scan."""

    spec: GuardrailsSpec
    accelerators: Sequence[str]
    domain: str
    budgets_deny: bool = False
    contact: str | None = None
    resources: Sequence[str] = ()
    scanned_places: Sequence[str] = ()


class Guardrails(pulumi.ComponentResource):
    """The admission policy that bounds every tenant."""

    def __init__(self, name: str, args: GuardrailsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Guardrails", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        policy = KubernetesObject(f"{name}-policy", _policy(args), child)
        KubernetesObject(f"{name}-binding", _binding(POLICY), pulumi.ResourceOptions(parent=self, depends_on=[policy]))
        self._beside(f"{name}-orphans", ORPHANS, orphans_spec())
        self._beside(f"{name}-activity", ACTIVITY, activity_spec())
        self._beside(
            f"{name}-deployments", DEPLOYMENTS, deployments_spec(args.domain, public_routes=args.spec.public_routes)
        )
        self._beside(f"{name}-endless", ENDLESS, endless_spec())
        self._beside(f"{name}-triggers", TRIGGERS, triggers_spec(), triggers_binding())
        self._beside(f"{name}-secret-stores", STORES, stores_spec())
        if args.spec.image_digests or args.scanned_places:
            spec = images_spec(digests=args.spec.image_digests, places=args.scanned_places)
            self._beside(f"{name}-images", IMAGES, spec)
        if args.scanned_places:
            self._beside(f"{name}-scans", SCANS, scans_spec())
        if args.budgets_deny:
            counter = f"system:serviceaccount:{COST_NAMESPACE}:{BUDGET_MARKER}"
            self._beside(f"{name}-budgets", BUDGETS, budgets_spec(args.contact))
            self._beside(f"{name}-budget-marks", MARKS_POLICY, marks_spec(counter))
        self.register_outputs({})

    def _beside(self, name: str, policy: str, spec: Manifest, bound: Manifest | None = None) -> None:
        """A policy with its binding, beside that of the rules."""
        body = manifest(_API_VERSION, "ValidatingAdmissionPolicy", policy, _IDENTITY, spec=spec)
        made = KubernetesObject(f"{name}-policy", body, pulumi.ResourceOptions(parent=self))
        opts = pulumi.ResourceOptions(parent=self, depends_on=[made])
        KubernetesObject(f"{name}-binding", _binding(policy, bound), opts)


def _policy(args: GuardrailsArgs) -> Manifest:
    # A reason a rule, each a variable of its own: a variable is evaluated within a budget of its own.
    reasons = {_variable(rule): rule.expression() for rule in RULES}
    said = ", ".join(
        f"variables.{_variable(rule)} == '' ? '' : '{rule.name}: ' + variables.{_variable(rule)}" for rule in RULES
    )
    # As text within text: in JSON it would have quotation marks that end it.
    known = (*KNOWN_RESOURCES, *args.resources)
    limits = {
        **args.spec.variables(),
        "accelerators": json.dumps(list(args.accelerators)),
        "resources": str(list(known)),
        "resourceNames": f"'{', '.join(known)}'",
    }
    length = f"variables.{_variable(LENGTH)}"
    refusal = f"{length} != '' ? '{LENGTH.name}: ' + {length} : [{said}].filter(s, s != '').join(' | ')"
    variables = {**VARIABLES, "isPlain": PLAIN, **UNKNOWN, **reasons, "refusal": refusal}
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicy",
        POLICY,
        _IDENTITY,
        spec={
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in OWNED_KINDS]
            },
            "variables": [{"name": name, "expression": _with(limits, cel)} for name, cel in variables.items()],
            "validations": [
                {
                    "expression": "variables.isPlain || variables.refusal == ''",
                    "message": "guardrails are broken; see docs/reference/guardrails.md",
                    # One of more than 5 KiB falls back to the message above (MaxEvaluatedMessageExpressionSizeBytes,
                    # https://github.com/kubernetes/apiserver/blob/v0.35.4/pkg/apis/cel/config.go).
                    "messageExpression": (
                        "variables.isPlain ? '' : variables.refusal.size() <= "
                        f"{_LONGEST} ? variables.refusal : variables.refusal.substring(0, {_LONGEST}) + ' …'"
                    ),
                    "reason": "Forbidden",
                }
            ],
        },
    )


def _with(limits: Mapping[str, str], cel: str) -> str:
    """The expression with the limits in it: a variable costs more than all that is done with a constant."""
    return re.sub(r"\bvariables\.(\w+)", lambda found: limits.get(found[1], found[0]), cel)


def _variable(rule: Rule) -> str:
    return "said" + "".join(word.capitalize() for word in rule.name.split("-"))


def _binding(policy: str, bound: Manifest | None = None) -> Manifest:
    return manifest(
        _API_VERSION,
        "ValidatingAdmissionPolicyBinding",
        policy,
        _IDENTITY,
        spec={
            "policyName": policy,
            "matchResources": {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}},
            "validationActions": ["Deny"],
            **(bound or {}),
        },
    )
