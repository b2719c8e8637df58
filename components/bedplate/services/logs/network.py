"""Whom the pods of logs may talk to: each other on the store's ports, the API server where they ask it, and the
collectors the store alone."""

import urllib.parse
from collections.abc import Mapping

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, network_policy, pods_of
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE
from bedplate.services.logs import collector, keeper
from bedplate.services.logs.store import KIBANA_PORT, OPERATOR_PODS, STORE_IDENTITY, STORE_PORT, TRANSPORT_PORT
from bedplate.services.logs.users import IDENTITY

_API_PORTS = (443, 6443)


def policies(provided_url: str | None) -> list[Manifest]:
    """Of the store's namespace. provided_url: of somebody else's store, whose address is not known before it is looked
    up."""
    api_server = _to_api_server("keeper-api-server", keeper.IDENTITY.selector())
    if provided_url is not None:
        return [_to_provided(LOGS_NAMESPACE, provided_url), api_server]
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
            "collectors",
            LOGS_NAMESPACE,
            IDENTITY,
            podSelector={"matchLabels": STORE_IDENTITY.selector()},
            policyTypes=["Ingress"],
            ingress=[{"from": [pods_of(LOG_COLLECTOR_NAMESPACE)], "ports": _tcp(STORE_PORT)}],
        ),
        _to_api_server("api-server", OPERATOR_PODS),
        api_server,
    ]


def collectors_policies(provided_url: str | None) -> list[Manifest]:
    """Of the collectors' namespace."""
    if provided_url is not None:
        return [_to_provided(LOG_COLLECTOR_NAMESPACE, provided_url)]
    store = {**pods_of(LOGS_NAMESPACE), "podSelector": {"matchLabels": STORE_IDENTITY.selector()}}
    egress = [{"to": [store], "ports": _tcp(STORE_PORT)}]
    return [network_policy("store", LOG_COLLECTOR_NAMESPACE, collector.IDENTITY, policyTypes=["Egress"], egress=egress)]


def _to_provided(namespace: str, url: str) -> Manifest:
    port = urllib.parse.urlsplit(url).port or 443
    out = {"to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)], "ports": _tcp(port)}
    return network_policy("store", namespace, IDENTITY, policyTypes=["Egress"], egress=[out])


def _to_api_server(name: str, pods: Mapping[str, str]) -> Manifest:
    """Without `to`: some network plugins do not see an API server as an address."""
    return network_policy(
        name,
        LOGS_NAMESPACE,
        IDENTITY,
        podSelector={"matchLabels": dict(pods)},
        policyTypes=["Egress"],
        egress=[{"ports": _tcp(*_API_PORTS)}],
    )


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
