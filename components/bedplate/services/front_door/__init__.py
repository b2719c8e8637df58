"""Where people come in: Traefik, and the ways to workloads."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="routes.md",
    not_provided="routes name plugins and flags of Traefik that only its own installation is sure to have (ADR 0017)",
)
