"""NetworkPolicies of a tenant: closed by default, then exactly what is needed opened.

What the front door leads to is opened with the route that leads there, and nothing else is.
"""

from collections.abc import Sequence

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, default_policies, network_policy
from bedplate.labels import Identity

_PRIVATE_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918 and RFC 6598: nodes, other tenants' pods, the API server, the company's own networks."""
_NOT_INTERNET_IPV6 = ("fc00::/7", "fe80::/10")
"""Unique local (AWS serves metadata at fd00:ec2::254) and link-local addresses."""


def network_policies(namespace: str, identity: Identity, allowed_networks: Sequence[str]) -> list[Manifest]:
    """All policies of a tenant. allowed_networks: private CIDRs its pods may reach all the same."""
    everywhere = addresses("0.0.0.0/0", but=[*_PRIVATE_NETWORKS, *METADATA_ADDRESSES])
    everywhere_ipv6 = addresses("::/0", but=_NOT_INTERNET_IPV6)
    allowed = [addresses(cidr) for cidr in allowed_networks]
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
        policy("internet", policyTypes=["Egress"], egress=[{"to": [everywhere, everywhere_ipv6, *allowed]}]),
    ]
