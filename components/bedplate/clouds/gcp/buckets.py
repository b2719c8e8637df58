"""A bucket as all of the platform's are: private, encrypted, never public, access by IAM alone.

Owns the bucket. It deliberately sets no retention of its own: how long objects live is the owner's. Google Cloud
serves buckets over TLS whatever is set; requests without it carry no credential that IAM would accept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import storage

from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec

_HALF_UPLOADED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class GcpBucketArgs:
    """rules: how long objects live. versioned: whether what is overwritten stays. retention_days: for which nothing
    is deleted or overwritten, 0 for none."""

    spec: GcpClusterSpec
    purpose: str
    keys: GcpKeys
    rules: Sequence[storage.BucketLifecycleRuleArgs]
    versioned: bool = True
    retention_days: int = 0


class GcpBucket(pulumi.ComponentResource):
    """A private bucket."""

    bucket: storage.Bucket
    """The bucket itself."""

    def __init__(self, name: str, args: GcpBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpBucket", name, {}, opts)
        self.bucket = storage.Bucket(
            f"{name}-bucket",
            name=args.spec.bucket(args.purpose),
            location=args.spec.region,
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning=storage.BucketVersioningArgs(enabled=args.versioned),
            encryption=storage.BucketEncryptionArgs(default_kms_key_name=args.keys.data_id),
            lifecycle_rules=[*args.rules, _half_uploaded()],
            retention_policy=_retention(args.retention_days) if args.retention_days else None,
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=args.keys.usable),
        )
        self.register_outputs({})


def deleted_after(days: int) -> storage.BucketLifecycleRuleArgs:
    """Objects go this many days after they were written."""
    return _delete(storage.BucketLifecycleRuleConditionArgs(age=days))


def old_versions_deleted_after(days: int) -> storage.BucketLifecycleRuleArgs:
    """What was overwritten or deleted goes this many days later."""
    return _delete(storage.BucketLifecycleRuleConditionArgs(days_since_noncurrent_time=days, with_state="ARCHIVED"))


def _delete(condition: storage.BucketLifecycleRuleConditionArgs) -> storage.BucketLifecycleRuleArgs:
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="Delete"), condition=condition
    )


def _half_uploaded() -> storage.BucketLifecycleRuleArgs:
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="AbortIncompleteMultipartUpload"),
        condition=storage.BucketLifecycleRuleConditionArgs(age=_HALF_UPLOADED_DAYS),
    )


def _retention(days: int) -> storage.BucketRetentionPolicyArgs:
    """Not locked: a lock can never be undone, nor the bucket deleted before its last object's time."""
    return storage.BucketRetentionPolicyArgs(retention_period=str(days * 86_400), is_locked=False)
