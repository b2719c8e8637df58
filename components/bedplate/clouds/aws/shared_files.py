"""Volumes that pods of many nodes mount: one file system of Amazon EFS, a directory with its own user for each volume.

Owns the file system, its mount targets, who reaches them, its daily backup (kept for five weeks,
https://docs.aws.amazon.com/efs/latest/ug/awsbackup.html), and its driver with the driver's role. It deliberately bounds
no volume's size: EFS has no quotas, so a claim's size only counts against its tenant's. A file that nobody read for a
month moves to the cheaper storage class, and back when it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, efs, vpc

from bedplate.clouds.aws.cluster import AddonsOf, AwsControlPlane
from bedplate.clouds.aws.identity import AwsRole, AwsRoleArgs
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.network import AwsNetwork
from bedplate.clouds.aws.policies import Statement, grant, policy, trust_of_pods
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.facts import StorageProvisioner

_NFS_PORT = 2049
_USER = "65532"
"""Whom the platform's pods run as; the directory belongs to that user whoever mounts it."""
_DRIVER = "efs-csi-controller-sa"


@dataclass(frozen=True, kw_only=True)
class AwsSharedFilesArgs:
    """network, keys, control_plane: of this cluster. after: the nodes, without which the driver never gets ready."""

    spec: AwsClusterSpec
    network: AwsNetwork
    keys: AwsKeys
    control_plane: AwsControlPlane
    after: Sequence[pulumi.Resource]


class AwsSharedFiles(pulumi.ComponentResource):
    """The file system of shared volumes."""

    provisioner: StorageProvisioner
    """How volumes are made in it."""

    def __init__(self, name: str, args: AwsSharedFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsSharedFiles", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        files = efs.FileSystem(
            f"{name}-files",
            encrypted=True,
            kms_key_id=args.keys.data_arn,
            throughput_mode="elastic",
            lifecycle_policies=[
                efs.FileSystemLifecyclePolicyArgs(transition_to_ia="AFTER_30_DAYS"),
                efs.FileSystemLifecyclePolicyArgs(transition_to_primary_storage_class="AFTER_1_ACCESS"),
            ],
            tags={"Name": f"{args.spec.name}-shared"},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        efs.FileSystemPolicy(
            f"{name}-policy", file_system_id=files.id, policy=policy(*file_system_statements(files.arn)), opts=child
        )
        efs.BackupPolicy(
            f"{name}-backup",
            file_system_id=files.id,
            backup_policy=efs.BackupPolicyBackupPolicyArgs(status="ENABLED"),
            opts=child,
        )
        targets = self._mount_targets(name, args, files)
        self._driver(name, args, targets)
        self.provisioner = provisioner(files.id)
        self.register_outputs({})

    def _mount_targets(self, name: str, args: AwsSharedFilesArgs, files: efs.FileSystem) -> list[efs.MountTarget]:
        """One a zone, for nodes alone: they all carry the cluster's security group."""
        child = pulumi.ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            f"{name}-mounts",
            vpc_id=args.network.vpc_id,
            description="Shared volumes, for nodes",
            tags={"Name": f"{args.spec.name}-shared"},
            opts=child,
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-mounts-nfs",
            security_group_id=group.id,
            referenced_security_group_id=args.control_plane.cluster.vpc_config.cluster_security_group_id,
            ip_protocol="tcp",
            from_port=_NFS_PORT,
            to_port=_NFS_PORT,
            opts=child,
        )
        return [
            efs.MountTarget(
                f"{name}-mount-{zone}",
                file_system_id=files.id,
                subnet_id=subnet,
                security_groups=[group.id],
                opts=child,
            )
            for zone, subnet in zip(args.spec.availability_zones, args.network.private_subnet_ids, strict=True)
        ]

    def _driver(self, name: str, args: AwsSharedFilesArgs, targets: Sequence[pulumi.Resource]) -> None:
        """The add-on; its controller makes access points, its nodes mount without a permission of AWS."""
        spec = args.spec
        role = AwsRole(
            f"{name}-driver",
            AwsRoleArgs(
                trust=[trust_of_pods(spec.account_id, spec.cluster_arn)],
                description=f"EFS driver of {spec.name}",
                managed=["service-role/AmazonEFSCSIDriverPolicy"],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        add = AddonsOf(self, spec, args.control_plane.cluster.name, [*args.after, *targets])
        add(f"{name}-addon", "aws-efs-csi-driver", identity=(_DRIVER, role.arn))


def provisioner(file_system_id: pulumi.Input[str]) -> StorageProvisioner:
    """A directory a volume: https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/README.md#storage-class-parameters-for-dynamic-provisioning."""
    return StorageProvisioner(
        provisioner="efs.csi.aws.com",
        parameters={
            "provisioningMode": "efs-ap",
            "fileSystemId": file_system_id,
            "directoryPerms": "700",
            "uid": _USER,
            "gid": _USER,
            "subPathPattern": "${.PVC.namespace}/${.PVC.name}",
        },
    )


def file_system_statements(file_system_arn: pulumi.Input[str]) -> list[Statement]:
    """Whoever reaches a mount target mounts it, encrypted: https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html.

    The security group says who that is. A client of NFS has no identity of AWS, so the principal is everybody.
    """
    mount = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    in_the_network = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
    return [
        grant("Mounts", {"AWS": "*"}, mount, [file_system_arn], in_the_network),
        {
            **grant("TlsOnly", {"AWS": "*"}, mount, [file_system_arn], {"Bool": {"aws:SecureTransport": "false"}}),
            "Effect": "Deny",
        },
    ]
