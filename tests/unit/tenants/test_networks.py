"""What a tenant's pods reach, by the policies as they are rendered and the facts of the cluster."""

import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest

from harness import MINIMAL, objects, platform, record, tenant

FACTS = {"deletedStorageClass": "standard", "retainedStorageClass": "standard-retained"}
CORE_DNS = {"k8s-app": "kube-dns"}


def policies(facts: Mapping[str, Any], namespace: str = "vision") -> list[dict[str, Any]]:
    cloud = {key: value for key, value in MINIMAL["cloud"].items() if key != "storageClasses"}
    login = {"provider": "oidc", "issuerUrl": "https://login.example.com", "clientId": "ml", "clientSecretRef": "c"}
    data = platform(
        tenant("vision"),
        cloud={**cloud, "facts": {**FACTS, **facts}},
        certificates={"issuer": "internal"},
        login={**login, "adminGroups": ["ml-platform"]},
    )
    return [
        body.inputs["spec"]
        for body in objects(record(data), "NetworkPolicy")
        if body.inputs["metadata"]["namespace"] == namespace
    ]


def reaches_address(found: list[dict[str, Any]], address: str, port: int, protocol: str = "TCP") -> bool:
    target = ipaddress.ip_address(address)
    return any(
        target in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        and not any(target in ipaddress.ip_network(hole) for hole in peer["ipBlock"].get("except", []))
        for peer in peers(found, port, protocol)
        if "ipBlock" in peer
    )


def reaches_pods(found: list[dict[str, Any]], namespace: str, labels: Mapping[str, str], port: int) -> bool:
    return any(
        peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace}
        and peer["podSelector"]["matchLabels"].items() <= labels.items()
        for peer in peers(found, port, "TCP")
        if "namespaceSelector" in peer
    )


def peers(found: list[dict[str, Any]], port: int, protocol: str) -> list[dict[str, Any]]:
    return [
        peer
        for policy in found
        for rule in policy.get("egress", [])
        if "ports" not in rule or {"protocol": protocol, "port": port} in rule["ports"]
        for peer in rule.get("to", [])
    ]


NAMESPACES = ["vision", "bedplate-login", "bedplate-certificates", "bedplate-front-door", "bedplate-monitoring"]


@pytest.mark.parametrize("namespace", NAMESPACES)
class TestNames:
    @pytest.mark.parametrize("address", ["169.254.20.10", "169.254.25.10", "169.254.10.10", "169.254.10.11"])
    def test_are_asked_of_the_usual_caches_where_nothing_is_said(self, namespace: str, address: str) -> None:
        found = policies({}, namespace)
        assert reaches_address(found, address, 53, "UDP")
        assert reaches_address(found, address, 53)
        assert reaches_pods(found, "kube-system", CORE_DNS, 53)
        assert reaches_pods(found, "kube-system", {"k8s-app": "node-local-dns"}, 53)

    def test_are_asked_of_what_the_facts_say_and_nobody_else(self, namespace: str) -> None:
        pods = {"dns.operator.openshift.io/daemonset-dns": "default"}
        dns = {"namespace": "openshift-dns", "pods": [pods], "addresses": ["10.7.0.2/32"], "port": 5353}
        found = policies({"dns": dns}, namespace)
        assert reaches_pods(found, "openshift-dns", pods, 5353)
        assert reaches_address(found, "10.7.0.2", 5353, "UDP")
        assert not reaches_pods(found, "kube-system", CORE_DNS, 53)
        assert not reaches_address(found, "169.254.20.10", 53, "UDP") or namespace == "bedplate-certificates"


class TestTheInternet:
    @pytest.mark.parametrize("address", ["198.19.3.7", "240.10.3.7", "100.64.0.1", "127.0.0.1", "0.0.0.0", "fd00::1"])
    @pytest.mark.parametrize("port", [443, 2049, 10250])
    def test_is_none_of_the_networks_that_clusters_have(self, address: str, port: int) -> None:
        assert not reaches_address(policies({}), address, port)

    @pytest.mark.parametrize("address", ["203.0.113.7", "2600:1f14::7"])
    def test_is_no_network_that_the_facts_call_the_clusters_own(self, address: str) -> None:
        own = {"networks": ["203.0.113.0/24", "2600:1f14::/35"]}
        assert reaches_address(policies({}), address, 10250)
        assert not reaches_address(policies(own), address, 10250)
        assert reaches_address(policies(own), "1.1.1.1", 443)


TRAEFIK = {"app.kubernetes.io/name": "traefik"}


class TestTheFrontDoor:
    def test_is_reached_from_tenants_by_its_pods_as_nodes_translate_its_address(self) -> None:
        assert reaches_pods(policies({}), "bedplate-front-door", TRAEFIK, 8443)

    @pytest.mark.parametrize("port", [443, 8080, 9100])
    def test_is_reached_by_no_other_port(self, port: int) -> None:
        assert not reaches_pods(policies({}), "bedplate-front-door", TRAEFIK, port)

    def test_is_reached_by_the_login_whose_issuer_may_be_behind_it(self) -> None:
        assert reaches_pods(policies({}, "bedplate-login"), "bedplate-front-door", TRAEFIK, 8443)

    def test_answers_at_the_port_that_is_open(self) -> None:
        (traefik,) = [
            each
            for each in record(platform(tenant("vision"), certificates={"issuer": "internal"})).resources
            if each.inputs.get("name") == "traefik" and each.type.startswith("kubernetes:helm")
        ]
        assert traefik.inputs["values"]["ports"]["websecure"]["port"] == 8443
