"""A cluster that is already there.

Owns the Kubernetes provider and takes the facts from the stack file. It deliberately creates no cluster, node, storage
class or network: whoever runs the cluster labels and taints its GPU nodes as `docs/guides/first-stack.md` says.
"""

from typing import Literal

import pulumi
from pydantic import ValidationInfo, field_validator

from bedplate.clouds.contract import Cluster, ClusterArgs, ClusterFacts, ClusterSpec, kubernetes_provider
from bedplate.spec import ConfigKey, DnsLabel, DnsName, Spec, mistake


class StorageClassesSpec(Spec):
    """StorageClasses of the cluster, by what happens to a disk when its claim is deleted."""

    deleted: DnsName
    """StorageClass with reclaim policy Delete."""
    retained: DnsName
    """StorageClass with reclaim policy Retain."""

    @field_validator("retained")
    @classmethod
    def _distinct(cls, retained: str, info: ValidationInfo) -> str:
        if retained == info.data.get("deleted"):
            raise mistake(
                "must be another StorageClass than `deleted`: one class cannot both keep and delete disks",
                "name a StorageClass with reclaimPolicy Retain",
            )
        return retained


class ExistingClusterSpec(ClusterSpec):
    """A cluster that somebody else created."""

    provider: Literal["existing"]
    """Which cloud: `existing` takes the cluster from a kubeconfig."""
    name: DnsLabel
    """Identity of the cluster. Changing it means another cluster: every object is created anew."""
    context: str | None = None
    """Context of the kubeconfig; without it the kubeconfig's current context."""
    kubeconfig_ref: ConfigKey | None = None
    """Name of the config secret that holds the kubeconfig; without it KUBECONFIG or ~/.kube/config."""
    storage_classes: StorageClassesSpec
    """The cluster's StorageClasses by purpose."""


class ExistingCluster(Cluster):
    """A cluster taken over from a kubeconfig."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:ExistingCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, ExistingClusterSpec)
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.name,
            kubeconfig=args.secret(spec.kubeconfig_ref) if spec.kubeconfig_ref else None,
            context=spec.context,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.facts = ClusterFacts(
            kubernetes_version=spec.kubernetes_version,
            deleted_storage_class=spec.storage_classes.deleted,
            retained_storage_class=spec.storage_classes.retained,
        )
        self.register_outputs({})
