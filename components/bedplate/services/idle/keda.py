"""KEDA as the platform runs it: the chart, its values, and what its namespace lets through.

Owns data only; `idle` installs it. Its admission webhooks are off: ScaledObjects are the platform's own, and one
webhook less can be in the way of an update. It is given no Secret and no kind but Deployments and StatefulSets to
scale. Every value is checked against https://github.com/kedacore/charts/blob/v2.20.2/keda/values.yaml.
"""

from typing import Any

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Chart,
    CustomKind,
    Manifest,
    PlatformNamespaceArgs,
    network_policy,
    spread_over_zones_and_nodes,
)
from bedplate.labels import IDLE_NAMESPACE, KEDA, OWNER, PLATFORM_OWNER, Identity
from bedplate.services.monitoring.endpoint import PrometheusEndpoint

# renovate: datasource=helm depName=keda registryUrl=https://kedacore.github.io/charts
KEDA_VERSION = "2.20.2"
_GROUP, _EVENTS = "keda.sh", "eventing.keda.sh"
OPERATOR = "keda-operator"
METRICS_SERVER = f"{OPERATOR}-metrics-apiserver"
CHART = Chart(
    name=KEDA,
    repository="https://kedacore.github.io/charts",
    version=KEDA_VERSION,
    kinds=tuple(
        CustomKind(
            group=group,
            versions=("v1alpha1",),
            kind=kind,
            plural=f"{kind.lower()}s",
            scope="Cluster" if kind.startswith("Cluster") else "Namespaced",
        )
        for group, kind in (
            (_GROUP, "ScaledObject"),
            (_GROUP, "ScaledJob"),
            (_GROUP, "TriggerAuthentication"),
            (_GROUP, "ClusterTriggerAuthentication"),
            (_EVENTS, "CloudEventSource"),
            (_EVENTS, "ClusterCloudEventSource"),
        )
    ),
    keeping={"crds": {"install": True, "additionalAnnotations": {"helm.sh/resource-policy": "keep"}}},
)
IDENTITY = Identity(name=KEDA, component="idle", version=KEDA_VERSION)
_REPLICAS = 2
_OPERATOR_PORT, _ADAPTER_PORT, _METRICS_PORT = 9666, 6443, 8080
_API_PORTS = (443, 6443)
_QUERIES_PER_SECOND, _BURST = 100, 200
"""KEDA writes the status of each that is in use at each look: 1,000 of them every 15 seconds are 67 a second, and the
default of 20 delays those that must be started."""


def values() -> dict[str, Any]:
    """Values of the chart: a second operator that waits, bounded, with the rights that stopping and starting needs."""
    parts = ("operator", "metricServer")
    return {
        "additionalLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        "image": {"pullPolicy": "IfNotPresent"},
        "operator": {"name": OPERATOR, "replicaCount": _REPLICAS, "revisionHistoryLimit": 5},
        "metricsServer": {"replicaCount": _REPLICAS, "revisionHistoryLimit": 5},
        "webhooks": {"enabled": False},
        "rbac": {"create": True, "aggregateToDefaultRoles": False, "enabledCustomScaledRefKinds": False},
        "permissions": {part: {"restrict": {"secret": True}} for part in parts},
        "podDisruptionBudget": {part: {"maxUnavailable": 1} for part in parts},
        "priorityClassName": CRITICAL_PRIORITY_CLASS,
        "tolerations": PLATFORM_TOLERATIONS,
        "topologySpreadConstraints": {
            "operator": spread_over_zones_and_nodes({"app": OPERATOR}),
            "metricsServer": spread_over_zones_and_nodes({"app": METRICS_SERVER}),
        },
        "resources": {
            part: {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}} for part in parts
        },
        "prometheus": {"operator": {"enabled": True, "port": _METRICS_PORT}},
        "extraArgs": {"keda": {"kube-api-qps": _QUERIES_PER_SECOND, "kube-api-burst": _BURST}},
    }


def namespace(facts: ClusterFacts, prometheus: PrometheusEndpoint) -> PlatformNamespaceArgs:
    """KEDA's namespace; twice its pods, and the waker's, may be critical while they are updated."""
    return PlatformNamespaceArgs(
        namespace=IDLE_NAMESPACE,
        identity=IDENTITY,
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        policies=_policies(prometheus),
        critical_pods=4 * _REPLICAS + 2,
    )


def _policies(prometheus: PrometheusEndpoint) -> list[Manifest]:
    """https://keda.sh/docs/latest/operate/cluster/#firewall"""
    operator = {"matchLabels": {"app": OPERATOR}}
    adapter = {"matchLabels": {"app": METRICS_SERVER}}
    to_operator = _tcp(_OPERATOR_PORT)

    def policy(name: str, **spec: Any) -> Manifest:
        return network_policy(name, IDLE_NAMESPACE, IDENTITY, **spec)

    within = [{"podSelector": adapter}], [{"podSelector": operator}]
    return [
        # Without `to` a rule also matches an API server that the network plugin does not see as an address.
        policy("api-server", policyTypes=["Egress"], egress=[{"ports": _tcp(*_API_PORTS)}]),
        policy("prometheus", podSelector=operator, policyTypes=["Egress"], egress=[prometheus.way_there()]),
        policy(
            "to-operator", podSelector=adapter, policyTypes=["Egress"], egress=[{"to": within[1], "ports": to_operator}]
        ),
        policy(
            "operator",
            podSelector=operator,
            policyTypes=["Ingress"],
            ingress=[{"from": within[0], "ports": to_operator}],
        ),
        # The API server calls from an address that a policy cannot name.
        policy("metrics-api", podSelector=adapter, policyTypes=["Ingress"], ingress=[{"ports": _tcp(_ADAPTER_PORT)}]),
    ]


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
