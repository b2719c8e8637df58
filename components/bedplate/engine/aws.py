"""How resources of AWS behave, by type: what the cloud would answer, and which fields replace.

Ids, ARNs and addresses have their true forms, for one invented account.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from bedplate.engine.resources import Resource

Outputs = Callable[[Resource], tuple[str, dict[str, Any]]]
_ACCOUNT = "123456789012"
_REGION = "eu-central-1"
AWS_LOAD_BALANCER = "service.beta.kubernetes.io/aws-load-balancer-type"
"""An annotation of Services whose load balancer is one of AWS."""
_AUTHORITY = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCnN5bnRoZXRpYwo="
"""No certificate, only the form of one."""


def _digits(resource: Resource, length: int = 17) -> str:
    return sha256(resource.urn.encode()).hexdigest()[:length]


def _name(resource: Resource, key: str = "name") -> str:
    """The name that the program gave, or the one that the provider makes of the resource's."""
    return str(resource.inputs.get(key) or f"{resource.name}-{_digits(resource, 7)}")


def _ec2(prefix: str, kind: str) -> Outputs:
    """Resources with an id of EC2's form, `vpc-0a1b…`, and an ARN."""

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        identifier = f"{prefix}-{_digits(resource)}"
        return identifier, {"arn": f"arn:aws:ec2:{_REGION}:{_ACCOUNT}:{kind}/{identifier}"}

    return outputs


def _named(arn: str, key: str = "name", **more: Any) -> Outputs:
    """Resources whose id is their name. arn: with `{name}` in it."""

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        name = _name(resource, key)
        return name, {key: name, "arn": arn.format(name=name), **more}

    return outputs


def _plain(resource: Resource) -> tuple[str, dict[str, Any]]:
    """Resources of which the program reads nothing."""
    return f"{resource.name}-{_digits(resource, 7)}", {}


def _launch_template(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier, outputs = _ec2("lt", "launch-template")(resource)
    return identifier, {**outputs, "latestVersion": 1}


def _cluster(resource: Resource) -> tuple[str, dict[str, Any]]:
    name = _name(resource)
    network, digits = dict(resource.inputs["vpcConfig"]), _digits(resource, 32)
    return name, {
        "arn": f"arn:aws:eks:{_REGION}:{_ACCOUNT}:cluster/{name}",
        "certificateAuthority": {"data": _AUTHORITY},
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{_REGION}.amazonaws.com/id/{digits.upper()}"}]}],
        "endpoint": f"https://{digits.upper()}.gr7.{_REGION}.eks.amazonaws.com",
        "status": "ACTIVE",
        "vpcConfig": {**network, "clusterSecurityGroupId": f"sg-{_digits(resource)}", "vpcId": "vpc-0"},
    }


def _key(resource: Resource) -> tuple[str, dict[str, Any]]:
    digits = _digits(resource, 32)
    identifier = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return identifier, {"keyId": identifier, "arn": f"arn:aws:kms:{_REGION}:{_ACCOUNT}:key/{identifier}"}


def _zone(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier = f"Z{_digits(resource, 20).upper()}"
    servers = [f"ns-{number}.awsdns-{number}.{end}" for number, end in enumerate(("com", "net", "org", "co.uk"))]
    return identifier, {
        "zoneId": identifier,
        "arn": f"arn:aws:route53:::hostedzone/{identifier}",
        "nameServers": servers,
    }


def _files(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier = f"fs-{_digits(resource)}"
    return identifier, {"arn": f"arn:aws:elasticfilesystem:{_REGION}:{_ACCOUNT}:file-system/{identifier}"}


def _queue(resource: Resource) -> tuple[str, dict[str, Any]]:
    name = _name(resource)
    url = f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{name}"
    return url, {"arn": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:{name}", "url": url, "name": name}


def _issuer(resource: Resource) -> tuple[str, dict[str, Any]]:
    arn = f"arn:aws:iam::{_ACCOUNT}:oidc-provider/{resource.inputs['url'].removeprefix('https://')}"
    return arn, {"arn": arn}


def load_balancer_name(resource: Resource) -> str:
    """How a load balancer of a Service is reached: by name alone."""
    return f"{_digits(resource, 32)}-{_digits(resource, 16)}.elb.{_REGION}.amazonaws.com"


AWS_OUTPUTS: dict[str, Outputs] = {
    "pulumi:providers:aws": _plain,
    "aws:budgets/budget:Budget": _named(f"arn:aws:budgets::{_ACCOUNT}:budget/{{name}}"),
    "aws:cloudtrail/trail:Trail": _named(f"arn:aws:cloudtrail:{_REGION}:{_ACCOUNT}:trail/{{name}}"),
    "aws:cloudwatch/eventRule:EventRule": _named(f"arn:aws:events:{_REGION}:{_ACCOUNT}:rule/{{name}}"),
    "aws:cloudwatch/eventTarget:EventTarget": _plain,
    "aws:cloudwatch/logGroup:LogGroup": _named(f"arn:aws:logs:{_REGION}:{_ACCOUNT}:log-group:{{name}}"),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": _plain,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/eip:Eip": _ec2("eipalloc", "elastic-ip"),
    "aws:ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/natGateway:NatGateway": _ec2("nat", "natgateway"),
    "aws:ec2/placementGroup:PlacementGroup": _named(f"arn:aws:ec2:{_REGION}:{_ACCOUNT}:placement-group/{{name}}"),
    "aws:ec2/route:Route": _plain,
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _plain,
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "aws:ec2/vpc:Vpc": _ec2("vpc", "vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2("vpce", "vpc-endpoint"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _plain,
    "aws:ecr/repository:Repository": _named(f"arn:aws:ecr:{_REGION}:{_ACCOUNT}:repository/{{name}}"),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": _plain,
    "aws:efs/backupPolicy:BackupPolicy": _plain,
    "aws:efs/fileSystem:FileSystem": _files,
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _plain,
    "aws:efs/mountTarget:MountTarget": _plain,
    "aws:eks/accessEntry:AccessEntry": _plain,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _plain,
    "aws:eks/addon:Addon": _plain,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/identityProviderConfig:IdentityProviderConfig": _plain,
    "aws:eks/nodeGroup:NodeGroup": _plain,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _plain,
    "aws:iam/instanceProfile:InstanceProfile": _named(f"arn:aws:iam::{_ACCOUNT}:instance-profile/{{name}}"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _issuer,
    "aws:iam/role:Role": _named(f"arn:aws:iam::{_ACCOUNT}:role/{{name}}"),
    "aws:iam/rolePolicy:RolePolicy": _plain,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _plain,
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _named(
        f"arn:aws:firehose:{_REGION}:{_ACCOUNT}:deliverystream/{{name}}"
    ),
    "aws:kms/alias:Alias": _named(f"arn:aws:kms:{_REGION}:{_ACCOUNT}:{{name}}"),
    "aws:kms/key:Key": _key,
    "aws:route53/record:Record": _plain,
    "aws:route53/zone:Zone": _zone,
    "aws:s3/bucket:Bucket": _named("arn:aws:s3:::{name}", "bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _plain,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _plain,
    "aws:s3/bucketPolicy:BucketPolicy": _plain,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _plain,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _plain,
    "aws:s3/bucketVersioning:BucketVersioning": _plain,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _plain,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _plain,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _plain,
}
"""By type token; a type that is missing here stops the program, because a made-up value would hide mistakes."""

AWS_IMMUTABLE_FIELDS: dict[str, tuple[str, ...]] = {
    "aws:ec2/eip:Eip": ("address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool", "region"),
    "aws:ec2/subnet:Subnet": (
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
        "ipv6IpamPoolId",
        "ipv6Native",
        "ipv6NetmaskLength",
        "outpostArn",
        "region",
        "vpcId",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength", "region"),
    "aws:ecr/repository:Repository": ("encryptionConfigurations", "name", "region"),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName",
        "creationToken",
        "encrypted",
        "kmsKeyId",
        "performanceMode",
        "region",
    ),
    "aws:eks/cluster:Cluster": (
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "computeConfig.nodeRoleArn",
        # Replaced where it is taken away. Another key the provider takes and never sets: EKS has no way to
        # (https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html).
        "encryptionConfig",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "name",
        "outpostConfig.controlPlaneInstanceType",
        "outpostConfig.controlPlanePlacement",
        "region",
        "remoteNetworkConfig",
        "roleArn",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/role:Role": ("name", "namePrefix", "path"),
    "aws:kms/alias:Alias": ("name", "namePrefix", "region"),
    "aws:kms/key:Key": (
        "customKeyStoreId",
        "customerMasterKeySpec",
        "keyUsage",
        "multiRegion",
        "region",
        "xksKeyId",
    ),
    "aws:route53/zone:Zone": ("delegationSetId", "name"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketNamespace", "bucketPrefix", "objectLockEnabled", "region"),
    # Resources take the provider's region where they name none, and go with it: `forceNewIfRegionChanges` in
    # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/provider/sdkv2/region.go. In another
    # account nothing is found of what was made.
    "pulumi:providers:aws": ("allowedAccountIds", "region"),
}
"""Fields that replace, of the types that the platform protects.

`ForceNew`, `RequiresReplace` and `CustomizeDiff` in
https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service, and `region` of all that have one.
"""
