"""The cloud contract and its implementations; no other module names a cloud.

A cloud's spec is plain data and imports nothing of the cloud; its SDK is imported by `implementation()` of the spec
that the stack file selects.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bedplate.clouds.allocatable import Allocatable
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.catalogue import ACCELERATORS, Accelerator, MachineShape
from bedplate.clouds.contract import ClusterSpec, MachineSpec, NodePoolSpec
from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.clouds.facts import AutoscalerFacts, ClusterFacts, KarpenterFacts, KarpenterPool
from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.clouds.prices import HOURS_PER_MONTH, ListPrices, OwnPrices, PoolPrices, pool_prices
from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.clouds.cluster import Cluster, ClusterArgs, create_cluster

CLOUD_SPECS: dict[str, type[ClusterSpec]] = {
    "existing": ExistingClusterSpec,
    "aws": AwsClusterSpec,
    "azure": AzureClusterSpec,
    "gcp": GcpClusterSpec,
}
CloudSpec = Annotated[
    ExistingClusterSpec | AwsClusterSpec | AzureClusterSpec | GcpClusterSpec, Field(discriminator="provider")
]

__getattr__ = on_demand({"bedplate.clouds.cluster": ("Cluster", "ClusterArgs", "create_cluster")})

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
