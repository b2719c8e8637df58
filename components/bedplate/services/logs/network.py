"""Whom the pods of logs may talk to: each other on the store's ports, the operator the API server."""

import urllib.parse

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, network_policy
from bedplate.labels import LOGS_NAMESPACE
from bedplate.services.logs.store import KIBANA_PORT, OPERATOR_PODS, STORE_PORT, TRANSPORT_PORT
from bedplate.services.logs.users import IDENTITY

_API_PORTS = (443, 6443)


def policies(provided_url: str | None) -> list[Manifest]:
    """provided_url: of somebody else's store, whose address is not known before it is looked up."""
    if provided_url is not None:
        port = urllib.parse.urlsplit(provided_url).port or 443
        out = {"to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)], "ports": _tcp(port)}
        return [network_policy("store", LOGS_NAMESPACE, IDENTITY, policyTypes=["Egress"], egress=[out])]
    ports = _tcp(STORE_PORT, TRANSPORT_PORT, KIBANA_PORT)
    here: list[Manifest] = [{"podSelector": {}}]
    return [
        network_policy(
            "inside",
            LOGS_NAMESPACE,
            IDENTITY,
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": here, "ports": ports}],
            egress=[{"to": here, "ports": ports}],
        ),
        network_policy(
            "api-server",
            LOGS_NAMESPACE,
            IDENTITY,
            podSelector={"matchLabels": OPERATOR_PODS},
            policyTypes=["Egress"],
            egress=[{"ports": _tcp(*_API_PORTS)}],
        ),
    ]


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
