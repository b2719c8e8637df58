"""The cloud contract and its implementations; no other module names a cloud.

A cloud's spec is plain data and imports nothing of the cloud; its SDK is imported by `implementation()` of the spec
that the stack file selects.
"""

from typing import Annotated

import pulumi
from pydantic import Field

from bedplate.clouds.allocatable import Allocatable
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.catalogue import ACCELERATORS, Accelerator, MachineShape
from bedplate.clouds.contract import Cluster, ClusterArgs, ClusterSpec, MachineSpec, NodePoolSpec
from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.clouds.facts import AutoscalerFacts, ClusterFacts, KarpenterFacts, KarpenterPool
from bedplate.clouds.gcp.spec import GcpClusterSpec

CLOUD_SPECS: dict[str, type[ClusterSpec]] = {
    "existing": ExistingClusterSpec,
    "aws": AwsClusterSpec,
    "azure": AzureClusterSpec,
    "gcp": GcpClusterSpec,
}
CloudSpec = Annotated[
    ExistingClusterSpec | AwsClusterSpec | AzureClusterSpec | GcpClusterSpec, Field(discriminator="provider")
]


def create_cluster(name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> Cluster:
    """The cluster that the spec describes, behind the contract all clouds share."""
    return args.spec.implementation()(name, args, opts)


__all__ = [
    "ACCELERATORS",
    "CLOUD_SPECS",
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
    "MachineShape",
    "MachineSpec",
    "NodePoolSpec",
    "create_cluster",
]
