"""What a machine offers pods: what is left of it once a kubelet has set aside what the cloud tells it to.

Owns the rules that clouds share; which of them hold on a cloud is that cloud's, see `ClusterSpec.allocatable`. Two
things are not counted: memory that the machine's firmware and kernel never show, and what the cloud's own DaemonSets
ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

EVICTION_MIB = 100.0
"""Memory that pods may not use up: the kubelet's default on Linux, and what all three clouds set.

https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds
"""
EVICTION_DISK_SHARE = 0.1
"""Of the disk; the same default, which EKS, GKE and AKS leave as it is."""
CPU_STEPS = ((1, 0.06), (1, 0.01), (2, 0.005), (float("inf"), 0.0025))
"""Share that is set aside of the first core, the second, the next two and all others, on EKS and GKE.

https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes#cpu_reservations and, for EKS,
https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go
"""
PODS_BY_DEFAULT = 110
"""https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ (maxPods)"""


@dataclass(frozen=True, kw_only=True)
class Allocatable:
    """What the pods of one node may request together. disk_gib: ephemeral storage, images included."""

    cpu: float
    memory_gib: float
    disk_gib: float
    pods: int
    gpus: int


def stepped(amount: float, steps: Sequence[tuple[float, float]]) -> float:
    """The sum of shares of an amount; steps: how much of it, in order, and the share of that."""
    total = 0.0
    for size, share in steps:
        part = min(amount, size)
        total, amount = total + part * share, amount - part
    return total
