"""What Karpenter may do in the account.

Owns the statements of its role: upstream's of the same version, narrowed where this platform needs less. Upstream:
https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/website/content/en/preview/getting-started/getting-started-with-karpenter/cloudformation.yaml.
Narrower: it writes nothing to IAM, because the nodes' instance profile is the platform's; it starts machines in the
platform's subnets and the cluster's security group alone; reservations, placement groups and zonal shifts are not its
business.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from bedplate.clouds.aws.policies import EVERYTHING, Statement, allow
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.labels import DOMAIN

_STARTED = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
"""What comes to be with a machine; Karpenter tags each as it asks for it."""
_READ = (
    *("CapacityReservations", "Images", "Instances", "InstanceStatus", "InstanceTypeOfferings", "InstanceTypes"),
    *("LaunchTemplates", "PlacementGroups", "SecurityGroups", "SpotPriceHistory", "Subnets"),
)


def karpenter_permissions(spec: AwsClusterSpec, node_role_arn: pulumi.Input[str]) -> list[Statement]:
    """Reading prices and machines everywhere, changing its own machines alone, handing them the nodes' role."""
    return [*_starting(spec), *_own_machines(spec), *_reading(spec), *_around(spec, node_role_arn)]


def _tagged(place: str, spec: AwsClusterSpec) -> Mapping[str, Any]:
    """Karpenter's tags. place: `aws:RequestTag` of what it asks for, `aws:ResourceTag` of what is there."""
    asked = {"aws:RequestTag/eks:eks-cluster-name": spec.name} if place == "aws:RequestTag" else {}
    return {
        "StringEquals": {f"{place}/kubernetes.io/cluster/{spec.name}": "owned", **asked},
        "StringLike": {f"{place}/karpenter.sh/nodepool": "*"},
    }


def _of_ec2(spec: AwsClusterSpec, *kinds: str) -> list[str]:
    return [f"arn:aws:ec2:{spec.region}:{spec.account_id}:{kind}/*" for kind in kinds]


def _starting(spec: AwsClusterSpec) -> list[Statement]:
    """What a machine is started from, and what comes to be with it."""
    start, asked = ["ec2:RunInstances", "ec2:CreateFleet"], _tagged("aws:RequestTag", spec)
    created = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]
    # Images and their snapshots are Amazon's own; the ARN names no account.
    images = [f"arn:aws:ec2:{spec.region}::{kind}/*" for kind in ("image", "snapshot")]
    # EKS tags the security group that it makes: https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
    of_cluster = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{spec.name}": "owned"}}
    of_platform = {"StringEquals": {f"aws:ResourceTag/{DOMAIN}/platform": spec.name}}
    return [
        allow("StartFromImages", start, images),
        allow("StartInSubnets", start, _of_ec2(spec, "subnet"), of_platform),
        allow("StartInSecurityGroup", start, _of_ec2(spec, "security-group"), of_cluster),
        allow("StartFromOwnTemplates", start, _of_ec2(spec, "launch-template"), dict(_tagged("aws:ResourceTag", spec))),
        allow("StartTagged", [*start, "ec2:CreateLaunchTemplate"], _of_ec2(spec, *_STARTED), dict(asked)),
        allow(
            "TagAtStart",
            ["ec2:CreateTags"],
            _of_ec2(spec, *_STARTED),
            {**asked, "StringEquals": {**asked["StringEquals"], "ec2:CreateAction": created}},
        ),
    ]


def _own_machines(spec: AwsClusterSpec) -> list[Statement]:
    """Only what carries the tags of this cluster and of a node pool is ended or renamed."""
    own = _tagged("aws:ResourceTag", spec)
    renamed = {
        **own,
        "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": spec.name},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]},
    }
    ended = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"]
    return [
        allow("TagOwn", ["ec2:CreateTags"], _of_ec2(spec, "instance"), renamed),
        allow("EndOwn", ended, _of_ec2(spec, "instance", "launch-template"), dict(own)),
    ]


def _reading(spec: AwsClusterSpec) -> list[Statement]:
    """EC2's Describe actions, the price list and the list of profiles take no resource."""
    here = {"StringEquals": {"aws:RequestedRegion": spec.region}}
    return [
        allow("ReadEc2Everywhere", [f"ec2:Describe{what}" for what in _READ], EVERYTHING, here),
        allow("ReadPricesEverywhere", ["pricing:GetProducts"], EVERYTHING),
        allow("ReadImages", ["ssm:GetParameter"], [f"arn:aws:ssm:{spec.region}::parameter/aws/service/*"]),
        # Before a node class goes it looks for profiles that it made itself, and waits while it may not look:
        # https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/controllers/nodeclass/controller.go#L177
        allow("ListProfilesEverywhere", ["iam:ListInstanceProfiles"], EVERYTHING),
        allow("ReadCluster", ["eks:DescribeCluster"], [spec.cluster_arn]),
    ]


def _around(spec: AwsClusterSpec, node_role_arn: pulumi.Input[str]) -> list[Statement]:
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    heard = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    return [
        allow("HandOnNodesRole", ["iam:PassRole"], [node_role_arn], to_ec2),
        allow("HearOfInterruptions", heard, [spec.interruption_queue_arn]),
    ]
