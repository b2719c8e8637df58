"""Keys that encrypt what the platform stores.

Owns two KMS keys that rotate every year: one for Kubernetes' secrets, one for disks, buckets, images and logs. It
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
    """ARN of the key of disks, buckets, images and logs."""

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
    # As the policy of AWS's own key for EBS: whoever may make a disk in this account, autoscaling included.
    through_ec2 = {
        "StringEquals": {
            "kms:CallerAccount": spec.account_id,
            "kms:ViaService": f"ec2.{spec.region}.amazonaws.com",
        }
    }
    logs = f"arn:aws:logs:{spec.region}:{spec.account_id}:log-group:/aws/eks/{spec.name}/*"
    own = {"StringEquals": {"aws:SourceAccount": spec.account_id}}
    return [
        _administration(spec),
        grant("Disks", {"AWS": "*"}, [*_USE, "kms:CreateGrant"], EVERYTHING, through_ec2),
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
            ["kms:DescribeKey", "kms:GenerateDataKey"],
            EVERYTHING,
            own,
        ),
        grant("FlowLogs", {"Service": "delivery.logs.amazonaws.com"}, _USE, EVERYTHING, own),
    ]


def data_key_alias_arn(spec: AwsClusterSpec) -> str:
    """ARN of the data key's alias, known before the key is."""
    return f"arn:aws:kms:{spec.region}:{spec.account_id}:alias/{spec.name}-data"
