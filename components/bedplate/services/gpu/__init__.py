"""What makes nodes offer their GPUs, and what tells how those are used."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="gpu-nodes.md",
    not_provided="it runs only what the cluster's facts say that nobody else does (hasDevicePlugin, hasGpuMetrics)",
)
