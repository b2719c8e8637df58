"""Node pools as managed node groups of EKS.

Owns launch templates, node groups, and for pools with an interconnect the placement group and the security group of
EFA. It deliberately owns no autoscaler, only what one may change: the wanted size of a group is the autoscaler's
after creation.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, eks, vpc

from bedplate.clouds.aws.cluster import AwsControlPlane
from bedplate.clouds.aws.fabric import RESOURCE as EFA
from bedplate.clouds.aws.identity import AwsIdentities
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.network import AwsNetwork
from bedplate.clouds.aws.spec import AwsClusterSpec, Reservation
from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import NodePoolSpec
from bedplate.labels import ACCELERATOR, GPU_RESOURCE, POOL

_TAINT_EFFECTS = {"NoSchedule": "NO_SCHEDULE"}
_AUTOSCALER_GPU_LABEL = "k8s.amazonaws.com/accelerator"
"""Of nodes that will offer GPUs. The cluster autoscaler takes such a node for unready until it offers them, instead of
adding another for the pods that still wait; and it counts those that never do.

https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/aws/aws_cloud_provider.go#L38-L39
"""
_AUTOSCALER_TAG = "k8s.io/cluster-autoscaler/node-template/resources/"
_AUTOSCALER_DISK_TAG = f"{_AUTOSCALER_TAG}ephemeral-storage"
"""What the cluster autoscaler takes a machine's disk from while a group has none; it knows cores, memory and GPUs of
each type itself. Without it such a group has no disk, and no pod that asks for some ever brings its first machine
(`buildNodeFromTemplate`, in the file that `labels_of` names).
"""
_AUTOSCALER_GPU_TAG = f"{_AUTOSCALER_TAG}{GPU_RESOURCE}"
"""Overrides the GPUs of the type, in the same function."""
SPOT_LABEL = {"eks.amazonaws.com/capacityType": "SPOT"}
"""EKS puts it on its node groups' machines; Karpenter's get it too, so that one label tells both."""
_BOUNDARY = "bedplate"
_TAGGED = ("instance", "volume", "network-interface")


def ami_type(machine_type: str, *, has_gpus: bool) -> str:
    """Amazon Linux 2023 for the processor, with NVIDIA's driver for GPUs: https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-optimized-ami.html.

    Graviton's types have a 'g' behind their generation, NVIDIA's own processors come with the GPUs named 'gb':
    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html.
    """
    processor = "ARM_64" if re.match(r"[a-z]+[0-9]+g|[a-z0-9]+-gb[0-9]", machine_type) else "x86_64"
    return f"AL2023_{processor}_{'NVIDIA' if has_gpus else 'STANDARD'}"


def capacity_type(spec: AwsClusterSpec, pool: NodePoolSpec) -> str:
    """https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html: of a block it must say so."""
    reservation = spec.reservation_of(pool)
    if reservation and reservation.is_block:
        return "CAPACITY_BLOCK"
    return "SPOT" if pool.spot else "ON_DEMAND"


def local_disks_user_data() -> str:
    """What joins a machine's own disks, for images, logs and scratch space, before it joins the cluster.

    EKS merges its own part into the multipart document of a managed node group:
    https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html#launch-template-user-data,
    https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/#localstorageoptions. JSON is YAML.
    """
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"instance": {"localStorage": {"strategy": "RAID0"}}},
    }
    lines = (
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"',
        "",
        f"--{_BOUNDARY}",
        "Content-Type: application/node.eks.aws",
        "",
        json.dumps(config),
        f"--{_BOUNDARY}--",
        "",
    )
    return base64.b64encode("\n".join(lines).encode()).decode()


def labels_of(name: str, pool: NodePoolSpec) -> dict[str, str]:
    """Labels of a pool's nodes; the autoscaler reads them, like the taint, off a node group that has no node yet.

    https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/aws/aws_manager.go#L307-L340
    """
    if not pool.accelerator or not pool.offers:
        return {POOL: name}
    return {POOL: name, ACCELERATOR: pool.offers, _AUTOSCALER_GPU_LABEL: pool.accelerator}


@dataclass(frozen=True, kw_only=True)
class AwsNodePoolArgs:
    """pool_name: in the stack file. pool: what of it is a node group. taints: key, value, effect. The rest: of this
    cluster."""

    spec: AwsClusterSpec
    pool_name: str
    pool: NodePoolSpec
    taints: Sequence[Mapping[str, str]]
    network: AwsNetwork
    keys: AwsKeys
    identities: AwsIdentities
    control_plane: AwsControlPlane
    tags: Mapping[str, str]


class AwsNodePool(pulumi.ComponentResource):
    """Machines of one kind."""

    def __init__(self, name: str, args: AwsNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsNodePool", name, {}, opts)
        pool, shape = args.pool, args.spec.shape_of(args.pool)
        template = self._launch_template(name, args, shape)
        eks.NodeGroup(
            f"{name}-group",
            cluster_name=args.control_plane.cluster.name,
            node_group_name_prefix=f"{args.pool_name[:30]}-",
            node_role_arn=args.identities.nodes.arn,
            version=args.spec.kubernetes_version,
            ami_type=ami_type(shape.machine_type, has_gpus=bool(shape.gpus)),
            capacity_type=capacity_type(args.spec, pool),
            subnet_ids=_subnets(args),
            scaling_config=eks.NodeGroupScalingConfigArgs(min_size=pool.min, max_size=pool.max, desired_size=pool.min),
            launch_template=eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
            labels=labels_of(args.pool_name, pool),
            taints=[_taint(taint) for taint in args.taints],
            tags=_autoscaler_tags(args.spec, pool),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            node_repair_config=eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*args.control_plane.addons, args.identities.nodes],
                # Of a fixed size nobody else changes it, and it must follow both bounds.
                ignore_changes=["scalingConfig.desiredSize"] if pool.min < pool.max else [],
            ),
        )
        self.register_outputs({})

    def _launch_template(self, name: str, args: AwsNodePoolArgs, shape: MachineShape) -> ec2.LaunchTemplate:
        joined, reservation = args.pool.interconnect, args.spec.reservation_of(args.pool)
        return ec2.LaunchTemplate(
            f"{name}-template",
            instance_type=shape.machine_type,
            update_default_version=True,
            # Pods never reach the metadata service: https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=int(args.pool.disk_gib),
                        volume_type="gp3",
                        encrypted="true",
                        kms_key_id=args.keys.data_arn,
                        delete_on_termination="true",
                    ),
                )
            ],
            network_interfaces=self._interconnect(name, args, shape) if joined else None,
            # A reservation stands where it was made; in a placement group of ours its machines would not be found:
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/cr-cpg.html
            placement=self._side_by_side(name) if joined and not reservation else None,
            capacity_reservation_specification=_target(reservation) if reservation else None,
            instance_market_options=ec2.LaunchTemplateInstanceMarketOptionsArgs(market_type="capacity-block")
            if reservation and reservation.is_block
            else None,
            user_data=local_disks_user_data() if args.pool.local_disks else None,
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(
                    resource_type=kind, tags={**args.tags, "Name": f"{args.spec.name}-{args.pool_name}"}
                )
                for kind in _TAGGED
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _side_by_side(self, name: str) -> ec2.LaunchTemplatePlacementArgs:
        group = ec2.PlacementGroup(f"{name}-placement", strategy="cluster", opts=pulumi.ResourceOptions(parent=self))
        return ec2.LaunchTemplatePlacementArgs(group_name=group.name)

    def _interconnect(
        self, name: str, args: AwsNodePoolArgs, shape: MachineShape
    ) -> list[ec2.LaunchTemplateNetworkInterfaceArgs]:
        """A card a GPU network: the first has the node's address, the others carry EFA alone.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html
        """
        child = pulumi.ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            f"{name}-interconnect",
            vpc_id=args.network.vpc_id,
            description="EFA: all traffic among the nodes of this pool",
            opts=child,
        )
        for rule, direction in (("in", vpc.SecurityGroupIngressRule), ("out", vpc.SecurityGroupEgressRule)):
            direction(
                f"{name}-interconnect-{rule}",
                security_group_id=group.id,
                referenced_security_group_id=group.id,
                ip_protocol="-1",
                opts=child,
            )
        of_cluster = args.control_plane.cluster.vpc_config.cluster_security_group_id
        return [
            ec2.LaunchTemplateNetworkInterfaceArgs(
                network_card_index=card,
                device_index=min(card, 1),
                interface_type="efa-only" if card else "efa",
                security_groups=[of_cluster.apply(str), group.id],
                delete_on_termination="true",
            )
            for card in range(shape.interconnects)
        ]


def _autoscaler_tags(spec: AwsClusterSpec, pool: NodePoolSpec) -> dict[str, str]:
    """What a machine offers, where the autoscaler cannot know it of its type: disk, EFA, GPUs used in turns."""
    offer, shape = spec.allocatable(pool), spec.shape_of(pool)
    shared = {_AUTOSCALER_GPU_TAG: str(offer.gpus)} if pool.sharing else {}
    cards = {f"{_AUTOSCALER_TAG}{EFA}": str(shape.interconnects)} if pool.interconnect else {}
    return {_AUTOSCALER_DISK_TAG: f"{int(offer.disk_gib)}Gi", **shared, **cards}


def _subnets(args: AwsNodePoolArgs) -> Sequence[pulumi.Output[str]]:
    """That of the reservation's zone; one for machines that talk to each other all the time; or all."""
    subnets, reservation = args.network.private_subnet_ids, args.spec.reservation_of(args.pool)
    if reservation:
        return [subnets[args.spec.availability_zones.index(reservation.zone)]]
    return subnets[:1] if args.pool.interconnect else subnets


def _target(reservation: Reservation) -> ec2.LaunchTemplateCapacityReservationSpecificationArgs:
    return ec2.LaunchTemplateCapacityReservationSpecificationArgs(
        capacity_reservation_target=ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
            capacity_reservation_id=reservation.id
        )
    )


def _taint(taint: Mapping[str, str]) -> eks.NodeGroupTaintArgs:
    return eks.NodeGroupTaintArgs(key=taint["key"], value=taint["value"], effect=_TAINT_EFFECTS[taint["effect"]])
