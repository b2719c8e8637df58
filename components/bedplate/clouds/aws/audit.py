"""Who did what: the cluster's audit log, AWS's own, and the network's, in one bucket for `auditDays`.

Owns the bucket, the trail, the flow log, and the stream that carries the API server's audit log out of its log group.
The trail holds management events, of which reading a secret is one (GetSecretValue, without the value:
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieve-ct-entries.html); reading an object of S3 is none.

It deliberately lets nobody delete an object before its time, the account's administrators included: they would have to
change the bucket's policy first, which the trail shows. Object Lock would add nothing to that: its governance mode can
be passed by the same administrators, its compliance mode by nobody for years, not even for data that the law wants
gone, and neither can be taken back from a bucket
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html).
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudtrail, cloudwatch, ec2, kinesis

from bedplate.clouds.aws.buckets import AwsBucket, AwsBucketArgs, lifecycle
from bedplate.clouds.aws.cluster import AwsControlPlane
from bedplate.clouds.aws.identity import AwsRole, AwsRoleArgs
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.network import AwsNetwork
from bedplate.clouds.aws.policies import Statement, allow, grant, trust
from bedplate.clouds.aws.spec import AwsClusterSpec


@dataclass(frozen=True, kw_only=True)
class AwsAuditArgs:
    """network, keys, control_plane: of this cluster."""

    spec: AwsClusterSpec
    network: AwsNetwork
    keys: AwsKeys
    control_plane: AwsControlPlane


class AwsAudit(pulumi.ComponentResource):
    """Audit logs."""

    def __init__(self, name: str, args: AwsAuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsAudit", name, {}, opts)
        spec = args.spec
        bucket = AwsBucket(
            f"{name}-logs",
            AwsBucketArgs(
                bucket=spec.bucket("audit"),
                key_arn=args.keys.data_arn,
                rules=lifecycle(keep_days=spec.audit_days, old_version_days=spec.audit_days),
                statements=audit_bucket_statements(spec),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self._after = pulumi.ResourceOptions(parent=self, depends_on=[bucket.policy])
        cloudtrail.Trail(
            f"{name}-trail",
            name=spec.trail,
            s3_bucket_name=spec.bucket("audit"),
            kms_key_id=args.keys.data_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            opts=self._after,
        )
        ec2.FlowLog(
            f"{name}-flows",
            vpc_id=args.network.vpc_id,
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=f"arn:aws:s3:::{spec.bucket('audit')}",
            opts=self._after,
        )
        self._export(name, args)
        self.register_outputs({})

    def _export(self, name: str, args: AwsAuditArgs) -> None:
        """From the control plane's log group to the bucket."""
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        writer = AwsRole(
            f"{name}-writer",
            AwsRoleArgs(
                trust=[trust("firehose.amazonaws.com", spec.account_id)],
                description=f"Writes audit logs of {spec.name}",
                statements=writer_permissions(spec, args.keys.data_arn),
            ),
            child,
        )
        stream = kinesis.FirehoseDeliveryStream(
            f"{name}-stream",
            name=_stream(spec),
            destination="extended_s3",
            extended_s3_configuration=kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
                bucket_arn=f"arn:aws:s3:::{spec.bucket('audit')}",
                role_arn=writer.arn,
                prefix="kubernetes/",
                error_output_prefix="kubernetes-errors/",
                buffering_interval=300,
            ),
            server_side_encryption=kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs(enabled=True),
            opts=self._after,
        )
        sender = AwsRole(
            f"{name}-sender",
            AwsRoleArgs(
                trust=[trust("logs.amazonaws.com", spec.account_id)],
                description=f"Takes audit logs of {spec.name} out of their log group",
                statements=[allow("Send", ["firehose:PutRecord", "firehose:PutRecordBatch"], [stream.arn])],
            ),
            child,
        )
        cloudwatch.LogSubscriptionFilter(
            f"{name}-export",
            log_group=args.control_plane.log_group.name,
            filter_pattern='{ $.apiVersion = "audit.k8s.io/v1" }',
            destination_arn=stream.arn,
            role_arn=sender.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[sender]),
        )


def _stream(spec: AwsClusterSpec) -> str:
    return f"{spec.name}-kubernetes-audit"


def writer_permissions(spec: AwsClusterSpec, key_arn: pulumi.Input[str]) -> list[Statement]:
    """https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3"""
    bucket = f"arn:aws:s3:::{spec.bucket('audit')}"
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{spec.region}.amazonaws.com"}}
    return [
        allow("Bucket", ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket]),
        allow("Objects", ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], [f"{bucket}/kubernetes*"]),
        allow("Key", ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn], through_s3),
    ]


def audit_bucket_statements(spec: AwsClusterSpec) -> list[Statement]:
    """CloudTrail and the flow log write; nobody deletes. Lifecycle rules are not bound by a bucket's policy.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    """
    bucket = f"arn:aws:s3:::{spec.bucket('audit')}"
    by_trail = {"StringEquals": {"aws:SourceArn": spec.trail_arn}}
    by_flow_log = {"StringEquals": {"aws:SourceAccount": spec.account_id}}
    logs = f"{bucket}/AWSLogs/{spec.account_id}/*"
    trail_service, flow_service = {"Service": "cloudtrail.amazonaws.com"}, {"Service": "delivery.logs.amazonaws.com"}
    return [
        grant("TrailChecks", trail_service, ["s3:GetBucketAcl"], [bucket], by_trail),
        grant("TrailWrites", trail_service, ["s3:PutObject"], [logs], by_trail),
        grant("FlowLogChecks", flow_service, ["s3:GetBucketAcl", "s3:ListBucket"], [bucket], by_flow_log),
        grant("FlowLogWrites", flow_service, ["s3:PutObject"], [logs], by_flow_log),
        {
            "Sid": "NobodyDeletes",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"{bucket}/*",
        },
    ]
