"""NetworkPolicies of a tenant: closed by default, then exactly what is needed opened.

What the front door leads to is opened with the route that leads there, and nothing else is.
"""

from collections.abc import Sequence

from bedplate.clouds import ClusterFacts
from bedplate.clouds.networks import not_internet, translated
from bedplate.kubernetes import (
    METADATA_ADDRESSES,
    Manifest,
    addresses,
    default_policies,
    network_policy,
    to_the_front_door,
)
from bedplate.labels import COMPONENT, DEPLOYED, MANAGED_BY, WORKSPACE, Identity


def network_policies(
    namespace: str, identity: Identity, allowed_networks: Sequence[str], facts: ClusterFacts, *, deploys: bool = False
) -> list[Manifest]:
    """All policies of a tenant. allowed_networks: private CIDRs its pods may reach all the same. deploys: whether the
    front door leads to what its members deploy, by routes that name their own apps alone.

    The internet is what is neither private nor the cluster's own: nodes, other tenants' pods, the API server and the
    company's networks are not it, whatever their addresses.
    """
    closed, closed_ipv6 = not_internet([*METADATA_ADDRESSES, *facts.networks])
    everywhere = addresses("0.0.0.0/0", but=closed)
    everywhere_ipv6 = addresses("::/0", but=[*closed_ipv6, *translated(closed)])
    allowed = [addresses(cidr) for cidr in allowed_networks]
    same_tenant: Manifest = {"podSelector": {}}

    def policy(name: str, **spec: object) -> Manifest:
        return network_policy(name, namespace, identity, **spec)

    return [
        *default_policies(namespace, identity, facts.dns),
        # But workspaces, which ask nobody for a password: they are reached through the front door alone.
        policy(
            "same-tenant",
            podSelector={"matchExpressions": [{"key": COMPONENT, "operator": "NotIn", "values": [WORKSPACE]}]},
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": [same_tenant]}],
            egress=[{"to": [same_tenant]}],
        ),
        policy("front-door", policyTypes=["Egress"], egress=[to_the_front_door()]),
        *(
            [
                policy(
                    "deployed",
                    podSelector={"matchLabels": {MANAGED_BY: DEPLOYED}},
                    policyTypes=["Ingress"],
                    ingress=[{"from": to_the_front_door()["to"], "ports": [{"protocol": "TCP"}]}],
                )
            ]
            if deploys
            else []
        ),
        policy("internet", policyTypes=["Egress"], egress=[{"to": [everywhere, everywhere_ipv6, *allowed]}]),
    ]
