"""External Secrets as the platform runs it: the chart, its values, and what its namespace lets through.

Owns data only; `secrets` installs it. Of its kinds it acts on two, a tenant's SecretStore and a workload's
ExternalSecret: stores and secrets of the whole cluster, and writing into stores, are off. It may make tokens of no
ServiceAccount but those that a tenant's role names. Values:
https://github.com/external-secrets/external-secrets/blob/v2.9.0/deploy/charts/external-secrets/values.yaml.
"""

from collections.abc import Sequence
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
from bedplate.labels import EXTERNAL_SECRETS, NAME, OWNER, PLATFORM_OWNER, SECRETS_NAMESPACE, Identity

# renovate: datasource=helm depName=external-secrets registryUrl=https://charts.external-secrets.io
EXTERNAL_SECRETS_VERSION = "2.9.0"
GROUP = "external-secrets.io"
API_VERSION = f"{GROUP}/v1"
_NOT_OURS = ("ClusterExternalSecret", "ClusterSecretStore", "ClusterGenerator", "ClusterPushSecret", "PushSecret")
_SWITCHES = ("ClusterExternalSecret", "ClusterStore", "ClusterGenerator", "ClusterPushSecret", "PushSecret")
CHART = Chart(
    name=EXTERNAL_SECRETS,
    repository="https://charts.external-secrets.io",
    version=EXTERNAL_SECRETS_VERSION,
    # Its generators come along, of which nobody here makes an object; it keeps what it generated in the last of these.
    kinds=(
        CustomKind(group=GROUP, versions=("v1",), kind="ExternalSecret", plural="externalsecrets"),
        CustomKind(group=GROUP, versions=("v1",), kind="SecretStore", plural="secretstores"),
        CustomKind(
            group=f"generators.{GROUP}", versions=("v1alpha1",), kind="GeneratorState", plural="generatorstates"
        ),
    ),
    keeping={
        "installCRDs": True,
        "crds": {
            **{f"create{kind}": False for kind in _NOT_OURS},
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
    },
)
IDENTITY = Identity(name=EXTERNAL_SECRETS, component="secrets", version=EXTERNAL_SECRETS_VERSION)
_REPLICAS = 2
METRICS_PORT, _WEBHOOK_PORT = 8080, 10_250
_AT_ONCE = 10
_API_PORTS = (443, 6443)


def values() -> dict[str, Any]:
    """Values of the chart: a second of each that waits, bounded, with as few rights as it has switches for."""
    return {
        "commonLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        **{f"process{switch}": False for switch in _SWITCHES},
        "leaderElect": True,
        "concurrent": _AT_ONCE,
        "rbac": {
            "create": True,
            # Each tenant's role names the one ServiceAccount whose tokens it may make.
            "serviceAccountTokenCreate": False,
            "servicebindings": {"create": False},
            # Who may edit a namespace in general must not thereby define where secrets come from.
            "aggregateToView": False,
            "aggregateToEdit": False,
            "aggregateToAdmin": False,
        },
        "metrics": {"listen": {"port": METRICS_PORT}},
        **_part(EXTERNAL_SECRETS, "256Mi"),
        "webhook": {**_part(f"{EXTERNAL_SECRETS}-webhook", "128Mi"), "port": _WEBHOOK_PORT},
        "certController": _part(f"{EXTERNAL_SECRETS}-cert-controller", "256Mi"),
    }


def _part(name: str, memory: str) -> dict[str, Any]:
    return {
        "replicaCount": _REPLICAS,
        "revisionHistoryLimit": 5,
        "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
        "priorityClassName": CRITICAL_PRIORITY_CLASS,
        "tolerations": PLATFORM_TOLERATIONS,
        "topologySpreadConstraints": spread_over_zones_and_nodes({NAME: name}),
        "resources": {"requests": {"cpu": "20m", "memory": memory}, "limits": {"memory": memory}},
    }


def namespace(facts: ClusterFacts, store_ports: Sequence[int]) -> PlatformNamespaceArgs:
    """The namespace of both operators; twice their pods may be critical while they are updated.

    store_ports: where the store listens, besides 443.
    """
    return PlatformNamespaceArgs(
        namespace=SECRETS_NAMESPACE,
        identity=IDENTITY,
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        policies=_policies(store_ports),
        critical_pods=2 * 3 * _REPLICAS + 4,
    )


def _policies(store_ports: Sequence[int]) -> list[Manifest]:
    def policy(name: str, **spec: Any) -> Manifest:
        return network_policy(name, SECRETS_NAMESPACE, IDENTITY, **spec)

    # The names that its operator and its webhook have in the chart.
    operator = {"matchLabels": {NAME: EXTERNAL_SECRETS}}
    webhook = {"matchLabels": {NAME: f"{EXTERNAL_SECRETS}-webhook"}}
    further = sorted({*store_ports} - {*_API_PORTS})
    to_store = [policy("store", podSelector=operator, policyTypes=["Egress"], egress=[{"ports": _tcp(*further)}])]
    return [
        # Without `to` a rule also matches an API server that the network plugin does not see as an address. Clouds'
        # stores answer on the first of these ports, at addresses that nobody can name.
        policy("https", policyTypes=["Egress"], egress=[{"ports": _tcp(*_API_PORTS)}]),
        *(to_store if further else []),
        # The API server calls from an address that a policy cannot name.
        policy("webhook", podSelector=webhook, policyTypes=["Ingress"], ingress=[{"ports": _tcp(_WEBHOOK_PORT)}]),
    ]


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
