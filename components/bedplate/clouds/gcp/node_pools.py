"""Node pools of GKE.

Owns the pools, and for those with an interconnect that their machines stand together and get the networks of their
GPUs, which GKE makes. It deliberately owns no autoscaler: GKE has its own, and the number of nodes is its after
creation. Minor versions come with the control plane.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import container

from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import NodePoolSpec
from bedplate.clouds.gcp.cluster import NODE_SCOPES, GcpControlPlane
from bedplate.clouds.gcp.identity import GcpIdentities
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.clouds.managed import PODS_OF_A_NODE
from bedplate.labels import ACCELERATOR, POOL

_TAINT_EFFECTS = {"NoSchedule": "NO_SCHEDULE"}
_GPU_NAMES = {
    "nvidia-t4": "nvidia-tesla-t4",
    "nvidia-a100-40gb": "nvidia-tesla-a100",
    "nvidia-h100": "nvidia-h100-80gb",
    "nvidia-h200": "nvidia-h200-141gb",
}
"""Google's names where they differ: https://cloud.google.com/compute/docs/accelerator-optimized-machines."""
_HYPERDISK_ONLY = re.compile(r"(a3-ultragpu|a4|a4x|g4|n4|n4a|c4|c4a)-.*")
"""Machines without Persistent Disk: https://cloud.google.com/compute/docs/disks/hyperdisks#machine-type-support."""
_GPU_NETWORKS = {"cloud.google.com/gke-networking-dra-driver": "true"}
"""Runs the driver that hands the network cards to pods, from 1.34.1 on.

https://cloud.google.com/kubernetes-engine/docs/how-to/allocate-network-resources-dra
"""


def gpu_name(machine_type: str, accelerator: str) -> str:
    """Google's name of a GPU; those of A3 Mega have a name of their own."""
    if machine_type.startswith("a3-megagpu"):
        return "nvidia-h100-mega-80gb"
    return _GPU_NAMES.get(accelerator, accelerator)


def disk_type(machine_type: str) -> str:
    """Kind of boot disk that the machine takes."""
    return "hyperdisk-balanced" if _HYPERDISK_ONLY.fullmatch(machine_type) else "pd-balanced"


def local_disks(shape: MachineShape) -> int:
    """How many disks the machine has of its own: of 3,000 GiB with Grace processors, of 375 GiB everywhere else.

    https://cloud.google.com/compute/docs/disks/local-ssd
    """
    return shape.local_disk_gib // (3000 if shape.machine_type.startswith("a4x-") else 375)


def labels_of(name: str, pool: NodePoolSpec) -> dict[str, str]:
    """Labels of a pool's nodes."""
    return {
        POOL: name,
        **({ACCELERATOR: pool.offers} if pool.offers else {}),
        **(_GPU_NETWORKS if pool.interconnect else {}),
    }


@dataclass(frozen=True, kw_only=True)
class GcpNodePoolArgs:
    """pool_name: in the stack file. taints: key, value, effect. The rest: of this cluster."""

    spec: GcpClusterSpec
    pool_name: str
    pool: NodePoolSpec
    taints: Sequence[Mapping[str, str]]
    keys: GcpKeys
    identities: GcpIdentities
    control_plane: GcpControlPlane


class GcpNodePool(pulumi.ComponentResource):
    """Machines of one kind."""

    def __init__(self, name: str, args: GcpNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpNodePool", name, {}, opts)
        pool, shape = args.pool, args.spec.shape_of(args.pool)
        # Machines that talk to each other all the time stand in one zone, and a reservation is of one.
        zones = args.spec.availability_zones[: 1 if pool.interconnect or pool.reservation else None]
        container.NodePool(
            f"{name}-group",
            cluster=args.control_plane.cluster.name,
            location=args.spec.region,
            name_prefix=f"{args.pool_name[:13]}-",
            node_locations=list(zones),
            # In each zone; the autoscaler takes away what is more than `min`, but does not add what is less.
            initial_node_count=-(-pool.min // len(zones)),
            autoscaling=container.NodePoolAutoscalingArgs(
                total_min_node_count=pool.min,
                total_max_node_count=pool.max,
                # GPUs and spot machines come from the zone that has them.
                location_policy="ANY" if pool.accelerator or pool.spot else "BALANCED",
            ),
            max_pods_per_node=PODS_OF_A_NODE,
            management=container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
            upgrade_settings=_upgrades(has_gpus=bool(shape.gpus)),
            placement_policy=container.NodePoolPlacementPolicyArgs(type="COMPACT") if pool.interconnect else None,
            network_config=container.NodePoolNetworkConfigArgs(
                enable_private_nodes=True,
                # GKE makes a network for each card: https://cloud.google.com/kubernetes-engine/docs/how-to/config-auto-net-for-accelerators
                accelerator_network_profile="auto" if pool.interconnect else None,
            ),
            node_config=self._nodes(args, shape),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=args.keys.usable, ignore_changes=["initialNodeCount", "nodeCount"]
            ),
        )
        self.register_outputs({})

    def _nodes(self, args: GcpNodePoolArgs, shape: MachineShape) -> container.NodePoolNodeConfigArgs:
        pool = args.pool
        return container.NodePoolNodeConfigArgs(
            machine_type=shape.machine_type,
            image_type="COS_CONTAINERD",
            spot=pool.spot,
            service_account=args.identities.nodes.email,
            oauth_scopes=list(NODE_SCOPES),
            disk_type=disk_type(shape.machine_type),
            disk_size_gb=int(pool.disk_gib),
            boot_disk_kms_key=args.keys.data_id,
            ephemeral_storage_local_ssd_config=(
                container.NodePoolNodeConfigEphemeralStorageLocalSsdConfigArgs(local_ssd_count=local_disks(shape))
                if pool.local_disks
                else None
            ),
            guest_accelerators=_gpus(pool, shape),
            reservation_affinity=_reserved(pool),
            gvnic=container.NodePoolNodeConfigGvnicArgs(enabled=True),
            labels=labels_of(args.pool_name, pool),
            # GKE taints GPU nodes the same way, but not where all pools have GPUs: https://cloud.google.com/kubernetes-engine/docs/how-to/gpus
            taints=[_taint(taint) for taint in args.taints],
            resource_labels=args.spec.resource_labels,
            tags=[args.spec.name],
            metadata={"disable-legacy-endpoints": "true"},
            workload_metadata_config=container.NodePoolNodeConfigWorkloadMetadataConfigArgs(mode="GKE_METADATA"),
            # The drivers that GKE installs are signed, as Container-Optimized OS demands of what it loads.
            shielded_instance_config=container.NodePoolNodeConfigShieldedInstanceConfigArgs(
                enable_secure_boot=True, enable_integrity_monitoring=True
            ),
            kubelet_config=container.NodePoolNodeConfigKubeletConfigArgs(
                insecure_kubelet_readonly_port_enabled="FALSE"
            ),
        )


def _gpus(pool: NodePoolSpec, shape: MachineShape) -> list[container.NodePoolNodeConfigGuestAcceleratorArgs]:
    if not pool.accelerator:
        return []
    driver = container.NodePoolNodeConfigGuestAcceleratorGpuDriverInstallationConfigArgs(gpu_driver_version="DEFAULT")
    return [
        container.NodePoolNodeConfigGuestAcceleratorArgs(
            type=gpu_name(shape.machine_type, pool.accelerator),
            count=shape.gpus,
            gpu_partition_size=pool.sharing.mig if pool.sharing else None,
            gpu_sharing_config=_in_turns(pool),
            gpu_driver_installation_config=driver,
        )
    ]


def _in_turns(pool: NodePoolSpec) -> container.NodePoolNodeConfigGuestAcceleratorGpuSharingConfigArgs | None:
    """https://cloud.google.com/kubernetes-engine/docs/how-to/timesharing-gpus"""
    if pool.sharing is None or pool.sharing.time_slicing is None:
        return None
    return container.NodePoolNodeConfigGuestAcceleratorGpuSharingConfigArgs(
        gpu_sharing_strategy="TIME_SHARING", max_shared_clients_per_gpu=pool.sharing.time_slicing
    )


def _reserved(pool: NodePoolSpec) -> container.NodePoolNodeConfigReservationAffinityArgs | None:
    """This reservation and no other. Without one, none at all: what others reserved is not ours to use up."""
    if not pool.reservation:
        return container.NodePoolNodeConfigReservationAffinityArgs(consume_reservation_type="NO_RESERVATION")
    return container.NodePoolNodeConfigReservationAffinityArgs(
        consume_reservation_type="SPECIFIC_RESERVATION",
        key="compute.googleapis.com/reservation-name",
        values=[pool.reservation],
    )


def _upgrades(*, has_gpus: bool) -> container.NodePoolUpgradeSettingsArgs:
    """A spare CPU machine can be had for an upgrade; a spare GPU machine seldom."""
    return container.NodePoolUpgradeSettingsArgs(
        strategy="SURGE", max_surge=0 if has_gpus else 1, max_unavailable=1 if has_gpus else 0
    )


def _taint(taint: Mapping[str, str]) -> container.NodePoolNodeConfigTaintArgs:
    return container.NodePoolNodeConfigTaintArgs(
        key=taint["key"], value=taint["value"], effect=_TAINT_EFFECTS[taint["effect"]]
    )
