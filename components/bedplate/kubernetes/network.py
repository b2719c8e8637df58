"""Parts of NetworkPolicies that tenants and the platform's own namespaces share.

A policy needs a network plugin that enforces it; Kubernetes accepts them silently without one
(https://kubernetes.io/docs/concepts/services-networking/network-policies/#prerequisites).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bedplate.kubernetes.manifests import Manifest, manifest
from bedplate.labels import FRONT_DOOR_NAMESPACE, MONITORING_NAMESPACE, NAME, TRAEFIK, TRAEFIK_HTTPS_PORT, Identity

METADATA_ADDRESSES = ("169.254.0.0/16", "168.63.129.16/32")
"""Instance metadata of AWS, Google Cloud and Azure (link-local) and Azure's wire server.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""


class Dns(Protocol):
    """Where pods ask for names, as the cluster's facts say it. addresses: networks of DNS that is no pod."""

    @property
    def namespace(self) -> str: ...
    @property
    def pods(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def addresses(self) -> Sequence[str]: ...
    @property
    def port(self) -> int: ...


def network_policy(name: str, namespace: str, identity: Identity, **spec: Any) -> Manifest:
    """A policy of all pods of the namespace, unless `podSelector` says otherwise."""
    body: Manifest = {"podSelector": {}, "policyTypes": [], **spec}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, identity, namespace=namespace, spec=body)


def default_policies(namespace: str, identity: Identity, dns: Dns) -> list[Manifest]:
    """What every namespace begins with: closed both ways, but for names and for those who read metrics."""
    return [
        network_policy("default-deny", namespace, identity, policyTypes=["Ingress", "Egress"]),
        network_policy("dns", namespace, identity, policyTypes=["Egress"], egress=[_names(dns)]),
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


def to_the_front_door() -> Manifest:
    """A way out to what is served outside, from within.

    Nodes turn the address of a load balancer that has one (and no name) into that of a pod before policies see it, and
    some plugins match no pod by its address
    (https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies,
    https://docs.cilium.io/en/stable/security/policy/language/#ip-cidr-based).
    """
    return {
        "to": [{**pods_of(FRONT_DOOR_NAMESPACE), "podSelector": {"matchLabels": {NAME: TRAEFIK}}}],
        "ports": [{"protocol": "TCP", "port": TRAEFIK_HTTPS_PORT}],
    }


def _names(dns: Dns) -> Manifest:
    pods = [{**pods_of(dns.namespace), "podSelector": {"matchLabels": dict(labels)}} for labels in dns.pods]
    return {
        "to": [*pods, *(addresses(network) for network in dns.addresses)],
        "ports": [{"protocol": protocol, "port": dns.port} for protocol in ("UDP", "TCP")],
    }
