"""Metrics, and who is told when something is wrong."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="monitoring.md", provided="monitoring.provided")
