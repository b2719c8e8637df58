"""The artefact bucket: models, data sets, checkpoints, reports.

Owns the bucket. It deliberately deletes no current object; what was overwritten or deleted can be had back for a month.
"""

from dataclasses import dataclass

import pulumi

from bedplate.clouds.aws.buckets import AwsBucket, AwsBucketArgs, lifecycle
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.spec import AwsClusterSpec

_OLD_VERSION_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class AwsStorageArgs:
    """keys: of this cluster."""

    spec: AwsClusterSpec
    keys: AwsKeys


class AwsStorage(pulumi.ComponentResource):
    """Object storage of the platform."""

    def __init__(self, name: str, args: AwsStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsStorage", name, {}, opts)
        AwsBucket(
            f"{name}-artifacts",
            AwsBucketArgs(
                bucket=args.spec.bucket("artifacts"),
                key_arn=args.keys.data_arn,
                rules=lifecycle(old_version_days=_OLD_VERSION_DAYS),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
