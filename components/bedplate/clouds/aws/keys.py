"""Keys that encrypt what the platform stores.

Owns two KMS keys that rotate every year: one for Kubernetes' secrets, one for what else is stored. It
deliberately grants nobody their deletion: the account's administrators keep it, with thirty days to change their mind.
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import kms

from bedplate.clouds.aws.policies import EVERYTHING, Statement, grant, policy
from bedplate.clouds.aws.spec import AwsClusterSpec

_USE = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


@dataclass(frozen=True, kw_only=True)
class AwsKeysArgs:
    """spec: of the cluster."""

    spec: AwsClusterSpec


class AwsKeys(pulumi.ComponentResource):
    """The platform's keys."""

    secrets_arn: pulumi.Output[str]
    """ARN of the key of Kubernetes' secrets."""
    data_arn: pulumi.Output[str]
    """ARN of the key of disks, files, buckets, images and logs."""

    def __init__(self, name: str, args: AwsKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsKeys", name, {}, opts)
        spec = args.spec
        self.secrets_arn = self._key(f"{name}-secrets", f"{spec.name}-secrets", [_administration(spec)])
        self.data_arn = self._key(f"{name}-data", f"{spec.name}-data", data_key_statements(spec))
        self.register_outputs({"secrets_arn": self.secrets_arn, "data_arn": self.data_arn})

    def _key(self, name: str, alias: str, statements: list[Statement]) -> pulumi.Output[str]:
        kept = pulumi.ResourceOptions(parent=self, protect=True)
        key = kms.Key(
            name,
            description=alias,
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=policy(*statements),
            opts=kept,
        )
        kms.Alias(f"{name}-alias", name=f"alias/{alias}", target_key_id=key.key_id, opts=kept)
        return key.arn


def _administration(spec: AwsClusterSpec) -> Statement:
    """The account decides by IAM; a key without this statement can never be administered again.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html. In a key's policy, * is that key.
    """
    return grant("Administration", {"AWS": f"arn:aws:iam::{spec.account_id}:root"}, ["kms:*"], EVERYTHING)


def data_key_statements(spec: AwsClusterSpec) -> list[Statement]:
    """Who uses the data key: the services that store on the platform's behalf. In a key's policy, * is that key."""
    # As the policy of AWS's own key for EBS, with which autoscaling needs no more: whoever may make a disk or a file
    # system in this account. The role of autoscaling cannot be named, it may not exist yet, and a policy that names
    # nobody is refused; https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html.
    through_storage = {
        "StringEquals": {
            "kms:CallerAccount": spec.account_id,
            "kms:ViaService": [f"{service}.{spec.region}.amazonaws.com" for service in ("ec2", "elasticfilesystem")],
        }
    }
    only_for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    logs = f"arn:aws:logs:{spec.region}:{spec.account_id}:log-group:/aws/eks/{spec.name}/*"
    flows = {
        "StringEquals": {"aws:SourceAccount": spec.account_id},
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{spec.region}:{spec.account_id}:*"},
    }
    return [
        _administration(spec),
        grant("Storage", {"AWS": "*"}, _USE, EVERYTHING, through_storage),
        grant("StorageGrants", {"AWS": "*"}, ["kms:CreateGrant"], EVERYTHING, {**through_storage, **only_for_aws}),
        grant(
            "Logs",
            {"Service": f"logs.{spec.region}.amazonaws.com"},
            _USE,
            EVERYTHING,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        ),
        grant(
            "Trail",
            {"Service": "cloudtrail.amazonaws.com"},
            # Decrypt, because the bucket has a key of its own under this one:
            # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
            ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            EVERYTHING,
            {"StringEquals": {"aws:SourceArn": spec.trail_arn}},
        ),
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-cmk-policy.html
        grant("FlowLogs", {"Service": "delivery.logs.amazonaws.com"}, _USE, EVERYTHING, flows),
    ]


def data_key_alias_arn(spec: AwsClusterSpec) -> str:
    """ARN of the data key's alias, known before the key is."""
    return f"arn:aws:kms:{spec.region}:{spec.account_id}:alias/{spec.name}-data"
