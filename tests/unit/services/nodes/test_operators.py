"""What Karpenter of a rehearsal is said to have done."""

from pathlib import Path
from typing import Any

from bedplate.labels import POOL
from bedplate.services.nodes.operators import OPERATORS
from bedplate.services.operator import NodesSeen, Sight, Surroundings

(KARPENTER,) = OPERATORS
NODE = {"metadata": {"name": "one", "labels": {POOL: "l4"}}}


class Nodes:
    """A cluster of which one node goes as soon as nodes are listed."""

    def __init__(self, *pods: dict[str, Any], goes: bool = False) -> None:
        self.pods, self.goes, self.there = list(pods), goes, True

    def objects(self, api_version: str, kind: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        del api_version, namespace, selector
        if kind == "Pod":
            return self.pods
        self.there = self.there and not self.goes
        return [NODE] if self.there else []

    def seen(self) -> dict[str, NodesSeen]:
        return {"l4": NodesSeen(came=1, went=0 if self.there else 1, most=1)}


def pod(**metadata: str) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"nodeName": "one"}, "status": {"phase": "Running"}}


def sight(cluster: Nodes) -> Sight:
    nowhere = Path("/nonexistent")
    surroundings = Surroundings(
        objects=[],
        values={},
        namespace="",
        server="",
        authority=nowhere,
        token=nowhere,
        kubeconfig=nowhere,
        folder=nowhere,
        ports={},
        network="",
    )
    return Sight(cluster=cluster, surroundings=surroundings, log="", nodes=cluster.seen)


def idle(cluster: Nodes) -> list[str]:
    return [one.object for one in KARPENTER.work(sight(cluster)).missing if one.object.startswith("Node ")]


def test_a_node_that_the_list_lacks_has_gone_in_the_count() -> None:
    work = KARPENTER.work(sight(Nodes(goes=True)))
    assert (work.counts["nodesCame"], work.counts["nodesWent"]) == (1, 1)


def test_a_node_is_waited_for_while_its_last_pod_is_being_deleted() -> None:
    assert idle(Nodes(pod())) == []
    assert idle(Nodes(pod(deletionTimestamp="2026-01-01T00:00:00Z"))) == ["Node one"]
