"""Guardrails: what no pod of a tenant may be, enforced by the API server itself."""

from typing import TYPE_CHECKING

from bedplate.guardrails.ceilings import MaxTenantSpec
from bedplate.guardrails.limits import GuardrailsSpec, IdleLimitSpec, MaxPodSpec
from bedplate.guardrails.rules import RULES, Rule
from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.guardrails.guardrails import Guardrails, GuardrailsArgs

__getattr__ = on_demand({"bedplate.guardrails.guardrails": ("Guardrails", "GuardrailsArgs")})

__all__ = [
    "RULES",
    "Guardrails",
    "GuardrailsArgs",
    "GuardrailsSpec",
    "IdleLimitSpec",
    "MaxPodSpec",
    "MaxTenantSpec",
    "Rule",
]
