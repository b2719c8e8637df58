"""A PriorityClass for each accelerator, so that quotas can count GPUs by accelerator.

Owns the classes. It deliberately gives none of them precedence: all have the priority of a pod without a class, and
none preempts (https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import KubernetesObject, manifest
from bedplate.labels import Identity, accelerator_class


@dataclass(frozen=True, kw_only=True)
class AcceleratorClassesArgs:
    """accelerators: those of the cluster's pools."""

    accelerators: Sequence[str]


class AcceleratorClasses(pulumi.ComponentResource):
    """The PriorityClasses by which quotas tell accelerators apart."""

    def __init__(self, name: str, args: AcceleratorClassesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AcceleratorClasses", name, {}, opts)
        identity = Identity(name="accelerator-classes", component="quota")
        for accelerator in args.accelerators:
            priority_class = manifest(
                "scheduling.k8s.io/v1",
                "PriorityClass",
                accelerator_class(accelerator),
                identity,
                description=f"Pods that use {accelerator}; quotas count their GPUs by this class.",
                globalDefault=False,
                preemptionPolicy="Never",
                value=0,
            )
            KubernetesObject(f"{name}-{accelerator}", priority_class, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
