"""Whom what runs for costs may talk to: Prometheus, and APIs by HTTPS."""

from collections.abc import Sequence

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, network_policy
from bedplate.labels import COST_NAMESPACE, Identity
from bedplate.services.monitoring.endpoint import PrometheusEndpoint


def ways_out(identity: Identity, prometheus: PrometheusEndpoint) -> list[Manifest]:
    """The addresses of the cluster's API and of object stores are not known before they are there, so HTTPS is open to
    all but those where clouds hand credentials to nodes; the API server's pods may listen on 6443."""
    https = {
        "to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)],
        "ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)],
    }
    return [
        network_policy("apis", COST_NAMESPACE, identity, policyTypes=["Egress"], egress=[https]),
        network_policy("prometheus", COST_NAMESPACE, identity, policyTypes=["Egress"], egress=[prometheus.way_there()]),
    ]


def way_to_credentials(identity: Identity, networks: Sequence[str]) -> Manifest:
    """For the pods that act as an identity of the cloud, and for no others. Port 988 is GKE's."""
    way = {
        "to": [addresses(network) for network in networks],
        "ports": [{"protocol": "TCP", "port": port} for port in (80, 988)],
    }
    return network_policy(
        "credentials",
        COST_NAMESPACE,
        identity,
        podSelector={"matchLabels": identity.selector()},
        policyTypes=["Egress"],
        egress=[way],
    )
