"""Node pools as agent pools of AKS.

Owns what a pool's machines are; the first one is created with the cluster, the others here. It deliberately owns no
autoscaler, which is AKS's, and not the wanted number of machines, which is the autoscaler's after creation. Nodes run
Ubuntu: on GPU machines AKS installs NVIDIA's driver there and keeps it patched, which it does not on Azure Linux
(https://learn.microsoft.com/azure/aks/use-nvidia-gpu#limitations).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pulumi
from pulumi_azure_native import containerservice as aks

from bedplate.clouds.azure.cluster import AzureControlPlane
from bedplate.clouds.azure.network import AzureNetwork
from bedplate.clouds.azure.spec import SYSTEM_POOL, AzureClusterSpec
from bedplate.clouds.contract import NodePoolSpec
from bedplate.clouds.managed import PODS_OF_A_NODE
from bedplate.labels import ACCELERATOR, POOL

_DRAIN_MINUTES = 60


def agent_pool_name(pool_name: str) -> str:
    """At most twelve lower-case letters and digits, a letter first; other names become letters and digits made of them.

    https://learn.microsoft.com/azure/aks/use-system-pools#limitations
    """
    if re.fullmatch(r"[a-z][a-z0-9]{0,11}", pool_name):
        return pool_name
    letters = re.sub(r"[^a-z0-9]", "", pool_name)[:5]
    return f"p{letters}{sha256(pool_name.encode()).hexdigest()[:6]}"


def labels_of(name: str, pool: NodePoolSpec) -> dict[str, str]:
    """Labels of a pool's nodes."""
    return {POOL: name, **({ACCELERATOR: pool.offers} if pool.offers else {})}


def settings_of(
    spec: AzureClusterSpec, pool_name: str, pools: Mapping[str, NodePoolSpec], network: AzureNetwork
) -> dict[str, Any]:
    """What a pool's machines are, as both the cluster and an agent pool take it."""
    pool = pools[pool_name]
    shape = spec.shape_of(pool)
    # Machines that talk to each other all the time stand in one zone. A pool is one scale set with one placement group,
    # which is what InfiniBand joins: https://learn.microsoft.com/azure/virtual-machines/setup-infiniband.
    zones = list(spec.availability_zones[:1] if pool.interconnect else spec.availability_zones)
    return {
        "vm_size": shape.machine_type,
        "mode": aks.AgentPoolMode.SYSTEM if pool_name == SYSTEM_POOL else aks.AgentPoolMode.USER,
        "type": aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
        "orchestrator_version": spec.kubernetes_version,
        "os_type": aks.OSType.LINUX,
        "os_sku": aks.OSSKU.UBUNTU,
        # The machine's own disk: https://learn.microsoft.com/azure/aks/concepts-storage#ephemeral-os-disks-in-aks.
        "os_disk_type": aks.OSDiskType.EPHEMERAL if pool.local_disks else aks.OSDiskType.MANAGED,
        "os_disk_size_gb": int(pool.disk_gib),
        "kubelet_disk_type": aks.KubeletDiskType.OS,
        "enable_encryption_at_host": True,
        "enable_node_public_ip": False,
        "vnet_subnet_id": network.nodes_subnet_id,
        "availability_zones": zones,
        "capacity_reservation_group_id": pool.reservation,
        "enable_auto_scaling": True,
        "min_count": pool.min,
        "max_count": pool.max,
        "count": pool.min,
        "max_pods": PODS_OF_A_NODE,
        "scale_down_mode": aks.ScaleDownMode.DELETE,
        "gpu_profile": aks.GPUProfileArgs(driver=aks.GPUDriver.INSTALL) if shape.gpus else None,
        "gpu_instance_profile": _cut(pool),
        "node_labels": labels_of(pool_name, pool),
        "node_taints": [
            f"{taint['key']}={taint['value']}:{taint['effect']}" for taint in spec.taints_of(pool_name, pools)
        ],
        "upgrade_settings": _upgrades(has_gpus=bool(shape.gpus)),
        "tags": spec.resource_tags,
    }


def _cut(pool: NodePoolSpec) -> str | None:
    """Of `1g.10gb` the cores, `MIG1g`: https://learn.microsoft.com/azure/aks/gpu-multi-instance."""
    return f"MIG{pool.sharing.mig.partition('.')[0]}" if pool.sharing and pool.sharing.mig else None


def _upgrades(*, has_gpus: bool) -> aks.AgentPoolUpgradeSettingsArgs:
    """One machine more while nodes are replaced, but no second GPU machine, which nobody may have to give.

    https://learn.microsoft.com/azure/aks/upgrade-aks-node-pools-rolling
    """
    more, fewer = ("0", "1") if has_gpus else ("1", "0")
    return aks.AgentPoolUpgradeSettingsArgs(
        drain_timeout_in_minutes=_DRAIN_MINUTES, max_surge=more, max_unavailable=fewer
    )


def system_pool(spec: AzureClusterSpec, pools: Mapping[str, NodePoolSpec], network: AzureNetwork) -> dict[str, Any]:
    """The pool that the cluster is created with."""
    return {"name": agent_pool_name(SYSTEM_POOL), **settings_of(spec, SYSTEM_POOL, pools, network)}


@dataclass(frozen=True, kw_only=True)
class AzureNodePoolArgs:
    """pool_name: in the stack file, one of `pools`. The rest: of this cluster."""

    spec: AzureClusterSpec
    pool_name: str
    pools: Mapping[str, NodePoolSpec]
    network: AzureNetwork
    control_plane: AzureControlPlane


class AzureNodePool(pulumi.ComponentResource):
    """Machines of one kind."""

    def __init__(self, name: str, args: AzureNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureNodePool", name, {}, opts)
        aks.AgentPool(
            f"{name}-group",
            agent_pool_name=agent_pool_name(args.pool_name),
            resource_name_=args.control_plane.cluster.name,
            resource_group_name=args.network.resource_group,
            **settings_of(args.spec, args.pool_name, args.pools, args.network),
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.control_plane.windows, ignore_changes=["count"]),
        )
        self.register_outputs({})
