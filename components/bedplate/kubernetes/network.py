"""Parts of NetworkPolicies that tenants and the platform's own namespaces share."""

from collections.abc import Sequence
from typing import Any

from bedplate.kubernetes.objects import Manifest, manifest
from bedplate.labels import Identity

METADATA_ADDRESSES = ("169.254.0.0/16", "168.63.129.16/32")
"""Instance metadata of AWS, Google Cloud and Azure (link-local) and Azure's wire server.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_NODE_LOCAL_DNS = "169.254.20.10/32"
"""https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/"""


def network_policy(name: str, namespace: str, identity: Identity, **spec: Any) -> Manifest:
    """A policy of every pod of the namespace, unless `spec` says which."""
    body: Manifest = {"podSelector": {}, "policyTypes": [], **spec}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, identity, namespace=namespace, spec=body)


def default_deny(namespace: str, identity: Identity) -> Manifest:
    """Nothing in and nothing out but what other policies open."""
    return network_policy("default-deny", namespace, identity, policyTypes=["Ingress", "Egress"])


def pods_of(namespace: str) -> Manifest:
    """All pods of a namespace, as a peer."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def addresses(cidr: str, but: Sequence[str] = ()) -> Manifest:
    """A network as a peer, without the parts of it that `but` names."""
    return {"ipBlock": {"cidr": cidr, **({"except": list(but)} if but else {})}}


def to_dns() -> Manifest:
    """Egress to the cluster's DNS."""
    cluster_dns = {**pods_of("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {
        "to": [cluster_dns, addresses(_NODE_LOCAL_DNS)],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
