"""Simulated nodes as objects: made, watched until ready, and removed with what they leave behind.

Owns the Node objects. What happens on them is kwok's, see `simulation`.
"""

import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, JsonObject, items, text
from bedplate.labels import ACCELERATOR, DOMAIN, GPU_RESOURCE, GPU_TAINT, POOL, SYSTEM_TAINT

_logger = logging.getLogger(__name__)
_NODES = "/api/v1/nodes"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SIMULATED_LABEL = f"{DOMAIN}/simulated"
_SIMULATED = f"{SIMULATED_LABEL}=true"
_ZONES = ("simulated-a", "simulated-b", "simulated-c")
_UNREADY_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


@dataclass(frozen=True, kw_only=True)
class SimulatedPool:
    """Nodes of one kind: what pods can request on each. gpus: of the accelerator, on each node. is_reserved: whether
    they are tainted for the platform alone."""

    name: str
    nodes: int
    cpu: float
    memory_gib: float
    disk_gib: float = 100.0
    pods: int = 110
    accelerator: str | None = None
    gpus: int = 0
    is_reserved: bool = False


@contextlib.contextmanager
def simulated_nodes(api: ClusterApi, pools: Sequence[SimulatedPool], version: str) -> Generator[list[str]]:
    """The nodes of these pools, by name, while the block lasts. Those that a killed rehearsal left are replaced."""
    bodies = [
        node_object(pool, index, version, address)
        for address, (pool, index) in enumerate((pool, index) for pool in pools for index in range(pool.nodes))
    ]
    names = [text(body, "metadata", "name") for body in bodies]
    try:
        remove_nodes(api, [text(node, "metadata", "name") for node in api.items(_NODES, labelSelector=_SIMULATED)])
        for body in bodies:
            api.create(_NODES, body)
        yield names
    finally:
        try:
            remove_nodes(api, names)
        except ApiError as error:
            _logger.warning("the simulated nodes could not be removed: %s", error)


def unready_nodes(api: ClusterApi, names: Sequence[str]) -> list[str]:
    """Those of the nodes that take no pods yet: ready, and without the taint that goes a moment later."""
    ready = {
        text(node, "metadata", "name")
        for node in api.items(_NODES, labelSelector=_SIMULATED)
        if any(_is_ready(condition) for condition in items(node, "status", "conditions"))
        and not any(text(taint, "key") in _UNREADY_TAINTS for taint in items(node, "spec", "taints"))
    }
    return [name for name in names if name not in ready]


def remove_nodes(api: ClusterApi, names: Sequence[str]) -> None:
    """Removes nodes, their leases and their pods, which nothing would end any more."""
    if not names:
        return
    for name in names:
        api.delete(f"{_NODES}/{name}")
        api.delete(f"{_LEASES}/{name}")
    for pod in api.items("/api/v1/pods"):
        if text(pod, "spec", "nodeName") in names:
            namespace, name = text(pod, "metadata", "namespace"), text(pod, "metadata", "name")
            api.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", gracePeriodSeconds="0")


def node_object(pool: SimulatedPool, index: int, version: str, address: int) -> JsonObject:
    """The node `index` of a pool. address: a number that no other node has; version: of the kubelet it claims to be."""
    name = f"bedplate-{pool.name}-{index}"
    zone = _ZONES[index % len(_ZONES)]
    labels = {
        POOL: pool.name,
        SIMULATED_LABEL: "true",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "simulated",
        "topology.kubernetes.io/zone": zone,
        "type": "kwok",
    }
    capacity = {
        "cpu": f"{round(pool.cpu * 1000)}m",
        "memory": f"{int(pool.memory_gib * 1024)}Mi",
        "ephemeral-storage": f"{int(pool.disk_gib * 1024)}Mi",
        "pods": f"{pool.pods}",
    }
    if pool.accelerator is not None:
        labels[ACCELERATOR] = pool.accelerator
        capacity[GPU_RESOURCE] = str(pool.gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": _taints(pool)},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [
                {"type": "InternalIP", "address": f"10.0.{address // 250}.{address % 250 + 1}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": _node_info(name, version),
        },
    }


def _taints(pool: SimulatedPool) -> list[JsonObject]:
    if pool.is_reserved:
        return [dict(SYSTEM_TAINT)]
    return [dict(GPU_TAINT)] if pool.accelerator is not None else []


def _node_info(name: str, version: str) -> JsonObject:
    return {
        "architecture": "amd64",
        "operatingSystem": "linux",
        "osImage": "simulated",
        "kernelVersion": "simulated",
        "containerRuntimeVersion": "simulated",
        "kubeletVersion": version,
        "kubeProxyVersion": version,
        "bootID": name,
        "machineID": name,
        "systemUUID": name,
    }


def _is_ready(condition: JsonObject) -> bool:
    return text(condition, "type") == "Ready" and text(condition, "status") == "True"
