"""What nodes need of the platform, and what pods need to get one.

Owns the StorageClasses and PriorityClasses of the platform, and where the cluster does not bring it what adds and
removes nodes. It deliberately owns no node pool, which are the cloud's, and nothing that makes nodes offer their GPUs.
It registers no resource of its own: its parts are the platform's children, and their URNs a contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import AutoscalerFacts, ClusterFacts, KarpenterFacts
from bedplate.kubernetes import Alert
from bedplate.services.nodes.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.nodes.alerts import NODE_ALERTS
from bedplate.services.nodes.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.services.nodes.karpenter import Karpenter, KarpenterArgs
from bedplate.services.nodes.storage_classes import StorageClasses, StorageClassesArgs

_Running = ClusterAutoscaler | Karpenter


@dataclass(frozen=True, kw_only=True)
class NodesArgs:
    """accelerators: those of the pools. chart_source: of charts, in the publisher's place."""

    facts: ClusterFacts
    accelerators: Sequence[str]
    chart_source: str | None = None


class Nodes:
    """Classes of disks and of GPUs, and what runs so that nodes are there and offer what they have."""

    classes: Sequence[pulumi.Resource]
    """What tenants' objects name, and so comes before every tenant."""
    alerts: Sequence[Alert]
    """Of nodes, of pods that wait for one, and of what runs here."""

    def __init__(self, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.classes = [*_storage_classes(name, args, opts), _accelerator_classes(name, args, opts)]
        running = _autoscaler(name, args, opts)
        self.alerts = [*NODE_ALERTS, *(alert for service in running for alert in service.alerts)]


def _storage_classes(name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None) -> list[StorageClasses]:
    if not args.facts.block_storage:
        return []
    return [StorageClasses(f"{name}-storage-classes", StorageClassesArgs(facts=args.facts), opts)]


def _accelerator_classes(name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None) -> AcceleratorClasses:
    classes = AcceleratorClassesArgs(accelerators=args.accelerators)
    return AcceleratorClasses(f"{name}-accelerator-classes", classes, opts)


def _autoscaler(name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None) -> list[_Running]:
    facts, version, dns = args.facts.autoscaler, args.facts.kubernetes_version, args.facts.dns
    if isinstance(facts, AutoscalerFacts):
        autoscaler = ClusterAutoscalerArgs(facts=facts, kubernetes_version=version, dns=dns)
        return [ClusterAutoscaler(f"{name}-autoscaler", autoscaler, opts)]
    if isinstance(facts, KarpenterFacts):
        karpenter = KarpenterArgs(facts=facts, kubernetes_version=version, dns=dns, chart_source=args.chart_source)
        return [Karpenter(f"{name}-karpenter", karpenter, opts)]
    return []
