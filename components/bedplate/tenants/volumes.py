"""Volumes that a tenant's workloads share: data sets, checkpoints, models.

Owns the claims. A retained volume's disk outlives its claim and its tenant (reclaim policy Retain of the StorageClass);
it then waits as a released PersistentVolume until somebody adopts or deletes it.
"""

from typing import Literal

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import SKIP_AWAIT, Manifest, manifest
from bedplate.kubernetes.pods import memory_quantity
from bedplate.labels import DISK_IS_LOST, DISK_STAYS, ON_REMOVAL, Identity
from bedplate.spec import DnsLabel, Gib, Spec, StrictBool

_ACCESS_MODES = {"oneNode": "ReadWriteOnce", "manyNodes": "ReadWriteMany"}


class VolumeSpec(Spec):
    """One shared volume of a tenant."""

    name: DnsLabel
    """Name by which workloads mount it."""
    size_gib: Gib
    """Size in GiB; it can grow, not shrink: Kubernetes refuses that, and so does the preview."""
    retain: StrictBool
    """Whether the disk stays when the volume or the tenant is removed. There is no default: somebody must decide."""
    access: Literal["oneNode", "manyNodes"] = "oneNode"
    """Whether pods of one node or of many may mount it at once; many needs a file-system StorageClass."""


def volume_claim(namespace: str, identity: Identity, spec: VolumeSpec, facts: ClusterFacts) -> Manifest:
    """The claim of one volume."""
    of_one_node = facts.retained_storage_class if spec.retain else facts.deleted_storage_class
    of_many_nodes = facts.shared_storage_class or of_one_node
    # It binds when its first pod arrives; waiting for it would wait for a pod that is yet to come.
    return manifest(
        "v1",
        "PersistentVolumeClaim",
        spec.name,
        identity,
        namespace=namespace,
        annotations={**SKIP_AWAIT, ON_REMOVAL: DISK_STAYS if spec.retain else DISK_IS_LOST},
        spec={
            "accessModes": [_ACCESS_MODES[spec.access]],
            "resources": {"requests": {"storage": memory_quantity(spec.size_gib)}},
            "storageClassName": of_many_nodes if spec.access == "manyNodes" else of_one_node,
        },
    )
