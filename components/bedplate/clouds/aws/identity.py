"""Roles: of the cluster, of its nodes, of what runs in it.

Owns IAM roles with their permissions, and their associations with ServiceAccounts (EKS Pod Identity). It deliberately
makes no user and no access key: nothing in the cluster holds a credential that lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import eks, iam

from bedplate.clouds.aws.karpenter_permissions import karpenter_permissions
from bedplate.clouds.aws.policies import (
    EVERYTHING,
    Statement,
    allow,
    policy,
    trust,
    trust_of_nodes,
    trust_of_pods,
    trust_of_tokens,
)
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.contract import BucketGrant, Grant, ImagesGrant

_MANAGED = "arn:aws:iam::aws:policy"


@dataclass(frozen=True, kw_only=True)
class AwsRoleArgs:
    """trust: who takes the role. managed: policies that AWS maintains, by the end of their ARN.

    protect: as the platform's own roles are; that of a workload goes with its tenant.
    """

    trust: Sequence[pulumi.Input[Statement]]
    description: str
    statements: Sequence[Statement] = ()
    managed: Sequence[str] = ()
    protect: bool = True


class AwsRole(pulumi.ComponentResource):
    """One IAM role with its permissions."""

    arn: pulumi.Output[str]
    """ARN of the role."""
    name: pulumi.Output[str]
    """Its name."""

    def __init__(self, name: str, args: AwsRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsRole", name, {}, opts)
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=policy(*args.trust),
            description=args.description,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        on_role = pulumi.ResourceOptions(parent=self)
        if args.statements:
            iam.RolePolicy(f"{name}-permissions", role=role.name, policy=policy(*args.statements), opts=on_role)
        for managed in args.managed:
            iam.RolePolicyAttachment(
                f"{name}-{managed.rpartition('/')[2]}", role=role.name, policy_arn=f"{_MANAGED}/{managed}", opts=on_role
            )
        self.arn, self.name = role.arn, role.name
        self.register_outputs({"arn": self.arn, "name": self.name})


@dataclass(frozen=True, kw_only=True)
class AwsIdentitiesArgs:
    """spec: of the cluster."""

    spec: AwsClusterSpec


class AwsIdentities(pulumi.ComponentResource):
    """The roles that the cluster itself needs."""

    cluster: AwsRole
    """Of the control plane."""
    nodes: AwsRole
    """Of the machines: joining the cluster and pulling images, nothing else."""
    network: AwsRole
    """Of the network plugin, which gives pods their addresses."""
    disks: AwsRole
    """Of the EBS driver."""
    autoscaler: AwsRole
    """Of what adds and removes nodes."""

    def __init__(self, name: str, args: AwsIdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsIdentities", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        of_pods = [trust_of_pods(spec.account_id, spec.cluster_arn)]
        self.cluster = AwsRole(
            f"{name}-cluster",
            AwsRoleArgs(
                # https://docs.aws.amazon.com/eks/latest/userguide/cross-service-confused-deputy-prevention.html
                trust=[trust("eks.amazonaws.com", spec.account_id, source_arn=spec.cluster_arn)],
                description=f"Control plane of {spec.name}",
                managed=["AmazonEKSClusterPolicy"],
            ),
            child,
        )
        self.nodes = AwsRole(
            f"{name}-nodes",
            AwsRoleArgs(
                trust=[trust_of_nodes()],
                description=f"Nodes of {spec.name}",
                managed=["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
            ),
            child,
        )
        self.network = AwsRole(
            f"{name}-network",
            AwsRoleArgs(trust=of_pods, description=f"Network plugin of {spec.name}", managed=["AmazonEKS_CNI_Policy"]),
            child,
        )
        self.disks = AwsRole(
            f"{name}-disks",
            AwsRoleArgs(
                trust=of_pods,
                description=f"EBS driver of {spec.name}",
                managed=["service-role/AmazonEBSCSIDriverPolicy"],
            ),
            child,
        )
        self.autoscaler = AwsRole(
            f"{name}-autoscaler",
            AwsRoleArgs(
                trust=of_pods,
                description=f"Autoscaler of {spec.name}",
                statements=karpenter_permissions(spec, self.nodes.arn)
                if spec.has_karpenter
                else autoscaler_permissions(spec),
            ),
            child,
        )
        self.register_outputs({})


def autoscaler_permissions(spec: AwsClusterSpec) -> list[Statement]:
    """What the cluster autoscaler does: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md.

    EKS tags the groups of its node groups with the cluster's name, which bounds the changes.
    """
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{spec.name}": "owned"}}
    groups = f"arn:aws:autoscaling:{spec.region}:{spec.account_id}:autoScalingGroup:*:autoScalingGroupName/eks-*"
    return [
        # Auto Scaling's and EC2's Describe actions take no resource.
        allow(
            "ReadGroupsEverywhere",
            [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            EVERYTHING,
        ),
        allow(
            "ReadNodeGroups",
            ["eks:DescribeNodegroup"],
            [f"arn:aws:eks:{spec.region}:{spec.account_id}:nodegroup/{spec.name}/*/*"],
        ),
        allow(
            "ScaleOwnGroups",
            ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            [groups],
            owned,
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class TokenIssuer:
    """Who signs the cluster's tokens, as IAM knows it. arn: of the provider; url: of the issuer."""

    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def trust(self, namespace: str, service_account: str) -> pulumi.Output[Statement]:
        """A token of exactly this ServiceAccount, made for AWS, takes the role."""

        def written(parts: Sequence[str]) -> Statement:
            arn, url = parts
            return trust_of_tokens(arn, url, namespace, service_account)

        return pulumi.Output.all(self.arn, self.url).apply(written)


@dataclass(frozen=True, kw_only=True)
class AwsWorkloadIdentityArgs:
    """namespace, service_account: whose pods take the role. issuer: of tokens, where they are taken too.

    protect: whether it is the platform's own.
    """

    spec: AwsClusterSpec
    namespace: str
    service_account: str
    statements: Sequence[Statement]
    issuer: TokenIssuer | None = None
    protect: bool = False
    after: Sequence[pulumi.Resource] = field(default_factory=list[pulumi.Resource])


class AwsWorkloadIdentity(pulumi.ComponentResource):
    """A role for the pods of one ServiceAccount, by two ways that end in the same permissions.

    Pods have an association (EKS Pod Identity). Whoever holds only a token of the ServiceAccount, as External Secrets
    does for a tenant's SecretStore, shows the token (IRSA), where the cluster's issuer is given: that way reads the
    ServiceAccount's annotation for the role. Pods that have both use the association:
    https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/pkg/handler/handler.go (buildPodPatchConfig).
    """

    role_arn: pulumi.Output[str]
    """ARN of the role."""

    def __init__(self, name: str, args: AwsWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsWorkloadIdentity", name, {}, opts)
        role = AwsRole(
            f"{name}-pods",
            AwsRoleArgs(
                trust=[
                    trust_of_pods(args.spec.account_id, args.spec.cluster_arn),
                    *([args.issuer.trust(args.namespace, args.service_account)] if args.issuer else []),
                ],
                protect=args.protect,
                description=f"Pods of {args.namespace}/{args.service_account} in {args.spec.name}",
                statements=args.statements,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.spec.name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})


def permissions_of(grants: Sequence[Grant], spec: AwsClusterSpec, data_key_arn: pulumi.Input[str]) -> list[Statement]:
    """IAM's statements for grants; those of buckets come with the use of the key, through S3 alone."""
    statements = [statement for position, each in enumerate(grants) for statement in _statements(position, each, spec)]
    if any(isinstance(each, BucketGrant) for each in grants):
        through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{spec.region}.amazonaws.com"}}
        statements.append(allow("UseBucketKey", ["kms:Decrypt", "kms:GenerateDataKey"], [data_key_arn], through_s3))
    return statements


def _statements(position: int, grant: Grant, spec: AwsClusterSpec) -> list[Statement]:
    if isinstance(grant, BucketGrant):
        return _of_bucket(position, grant)
    if isinstance(grant, ImagesGrant):
        return _of_images(position, grant, spec)
    return [_of_secrets(position, grant.prefix, spec)]


def _of_bucket(position: int, bucket: BucketGrant) -> list[Statement]:
    objects = ["s3:GetObject"]
    if bucket.access == "write":
        objects += ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    arn = f"arn:aws:s3:::{bucket.bucket}"
    below = {"StringLike": {"s3:prefix": [f"{bucket.prefix}*"]}} if bucket.prefix else None
    return [
        allow(f"List{position}", ["s3:ListBucket"], [arn], below),
        allow(f"Objects{position}", objects, [f"{arn}/{bucket.prefix}*"]),
    ]


def _of_secrets(position: int, prefix: str, spec: AwsClusterSpec) -> Statement:
    arn = f"arn:aws:secretsmanager:{spec.region}:{spec.account_id}:secret:{prefix}*"
    return allow(f"Secrets{position}", ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], [arn])


def _of_images(position: int, images: ImagesGrant, spec: AwsClusterSpec) -> list[Statement]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html; a token is good for what its owner
    may do, and no more. A push to a new name makes the repository, in the name of whoever pushes."""
    below = f"arn:aws:ecr:{spec.region}:{spec.account_id}:repository/{spec.images_repository}/{images.tenant}/*"
    actions = ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"]
    if images.access == "push":
        actions += ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage", "CreateRepository"]
    return [
        allow("SignInEverywhere", ["ecr:GetAuthorizationToken"], EVERYTHING),
        allow(f"Images{position}", [f"ecr:{action}" for action in actions], [below]),
    ]
