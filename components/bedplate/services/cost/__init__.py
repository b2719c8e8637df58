"""What everything costs, and whose it is."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="cost.md",
    not_provided="it computes by rules of the platform's own Prometheus; OpenCost stands beside it by `cost.openCost`",
)
