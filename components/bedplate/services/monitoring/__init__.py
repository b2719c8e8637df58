"""Who is told when something is wrong."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="monitoring.md",
    not_provided="it runs nothing: any Prometheus may mount the alerts",
)
