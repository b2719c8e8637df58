"""Pure builders of Kubernetes objects, shared by services, tenants, guardrails and workloads."""

from bedplate.kubernetes.objects import SKIP_AWAIT, KubernetesObject, Manifest, manifest, template_metadata
from bedplate.kubernetes.pods import (
    Container,
    accelerator_placement,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
)

__all__ = [
    "SKIP_AWAIT",
    "Container",
    "KubernetesObject",
    "Manifest",
    "accelerator_placement",
    "manifest",
    "pod_spec",
    "service_account",
    "spread_over_zones_and_nodes",
    "template_metadata",
]
