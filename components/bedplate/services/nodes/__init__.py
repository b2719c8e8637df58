"""What nodes need of the platform, and what pods need to get one."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="gpu-nodes.md",
    not_provided="it runs only what the cluster's facts say that nobody else does (cloud.facts.autoscaler)",
)
