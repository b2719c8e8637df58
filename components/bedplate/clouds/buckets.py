"""Buckets that the stack file knows, and who may name them.

Owns the spec. It deliberately makes no bucket: what is in one outlives the platform. Whether a cloud writes a name like
this is that cloud's spec (`ClusterSpec.refuse_bucket`); who may name which bucket is checked by
`bedplate.stack_file.buckets`.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.spec import DnsLabel, Spec, matching, mistake

# Workloads have the words, and no contract of clouds.
if TYPE_CHECKING:
    from bedplate.clouds.contract import BucketGrant

_LONGEST, _DIGITS = 28, 8
BucketAccess = Literal["read", "write"]
"""Reading and listing; with `write` also writing and deleting."""
Prefix = Annotated[
    str,
    # Two of them are part of the title of a condition, which has at most 100 characters on Google Cloud.
    Field(max_length=40),
    matching(
        r"([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)+",
        "must be a folder of the bucket",
        "write it like 'models/' or 'teams/vision/', with '/' at its end",
        lambda value: f"{value.strip('/')}/",
    ),
]


class BucketSpec(Spec):
    """A bucket that workloads may be granted."""

    bucket: Annotated[str, Field(min_length=3, max_length=128)] | None = None
    """The cloud's name of it, of Azure ACCOUNT/CONTAINER; the platform's own bucket for artifacts if absent."""
    prefix: Prefix | None = Field(default=None, validate_default=True)
    """Folder that grants are held to, such as 'vision/'; the whole bucket if absent."""
    tenants: Annotated[Mapping[DnsLabel, BucketAccess], Field(min_length=1)]
    """The most that workloads of each tenant may be granted; who is not named may be granted nothing."""

    @field_validator("prefix")
    @classmethod
    def _of_what_is_shared(cls, prefix: str | None, info: ValidationInfo) -> str | None:
        if prefix is None and info.data.get("bucket", "") is None:
            raise mistake(
                "the platform's own bucket holds what is others' too",
                "write the folder that is meant, such as `prefix: vision/`, or name another bucket",
            )
        return prefix

    def granted(self, own: str, access: BucketAccess, prefix: str | None) -> "BucketGrant":
        """What a cloud is asked for. own: the platform's bucket; prefix: below this one's."""
        from bedplate.clouds.contract import BucketGrant

        return BucketGrant(bucket=self.bucket or own, access=access, prefix=f"{self.prefix or ''}{prefix or ''}")


def identity_name(tenant: str, workload: str) -> str:
    """Of a workload's identity among those of a cluster: no two share it, and a role's name has room for it.

    IAM's names have at most 64 characters, of which the platform takes its part
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    """
    name = f"{tenant}.{workload}"
    digits = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - _DIGITS - 1]}.{digits}"
