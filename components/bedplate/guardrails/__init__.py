"""Guardrails: what no pod of a tenant may be, enforced by the API server itself."""

from bedplate.guardrails.ceilings import MaxTenantSpec
from bedplate.guardrails.guardrails import Guardrails, GuardrailsArgs
from bedplate.guardrails.limits import GuardrailsSpec, IdleSpec, MaxPodSpec
from bedplate.guardrails.rules import RULES, Rule

__all__ = ["RULES", "Guardrails", "GuardrailsArgs", "GuardrailsSpec", "IdleSpec", "MaxPodSpec", "MaxTenantSpec", "Rule"]
