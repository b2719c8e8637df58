"""Pure builders of Kubernetes objects, and charts, shared by services, tenants, guardrails and workloads."""

from bedplate.kubernetes.alerts import Alert, metric_label, rules_file
from bedplate.kubernetes.api_keys import ApiKeySpec, NewApiKey, new_api_key
from bedplate.kubernetes.charts import Chart, ChartsSpec, CustomKind
from bedplate.kubernetes.custom import CustomObject, Operator
from bedplate.kubernetes.load_balancers import LoadBalancer
from bedplate.kubernetes.namespaces import (
    CRITICAL_PRIORITY_CLASS,
    PlatformNamespace,
    PlatformNamespaceArgs,
    PodSecurityLevel,
    namespace_manifest,
)
from bedplate.kubernetes.network import (
    METADATA_ADDRESSES,
    Dns,
    addresses,
    default_policies,
    network_policy,
    pods_of,
    to_the_front_door,
)
from bedplate.kubernetes.objects import (
    SKIP_AWAIT,
    KubernetesObject,
    Manifest,
    configuration_hash,
    manifest,
    secrets_hash,
    template_metadata,
)
from bedplate.kubernetes.pods import (
    NOT_EVICTED,
    Container,
    accelerator_placement,
    disruption_budget,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
)
from bedplate.kubernetes.provided import ProvidedOperator, ProvidedOperatorArgs
from bedplate.kubernetes.release import Release, ReleaseArgs
from bedplate.kubernetes.routes import RouteSpec

__all__ = [
    "CRITICAL_PRIORITY_CLASS",
    "METADATA_ADDRESSES",
    "NOT_EVICTED",
    "SKIP_AWAIT",
    "Alert",
    "ApiKeySpec",
    "Chart",
    "ChartsSpec",
    "Container",
    "CustomKind",
    "CustomObject",
    "Dns",
    "KubernetesObject",
    "LoadBalancer",
    "Manifest",
    "NewApiKey",
    "Operator",
    "PlatformNamespace",
    "PlatformNamespaceArgs",
    "PodSecurityLevel",
    "ProvidedOperator",
    "ProvidedOperatorArgs",
    "Release",
    "ReleaseArgs",
    "RouteSpec",
    "accelerator_placement",
    "addresses",
    "configuration_hash",
    "default_policies",
    "disruption_budget",
    "manifest",
    "metric_label",
    "namespace_manifest",
    "network_policy",
    "new_api_key",
    "pod_spec",
    "pods_of",
    "rules_file",
    "secrets_hash",
    "service_account",
    "spread_over_zones_and_nodes",
    "template_metadata",
    "to_the_front_door",
]
