"""Secrets that stand in a store outside of the stack, and reach workloads by reference."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="secrets.md", provided="secrets.operators.provided")
