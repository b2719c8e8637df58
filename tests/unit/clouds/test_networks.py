"""One definition of what is private, for clouds' address plans and for what tenants do not reach."""

import ipaddress

import pytest
from pydantic import TypeAdapter, ValidationError

from bedplate.clouds.networks import (
    NOT_INTERNET,
    PRIVATE_NETWORKS,
    Network,
    OwnNetwork,
    PrivateNetwork,
    networks_overlap,
    not_internet,
    translated,
)

NOT_FOR_CLUSTERS = [
    *("0.0.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "192.0.2.0/24", "198.19.0.0/16", "203.0.0.0/16"),
    *("100.64.0.0/16", "240.10.0.0/16", "255.255.255.0/24", "11.0.0.0/16", "8.8.0.0/16", "172.0.0.0/8", "10.0.0.0/7"),
]


@pytest.mark.parametrize("cidr", NOT_FOR_CLUSTERS)
def test_no_cluster_is_in_a_network_that_is_not_private(cidr: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PrivateNetwork).validate_python(cidr)


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.64.0.0/16", "172.31.0.0/16", "192.168.4.0/22"])
def test_clusters_are_in_private_networks(cidr: str) -> None:
    assert TypeAdapter(PrivateNetwork).validate_python(cidr) == cidr


def test_whatever_a_cluster_may_be_in_is_closed_to_tenants() -> None:
    closed = [ipaddress.IPv4Network(network) for network in NOT_INTERNET]
    for private in PRIVATE_NETWORKS:
        assert any(ipaddress.IPv4Network(private).subnet_of(network) for network in closed)


def test_what_is_not_the_internet_is_said_in_the_fewest_networks() -> None:
    ipv4, ipv6 = not_internet(["10.1.0.0/16", "203.0.113.0/24", "2600:1f14::/35", "fd12::/16"])
    assert ipv4 == sorted([*NOT_INTERNET, "203.0.113.0/24"], key=ipaddress.IPv4Network)
    assert ipv6 == ["2600:1f14::/35", "fc00::/7", "fe80::/10"]


@pytest.mark.parametrize(("address", "is_closed"), [
    ("169.254.169.254", True), ("168.63.129.16", True), ("10.64.3.7", True), ("203.0.113.9", True), ("1.1.1.1", False),
])  # fmt: skip
def test_what_is_closed_is_closed_behind_a_translator_too(address: str, is_closed: bool) -> None:
    """64:ff9b::a9fe:a9fe is the metadata service, wherever a network translates."""
    closed = translated(not_internet(["168.63.129.16/32", "203.0.113.0/24"])[0])
    behind = ipaddress.IPv6Address(f"64:ff9b::{address}")
    assert any(behind in ipaddress.IPv6Network(network) for network in closed) is is_closed


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "10.0.0.1/8", "kube-dns", "", 10])
def test_a_clusters_own_network_is_one_and_not_all_there_is(network: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(OwnNetwork).validate_python(network)


def test_networks_of_clouds_are_of_ipv4() -> None:
    with pytest.raises(ValidationError, match="must be an IPv4 network"):
        TypeAdapter(Network).validate_python("fd00::/8")


def test_networks_of_other_versions_share_nothing() -> None:
    assert networks_overlap("10.0.0.0/8", "10.1.0.0/16")
    assert not networks_overlap("10.0.0.0/8", "::/0")
