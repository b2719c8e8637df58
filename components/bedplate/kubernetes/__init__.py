"""Pure builders of Kubernetes objects, and charts, shared by services, tenants, guardrails and workloads."""

from bedplate.kubernetes.charts import Chart, ChartsSpec, CustomKind
from bedplate.kubernetes.custom import CustomObject
from bedplate.kubernetes.namespaces import (
    CRITICAL_PRIORITY_CLASS,
    PlatformNamespace,
    PlatformNamespaceArgs,
    namespace_manifest,
)
from bedplate.kubernetes.network import default_policies, namespace_peer, network_policy
from bedplate.kubernetes.objects import SKIP_AWAIT, KubernetesObject, Manifest, manifest, template_metadata
from bedplate.kubernetes.pods import (
    Container,
    accelerator_placement,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
)
from bedplate.kubernetes.release import Release, ReleaseArgs

__all__ = [
    "CRITICAL_PRIORITY_CLASS",
    "SKIP_AWAIT",
    "Chart",
    "ChartsSpec",
    "Container",
    "CustomKind",
    "CustomObject",
    "KubernetesObject",
    "Manifest",
    "PlatformNamespace",
    "PlatformNamespaceArgs",
    "Release",
    "ReleaseArgs",
    "accelerator_placement",
    "default_policies",
    "manifest",
    "namespace_manifest",
    "namespace_peer",
    "network_policy",
    "pod_spec",
    "service_account",
    "spread_over_zones_and_nodes",
    "template_metadata",
]
