"""The artefact bucket: models, data sets, checkpoints, reports.

Owns the bucket. It deliberately deletes no current object; what was overwritten or deleted can be had back for a month.
"""

from dataclasses import dataclass

import pulumi

from bedplate.clouds.gcp.buckets import GcpBucket, GcpBucketArgs, old_versions_deleted_after
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec

_OLD_VERSION_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class GcpStorageArgs:
    """keys: of this cluster."""

    spec: GcpClusterSpec
    keys: GcpKeys


class GcpStorage(pulumi.ComponentResource):
    """Object storage of the platform."""

    def __init__(self, name: str, args: GcpStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpStorage", name, {}, opts)
        GcpBucket(
            f"{name}-artifacts",
            GcpBucketArgs(
                spec=args.spec,
                purpose="artifacts",
                keys=args.keys,
                rules=[old_versions_deleted_after(_OLD_VERSION_DAYS)],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
