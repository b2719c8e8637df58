"""NetworkPolicies of a tenant: closed by default, then exactly what is needed opened."""

from collections.abc import Sequence

from bedplate.kubernetes import Manifest, default_policies, namespace_peer, network_policy
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity

_PRIVATE_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918 and RFC 6598: nodes, other tenants' pods, the API server, the company's own networks."""
_METADATA_ADDRESSES = ("169.254.0.0/16", "168.63.129.16/32")
"""Instance metadata of AWS, Google Cloud and Azure (link-local) and Azure's wire server.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_NOT_INTERNET_IPV6 = ("fc00::/7", "fe80::/10")
"""Unique local (AWS serves metadata at fd00:ec2::254) and link-local addresses."""


def network_policies(namespace: str, identity: Identity, allowed_networks: Sequence[str]) -> list[Manifest]:
    """All policies of a tenant. allowed_networks: private CIDRs its pods may reach all the same."""
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [*_PRIVATE_NETWORKS, *_METADATA_ADDRESSES]}}
    everywhere_ipv6 = {"ipBlock": {"cidr": "::/0", "except": list(_NOT_INTERNET_IPV6)}}
    allowed = [{"ipBlock": {"cidr": cidr}} for cidr in allowed_networks]
    same_tenant: Manifest = {"podSelector": {}}

    def policy(name: str, **spec: object) -> Manifest:
        return network_policy(name, namespace, identity, **spec)

    return [
        *default_policies(namespace, identity),
        policy(
            "same-tenant",
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": [same_tenant]}],
            egress=[{"to": [same_tenant]}],
        ),
        policy("ingress", policyTypes=["Ingress"], ingress=[{"from": [namespace_peer(FRONT_DOOR_NAMESPACE)]}]),
        policy("internet", policyTypes=["Egress"], egress=[{"to": [everywhere, everywhere_ipv6, *allowed]}]),
    ]
