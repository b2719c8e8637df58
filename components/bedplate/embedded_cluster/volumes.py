"""Simulated storage: classes, and volumes that are made and deleted as a CSI driver's provisioner would.

Owns what the external-provisioner does (https://kubernetes-csi.github.io/docs/external-provisioner.html): a volume for
each claim of our classes, with the class's reclaim policy, and the deletion of released volumes. Binding is Kubernetes'
own. There is no resizer, so an expanded claim keeps its size. A volume of one node (ReadWriteOnce) stays with the node
of its first pod; others can be used in every zone.
"""

import contextlib
import logging
from collections.abc import Callable, Generator, Mapping
from typing import cast

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, JsonObject, ObjectWatch, field, text
from bedplate.labels import DOMAIN

PROVISIONER = f"simulated.{DOMAIN}"

_logger = logging.getLogger(__name__)
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
_CLAIMS = "/api/v1/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_CLAIM_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
_NODES = "/api/v1/nodes"
_HOST = "kubernetes.io/hostname"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_ONE_NODE = frozenset({"ReadWriteOnce"})
"""Of one pod (ReadWriteOncePod) the scheduler itself lets no second one in."""


@contextlib.contextmanager
def simulated_volumes(
    api: ClusterApi, storage_classes: Mapping[str, str], is_simulated: Callable[[str], bool]
) -> Generator[None]:
    """Storage classes, from name to reclaim policy, whose claims get volumes while the block lasts.

    is_simulated: whether a provisioner's claims are served here, because nobody else does. Classes that the cluster
    has are left alone. After the block, the volumes that are not in use go too: there is nothing behind them.
    """
    # Without this Kubernetes waits for someone to attach the volumes.
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": PROVISIONER}}
    with contextlib.ExitStack() as made:
        made.callback(_quietly, "unused volumes", lambda: _remove_unused_volumes(api))
        _create(api, made, _DRIVERS, {**driver, "spec": {"attachRequired": False}})
        for name, reclaim_policy in storage_classes.items():
            _create(api, made, _CLASSES, storage_class(name, reclaim_policy))
        watches = [
            ObjectWatch(api, _CLAIMS, lambda claim: _provision(api, claim, is_simulated)),
            ObjectWatch(api, _VOLUMES, lambda volume: _reclaim(api, volume)),
        ]
        for watch in watches:
            watch.start()
            made.callback(watch.stop)
        yield


def storage_class(name: str, reclaim_policy: str) -> JsonObject:
    """A class of simulated volumes, which are made once a pod that uses them has found its node."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": PROVISIONER,
        "reclaimPolicy": reclaim_policy,
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def _create(api: ClusterApi, made: contextlib.ExitStack, path: str, body: JsonObject) -> None:
    name = text(body, "metadata", "name")
    try:
        api.create(path, body)
    except ApiError as error:
        if error.status != 409:
            raise
    else:
        made.callback(_quietly, name, lambda: api.delete(f"{path}/{name}"))


def _quietly(what: str, remove: Callable[[], None]) -> None:
    # An error here would hide the one that ended the block.
    try:
        remove()
    except ApiError as error:
        _logger.warning("%s could not be removed: %s", what, error)


def _provision(api: ClusterApi, claim: JsonObject, is_simulated: Callable[[str], bool]) -> None:
    annotations = field(claim, "metadata", "annotations")
    pending = text(claim, "status", "phase") == "Pending" and not text(claim, "spec", "volumeName")
    if not pending or not is_simulated(text(annotations, _CLAIM_PROVISIONER)):
        return
    if text(claim, "metadata", "deletionTimestamp"):
        return
    try:
        used_class = api.get(f"{_CLASSES}/{text(claim, 'spec', 'storageClassName')}")
    except ApiError as error:
        if error.status == 404:
            _logger.warning("claim %s: its storage class is gone", text(claim, "metadata", "name"))
            return
        raise
    waits = text(used_class, "volumeBindingMode") == "WaitForFirstConsumer"
    if waits and not text(annotations, _SELECTED_NODE):
        return
    try:
        api.create(_VOLUMES, volume_object(claim, used_class, _host_of(api, text(annotations, _SELECTED_NODE))))
    except ApiError as error:
        if error.status != 409:  # we were here before
            raise


def _host_of(api: ClusterApi, node: str) -> str:
    """What the node's label says, by which volumes know it; an autoscaler's node may have another name."""
    return text(api.get(f"{_NODES}/{node}"), "metadata", "labels", _HOST) if node else ""


def volume_object(claim: JsonObject, used_class: JsonObject, host: str = "") -> JsonObject:
    """The volume for a claim, bound to it from the start. Its name follows from the claim: one claim, one volume.

    host: label of the node that the claim's first pod has found, if any.
    """
    metadata, spec = field(claim, "metadata"), field(claim, "spec")
    name = f"pvc-{text(metadata, 'uid')}"
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    reference.update({key: text(metadata, key) for key in ("namespace", "name", "uid", "resourceVersion")})
    affinity = _only_on(host) if host and set(_strings(spec, "accessModes")) <= _ONE_NODE else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            **affinity,
            "accessModes": field(spec, "accessModes"),
            "capacity": {"storage": field(spec, "resources", "requests", "storage")},
            "claimRef": reference,
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
            "persistentVolumeReclaimPolicy": text(used_class, "reclaimPolicy"),
            "storageClassName": text(used_class, "metadata", "name"),
            "volumeMode": field(spec, "volumeMode"),
        },
    }


def _only_on(host: str) -> JsonObject:
    """Nobody attaches simulated volumes, so nobody refuses a second node: the volume is bound to that of its first pod.

    A real one would follow its pods once all of them have left the node.
    """
    expression = {"key": _HOST, "operator": "In", "values": [host]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}


def _strings(value: object, *path: str) -> list[str]:
    return cast(list[str], field(value, *path) or [])


def _reclaim(api: ClusterApi, volume: JsonObject) -> None:
    deletes = text(volume, "spec", "persistentVolumeReclaimPolicy") == "Delete"
    if _is_ours(volume) and deletes and text(volume, "status", "phase") == "Released":
        api.delete(f"{_VOLUMES}/{text(volume, 'metadata', 'name')}")


def _remove_unused_volumes(api: ClusterApi) -> None:
    for volume in api.items(_VOLUMES):
        if _is_ours(volume) and text(volume, "status", "phase") != "Bound":
            api.delete(f"{_VOLUMES}/{text(volume, 'metadata', 'name')}")


def _is_ours(volume: JsonObject) -> bool:
    return text(volume, "metadata", "annotations", _PROVISIONED_BY) == PROVISIONER
