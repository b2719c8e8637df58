"""A cluster that is already there.

Owns the Kubernetes provider and takes the facts from the stack file. It deliberately creates no cluster, node, storage
class or network: whoever runs the cluster labels and taints its GPU nodes as `docs/guides/first-stack.md` says.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import pulumi
from pydantic import ValidationInfo, field_validator

from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import (
    Cluster,
    ClusterArgs,
    ClusterFacts,
    ClusterImplementation,
    ClusterSpec,
    Grant,
    NodePoolSpec,
    WorkloadIdentity,
    kubernetes_provider,
)
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

    owns_cluster: ClassVar[bool] = False

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

    def implementation(self) -> ClusterImplementation:
        """The cluster as it is."""
        return ExistingCluster

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """What `machine` says; nothing is chosen here."""
        if pool.machine_type or pool.reservation or pool.interconnect or pool.local_disks:
            raise mistake(
                "an existing cluster's machines are chosen by whoever runs it",
                "remove `machineType`, `reservation`, `interconnect` and `localDisks`; write their size as `machine`",
            )
        if pool.machine is None:
            raise mistake(
                "the size of an existing cluster's machines is not known",
                "add `machine: {cpu: …, memoryGib: …}`, the size of one machine",
            )
        return MachineShape(
            machine_type="", cpu=pool.machine.cpu, memory_gib=pool.machine.memory_gib, gpus=pool.count or 0
        )

    def config_secrets(self) -> Mapping[str, str]:
        """The kubeconfig, if it is a secret of the stack."""
        kubeconfig = getattr(self, "kubeconfig_ref", None)
        return {"kubeconfigRef": kubeconfig} if kubeconfig else {}

    def storage_classes_there(self) -> Mapping[str, str]:
        """Both classes."""
        return {self.storage_classes.deleted: "Delete", self.storage_classes.retained: "Retain"}


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

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """Refused: nothing is known of the cloud below the cluster."""
        raise ValueError(
            f"'{service_account}' in '{namespace}' asks for an identity of the cloud, and the cloud below an existing "
            "cluster is not known; create the identity yourself, or let the platform create the cluster"
        )
