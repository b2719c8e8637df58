"""Pure builders of Kubernetes objects, shared by services, tenants, guardrails and workloads."""

from bedplate.kubernetes.alerts import Alert, metric_label, rules_file
from bedplate.kubernetes.namespaces import PodSecurityLevel, namespace_manifest
from bedplate.kubernetes.network import (
    METADATA_ADDRESSES,
    addresses,
    default_deny,
    network_policy,
    pods_of,
    to_dns,
)
from bedplate.kubernetes.objects import SKIP_AWAIT, KubernetesObject, Manifest, manifest, template_metadata
from bedplate.kubernetes.pods import (
    NOT_EVICTED,
    Container,
    accelerator_placement,
    disruption_budget,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
)

__all__ = [
    "METADATA_ADDRESSES",
    "NOT_EVICTED",
    "SKIP_AWAIT",
    "Alert",
    "Container",
    "KubernetesObject",
    "Manifest",
    "PodSecurityLevel",
    "accelerator_placement",
    "addresses",
    "default_deny",
    "disruption_budget",
    "manifest",
    "metric_label",
    "namespace_manifest",
    "network_policy",
    "pod_spec",
    "pods_of",
    "rules_file",
    "service_account",
    "spread_over_zones_and_nodes",
    "template_metadata",
    "to_dns",
]
