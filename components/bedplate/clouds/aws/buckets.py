"""A bucket as all of the platform's are: private, encrypted, versioned, TLS only.

Owns the bucket and what guards it. It deliberately sets no retention of its own: how long objects live is the owner's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import s3

from bedplate.clouds.aws.policies import Statement, policy


@dataclass(frozen=True, kw_only=True)
class AwsBucketArgs:
    """rules: how long objects live. statements: of the bucket's policy, besides TLS only."""

    bucket: str
    key_arn: pulumi.Input[str]
    rules: Sequence[s3.BucketLifecycleConfigurationRuleArgs]
    statements: Sequence[Statement] = ()


class AwsBucket(pulumi.ComponentResource):
    """A private bucket."""

    policy: s3.BucketPolicy
    """Who may write besides the account's own roles; writers wait for it."""

    def __init__(self, name: str, args: AwsBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(f"{name}-bucket", bucket=args.bucket, opts=pulumi.ResourceOptions(parent=self, protect=True))
        s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        block = s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption", bucket=bucket.id, rules=[_encrypted_by(args.key_arn)], opts=child
        )
        versioning = s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.id,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=args.rules,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        self.policy = s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=policy(_tls_only(args.bucket), *args.statements),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        self.register_outputs({})


def lifecycle(*, keep_days: int | None = None, old_version_days: int) -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    """Objects go after `keep_days`, or never; replaced and deleted versions after `old_version_days`."""
    return [
        s3.BucketLifecycleConfigurationRuleArgs(
            id="retention",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=keep_days) if keep_days else None,
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=old_version_days
            ),
            abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=7
            ),
        )
    ]


def _encrypted_by(key_arn: pulumi.Input[str]) -> s3.BucketServerSideEncryptionConfigurationRuleArgs:
    return s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=(
            s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="aws:kms", kms_master_key_id=key_arn
            )
        ),
        bucket_key_enabled=True,
    )


def _tls_only(bucket: str) -> Statement:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
