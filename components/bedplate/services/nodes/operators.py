"""Karpenter beside an API server, with its provider of simulated nodes: the stack's pools come from nothing.

Owns its pools of nodes, made of the stack's: the machine, the label and the taint of each, and its `max` as a limit. It
runs for every stack, also where the cloud has an autoscaler of its own, whose program no registry has (cluster-
autoscaler): what is shown is that the stack's pods can be planned for from zero, not how a cloud's autoscaler does it.
The stack's own NodePools, of a cloud's node class, it leaves alone.
"""

import json
from typing import Any

from bedplate.kubernetes import Manifest
from bedplate.labels import (
    ACCELERATOR,
    AUTOSCALER_SERVICE_ACCOUNT,
    AUTOSCALING_NAMESPACE,
    GPU_RESOURCE,
    GPU_TAINT,
    KARPENTER,
    POOL,
)
from bedplate.services.nodes.karpenter import CHART, DEFINITIONS
from bedplate.services.operator import (
    GrowingPool,
    Launch,
    OperatorProgram,
    Ready,
    Shortfall,
    Sight,
    Surroundings,
    Work,
)
from bedplate.wording import counted

_CORE, _SIMULATED = "karpenter.sh", "karpenter.kwok.sh"
_NODE_CLASS = "simulated"
_ZONES = ("simulated-a", "simulated-b", "simulated-c")
"""Those of the nodes that are there from the start."""
_OWN_CPU, _OWN_MEMORY_MIB = 0.1, 10
"""What the provider sets aside of every machine
(https://github.com/kubernetes-sigs/karpenter/blob/v1.15.0/kwok/cloudprovider/helpers.go)."""
_EMPTY_SECONDS = 5
_TYPES = "instance-types.json"


def _launch(surroundings: Surroundings) -> Launch:
    ports = surroundings.ports
    return Launch(
        environment={
            "KUBECONFIG": str(surroundings.kubeconfig),
            "SYSTEM_NAMESPACE": "kube-system",
            "KARPENTER_SERVICE": KARPENTER,
            # It compares the server's version with the oldest that it works with.
            "KUBERNETES_MIN_VERSION": "1.19.0-0",
            "METRICS_PORT": str(ports["metrics"]),
            "HEALTH_PROBE_PORT": str(ports["health"]),
            "DISABLE_LEADER_ELECTION": "true",
            "INSTANCE_TYPES_FILE_PATH": str(surroundings.folder / _TYPES),
        },
        files={_TYPES: json.dumps([instance_type(pool) for pool in surroundings.pools])},
        objects=[_node_class(), *(node_pool(pool) for pool in surroundings.pools)],
    )


def instance_type(pool: GrowingPool) -> dict[str, Any]:
    """The machine of a pool, of which pods get what a node of it offers.

    `nodes` is a resource of the machine as well: the provider's nodes count as large as what was asked of them, so a
    limit of GPUs would let more of them come.
    """
    offer = pool.offer
    gpus = {GPU_RESOURCE: str(offer.gpus)} if pool.accelerator else {}
    return {
        "name": pool.name,
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {
            "cpu": f"{round((offer.cpu + _OWN_CPU) * 1000)}m",
            "memory": f"{int(offer.memory_gib * 1024) + _OWN_MEMORY_MIB}Mi",
            "ephemeral-storage": f"{int(offer.disk_gib * 1024)}Mi",
            "pods": str(offer.pods),
            "nodes": "1",
            **gpus,
        },
        "offerings": [
            {
                "Price": offer.cpu,
                "Available": True,
                "Requirements": [
                    _one_of(f"{_CORE}/capacity-type", "on-demand"),
                    _one_of("topology.kubernetes.io/zone", zone),
                ],
            }
            for zone in _ZONES
        ],
    }


def node_pool(pool: GrowingPool) -> Manifest:
    """https://karpenter.sh/docs/concepts/nodepools/. A node without pods goes at once, whatever others do."""
    accelerator = {ACCELERATOR: pool.accelerator} if pool.accelerator else {}
    template = {
        "metadata": {"labels": {POOL: pool.name, **accelerator}},
        "spec": {
            "nodeClassRef": {"group": _SIMULATED, "kind": "KWOKNodeClass", "name": _NODE_CLASS},
            "requirements": [_one_of("node.kubernetes.io/instance-type", pool.name)],
            "expireAfter": "Never",
            **({"taints": [GPU_TAINT]} if pool.accelerator else {}),
        },
    }
    return {
        "apiVersion": f"{_CORE}/v1",
        "kind": "NodePool",
        "metadata": {"name": _name(pool)},
        "spec": {
            "template": template,
            "limits": {"nodes": pool.nodes},
            "disruption": {
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": f"{_EMPTY_SECONDS}s",
                # The default lets one node in ten go at a time.
                "budgets": [{"nodes": "100%"}],
            },
        },
    }


def _name(pool: GrowingPool) -> str:
    """Not the pool's own, which a NodePool of the stack may have."""
    return f"simulated-{pool.name}"


def _node_class() -> Manifest:
    return {
        "apiVersion": f"{_SIMULATED}/v1alpha1",
        "kind": "KWOKNodeClass",
        "metadata": {"name": _NODE_CLASS},
        "spec": {"nodeRegistrationDelay": "1s"},
    }


def _one_of(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}


def _work(sight: Sight) -> Work:
    """Nodes that came for pods must be gone when those are, and a pool never larger than its `max`."""
    idle = _idle(sight)
    # Counted after they were listed: whatever the list lacks is gone in the count as well.
    seen, limits = sight.nodes(), {pool.name: pool.nodes for pool in sight.surroundings.pools}
    missing = [
        Shortfall(
            object=f"node pool {name}",
            reason=f"had {counted(nodes.most, 'node')} that came, its max leaves room for {limits.get(name, 0)}",
            fix="see the limits of its NodePool: kubectl get nodepools -o yaml",
        )
        for name, nodes in seen.items()
        if nodes.most > limits.get(name, 0)
    ]
    missing += [
        Shortfall(
            object=f"Node {node['metadata']['name']}",
            reason=f"of pool {node['metadata']['labels'][POOL]} has no pod left and has not gone",
            fix="see what keeps it: kubectl describe nodeclaims",
        )
        for node in idle
    ]
    came, went = sum(nodes.came for nodes in seen.values()), sum(nodes.went for nodes in seen.values())
    most = [f"{name} {nodes.most} of {limits.get(name, 0)}" for name, nodes in seen.items()]
    text = f"{counted(came, 'node')} came, {went} went"
    return Work(
        text=f"{text}; most at once: {', '.join(most)}" if most else text,
        counts={"nodesCame": came, "nodesWent": went, **{f"mostAtOnce.{name}": one.most for name, one in seen.items()}},
        missing=missing,
    )


def _idle(sight: Sight) -> list[dict[str, Any]]:
    """Nodes that came and that no pod keeps."""
    busy = {pod["spec"].get("nodeName") for pod in sight.cluster.objects("v1", "Pod") if not _keeps_none(pod)}
    nodes = sight.cluster.objects("v1", "Node", selector=f"{POOL},{_CORE}/nodepool")
    return [node for node in nodes if node["metadata"]["name"] not in busy]


def _keeps_none(pod: dict[str, Any]) -> bool:
    """A pod of a DaemonSet, one that has ended, or one that is being deleted: none of them keeps a node."""
    owners: list[dict[str, Any]] = pod["metadata"].get("ownerReferences", [])
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    is_going = "deletionTimestamp" in pod["metadata"]
    return ended or is_going or any(owner["kind"] == "DaemonSet" for owner in owners)


NOT_RUN = {
    DEFINITIONS.name: "it brings definitions, and upstream's own are there",
    CHART.name: "it starts machines of a cloud; Karpenter for simulated ones runs in its place",
    f"{AUTOSCALING_NAMESPACE}/{AUTOSCALER_SERVICE_ACCOUNT}": "no program: k8s.io/autoscaler is in no registry",
}
OPERATORS = (
    OperatorProgram(
        name="Karpenter",
        program="karpenter",
        brings_nodes=True,
        launch=_launch,
        work=_work,
        ready=Ready(port="health", path="/readyz"),
        ports=("metrics", "health"),
    ),
)
