"""StorageClasses of a cluster that the platform creates, by what happens to a disk when its claim is deleted.

Owns the classes of disks, and that of volumes that many nodes mount where the cloud has them. It deliberately marks
none as the default: a claim says what should become of its disk. A class cannot change
(https://kubernetes.io/docs/concepts/storage/storage-classes/), so other parameters make another class.
"""

from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import KubernetesObject, manifest
from bedplate.labels import Identity


@dataclass(frozen=True, kw_only=True)
class StorageClassesArgs:
    """facts: of the cluster, with its block storage."""

    facts: ClusterFacts


class StorageClasses(pulumi.ComponentResource):
    """The StorageClasses of disks."""

    def __init__(self, name: str, args: StorageClassesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:StorageClasses", name, {}, opts)
        facts = args.facts
        classes = (
            (facts.deleted_storage_class, "Delete", facts.block_storage),
            (facts.retained_storage_class, "Retain", facts.block_storage),
            (facts.shared_storage_class, "Retain", facts.shared_storage),
        )
        for storage_class, reclaim_policy, storage in classes:
            if storage_class and storage:
                body = manifest(
                    "storage.k8s.io/v1",
                    "StorageClass",
                    storage_class,
                    Identity(name="storage-classes", component="storage"),
                    provisioner=storage.provisioner,
                    parameters=dict(storage.parameters),
                    reclaimPolicy=reclaim_policy,
                    volumeBindingMode="WaitForFirstConsumer",
                    allowVolumeExpansion=True,
                )
                KubernetesObject(f"{name}-{storage_class}", body, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
