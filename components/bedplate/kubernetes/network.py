"""Parts of NetworkPolicies that tenants and the platform's own namespaces share.

A policy needs a network plugin that enforces it; Kubernetes accepts them silently without one
(https://kubernetes.io/docs/concepts/services-networking/network-policies/#prerequisites).
"""

from collections.abc import Sequence
from typing import Any

from bedplate.kubernetes.objects import Manifest, manifest
from bedplate.labels import MONITORING_NAMESPACE, Identity

METADATA_ADDRESSES = ("169.254.0.0/16", "168.63.129.16/32")
"""Instance metadata of AWS, Google Cloud and Azure (link-local) and Azure's wire server.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_NODE_LOCAL_DNS = "169.254.20.10/32"
"""https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/"""


def network_policy(name: str, namespace: str, identity: Identity, **spec: Any) -> Manifest:
    """A policy of all pods of the namespace, unless `podSelector` says otherwise."""
    body: Manifest = {"podSelector": {}, "policyTypes": [], **spec}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, identity, namespace=namespace, spec=body)


def default_policies(namespace: str, identity: Identity) -> list[Manifest]:
    """What every namespace begins with: closed both ways, but for names and for those who read metrics."""
    return [
        network_policy("default-deny", namespace, identity, policyTypes=["Ingress", "Egress"]),
        network_policy("dns", namespace, identity, policyTypes=["Egress"], egress=[_dns()]),
        network_policy(
            "metrics",
            namespace,
            identity,
            policyTypes=["Ingress"],
            ingress=[{"from": [pods_of(MONITORING_NAMESPACE)]}],
        ),
    ]


def pods_of(namespace: str) -> Manifest:
    """Every pod of a namespace, as a peer."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def addresses(cidr: str, but: Sequence[str] = ()) -> Manifest:
    """A network as a peer, without the parts of it that `but` names."""
    return {"ipBlock": {"cidr": cidr, **({"except": list(but)} if but else {})}}


def _dns() -> Manifest:
    cluster_dns = {**pods_of("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {
        "to": [cluster_dns, addresses(_NODE_LOCAL_DNS)],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
