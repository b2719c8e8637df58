"""The cloud contract and its implementations; no other module names a cloud.

A cloud's spec is plain data and imports nothing of the cloud; its SDK is imported by `implementation()` of the spec
that the stack file selects.
"""

from typing import TYPE_CHECKING

from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.clouds.allocatable import Allocatable
    from bedplate.clouds.catalogue import ACCELERATORS, Accelerator, MachineShape
    from bedplate.clouds.cluster import Cluster, ClusterArgs, create_cluster
    from bedplate.clouds.contract import ClusterSpec, MachineSpec, NodePoolSpec
    from bedplate.clouds.facts import AutoscalerFacts, ClusterFacts, KarpenterFacts, KarpenterPool
    from bedplate.clouds.prices import HOURS_PER_MONTH, ListPrices, OwnPrices, PoolPrices, pool_prices
    from bedplate.clouds.specs import CLOUD_SPECS, CloudSpec

# Who deploys one app needs the facts of a cluster, and the specs of no cloud.
__getattr__ = on_demand(
    {
        "bedplate.clouds.allocatable": ("Allocatable",),
        "bedplate.clouds.catalogue": ("ACCELERATORS", "Accelerator", "MachineShape"),
        "bedplate.clouds.cluster": ("Cluster", "ClusterArgs", "create_cluster"),
        "bedplate.clouds.contract": ("ClusterSpec", "MachineSpec", "NodePoolSpec"),
        "bedplate.clouds.facts": ("AutoscalerFacts", "ClusterFacts", "KarpenterFacts", "KarpenterPool"),
        "bedplate.clouds.prices": ("HOURS_PER_MONTH", "ListPrices", "OwnPrices", "PoolPrices", "pool_prices"),
        "bedplate.clouds.specs": ("CLOUD_SPECS", "CloudSpec"),
    }
)

__all__ = [
    "ACCELERATORS",
    "CLOUD_SPECS",
    "HOURS_PER_MONTH",
    "Accelerator",
    "Allocatable",
    "AutoscalerFacts",
    "CloudSpec",
    "Cluster",
    "ClusterArgs",
    "ClusterFacts",
    "ClusterSpec",
    "KarpenterFacts",
    "KarpenterPool",
    "ListPrices",
    "MachineShape",
    "MachineSpec",
    "NodePoolSpec",
    "OwnPrices",
    "PoolPrices",
    "create_cluster",
    "pool_prices",
]
