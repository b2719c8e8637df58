"""Pure builders of Kubernetes objects, and charts, shared by services, tenants, guardrails and workloads.

What registers objects imports Pulumi, and is imported when it is asked for; so is what one workload alone has none of.
"""

from typing import TYPE_CHECKING

from bedplate.kubernetes.api_keys import ApiKeySpec, NewApiKey, new_api_key
from bedplate.kubernetes.idle import IdleSpec
from bedplate.kubernetes.manifests import SKIP_AWAIT, Manifest, manifest, template_metadata
from bedplate.kubernetes.network import (
    METADATA_ADDRESSES,
    Dns,
    addresses,
    default_policies,
    network_policy,
    pods_of,
    to_the_front_door,
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
from bedplate.kubernetes.routes import RouteSpec
from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.kubernetes.alerts import Alert, RecordingRule, RuleGroup, metric_label, rules_file
    from bedplate.kubernetes.charts import Chart, ChartsSpec, CustomKind
    from bedplate.kubernetes.custom import CustomObject, Operator
    from bedplate.kubernetes.dashboards import Dashboard, Panel, Query, Row, Variable
    from bedplate.kubernetes.definitions import Definitions, DefinitionsArgs
    from bedplate.kubernetes.load_balancers import LoadBalancer
    from bedplate.kubernetes.namespaces import (
        CRITICAL_PRIORITY_CLASS,
        PLATFORM_TOLERATIONS,
        PlatformNamespace,
        PlatformNamespaceArgs,
        PodSecurityLevel,
        namespace_manifest,
    )
    from bedplate.kubernetes.object_metrics import ObjectMetrics, allow_list
    from bedplate.kubernetes.objects import KubernetesObject, configuration_hash, secrets_hash
    from bedplate.kubernetes.provided import ProvidedOperator, ProvidedOperatorArgs
    from bedplate.kubernetes.release import Release, ReleaseArgs

__getattr__ = on_demand(
    {
        "bedplate.kubernetes.alerts": ("Alert", "RecordingRule", "RuleGroup", "metric_label", "rules_file"),
        "bedplate.kubernetes.charts": ("Chart", "ChartsSpec", "CustomKind"),
        "bedplate.kubernetes.custom": ("CustomObject", "Operator"),
        "bedplate.kubernetes.dashboards": ("Dashboard", "Panel", "Query", "Row", "Variable"),
        "bedplate.kubernetes.definitions": ("Definitions", "DefinitionsArgs"),
        "bedplate.kubernetes.load_balancers": ("LoadBalancer",),
        "bedplate.kubernetes.namespaces": (
            "CRITICAL_PRIORITY_CLASS",
            "PLATFORM_TOLERATIONS",
            "PlatformNamespace",
            "PlatformNamespaceArgs",
            "PodSecurityLevel",
            "namespace_manifest",
        ),
        "bedplate.kubernetes.object_metrics": ("ObjectMetrics", "allow_list"),
        "bedplate.kubernetes.objects": ("KubernetesObject", "configuration_hash", "secrets_hash"),
        "bedplate.kubernetes.provided": ("ProvidedOperator", "ProvidedOperatorArgs"),
        "bedplate.kubernetes.release": ("Release", "ReleaseArgs"),
    }
)

__all__ = [
    "CRITICAL_PRIORITY_CLASS",
    "METADATA_ADDRESSES",
    "NOT_EVICTED",
    "PLATFORM_TOLERATIONS",
    "SKIP_AWAIT",
    "Alert",
    "ApiKeySpec",
    "Chart",
    "ChartsSpec",
    "Container",
    "CustomKind",
    "CustomObject",
    "Dashboard",
    "Definitions",
    "DefinitionsArgs",
    "Dns",
    "IdleSpec",
    "KubernetesObject",
    "LoadBalancer",
    "Manifest",
    "NewApiKey",
    "ObjectMetrics",
    "Operator",
    "Panel",
    "PlatformNamespace",
    "PlatformNamespaceArgs",
    "PodSecurityLevel",
    "ProvidedOperator",
    "ProvidedOperatorArgs",
    "Query",
    "RecordingRule",
    "Release",
    "ReleaseArgs",
    "RouteSpec",
    "Row",
    "RuleGroup",
    "Variable",
    "accelerator_placement",
    "addresses",
    "allow_list",
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
