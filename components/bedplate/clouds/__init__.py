"""The cloud contract and its implementations; no other module names a cloud.

`create_cluster` picks the implementation by the type of the spec, and imports a cloud's SDK only then.
"""

import pulumi

from bedplate.clouds.catalogue import ACCELERATORS, Accelerator
from bedplate.clouds.contract import Cluster, ClusterArgs, ClusterFacts, ClusterSpec, MachineSpec, NodePoolSpec
from bedplate.clouds.existing import ExistingCluster, ExistingClusterSpec

CloudSpec = ExistingClusterSpec
"""A discriminated union on `provider`, as soon as there is a second cloud."""


def create_cluster(name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> Cluster:
    """The cluster that the spec describes, behind the contract all clouds share."""
    return ExistingCluster(name, args, opts)


__all__ = [
    "ACCELERATORS",
    "Accelerator",
    "CloudSpec",
    "Cluster",
    "ClusterArgs",
    "ClusterFacts",
    "ClusterSpec",
    "ExistingCluster",
    "ExistingClusterSpec",
    "MachineSpec",
    "NodePoolSpec",
    "create_cluster",
]
