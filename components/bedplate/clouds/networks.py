"""Which networks are private: the one definition, for a cluster's address plan and for what tenants do not reach.

Owns the lists and the form of a network in a stack file. It deliberately asks no library what is private: Python's
`is_private` also holds of loopback, link-local, documentation and benchmarking networks, in which no cluster can be.
"""

import ipaddress
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from bedplate.spec import mistake

PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""What the address plan of a cluster may be made of: https://datatracker.ietf.org/doc/html/rfc1918#section-3."""
NOT_INTERNET = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "240.0.0.0/4",
)
"""Private networks, and what else is in nobody's internet while clusters have their nodes or pods in it.

Shared addresses (RFC 6598), benchmarking (RFC 2544) and class E serve as private ones in clouds, and link-local
addresses hand out credentials: https://www.iana.org/assignments/iana-ipv4-special-registry/.
"""
NOT_INTERNET_IPV6 = ("fc00::/7", "fe80::/10")
"""Unique local (AWS serves metadata at fd00:ec2::254) and link-local addresses."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Where a network translates to IPv4, each of its addresses stands behind this prefix, private ones included:
https://datatracker.ietf.org/doc/html/rfc6052#section-2.1."""
_LOCAL_NAT64 = "64:ff9b:1::/48"
"""For translation within a network: https://datatracker.ietf.org/doc/html/rfc8215."""

_AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def _parsed(value: str) -> _AnyNetwork:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise mistake("must be a network in CIDR form", "write it like '10.20.0.0/16'") from None
    if str(network) != value:
        raise mistake("must be a network in CIDR form, without host bits", "drop the host bits", nearest=str(network))
    return network


def network_form(value: str) -> str:
    """A network of IPv4 or IPv6 as it is written; raises a `mistake`."""
    _parsed(value)
    return value


def _not_everything(value: str) -> str:
    if _parsed(value).prefixlen == 0:
        raise mistake("this is every address there is", "write the networks that are the cluster's own")
    return value


def _ipv4(value: str) -> str:
    try:
        ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise mistake("must be an IPv4 network in CIDR form", "write it like '10.20.0.0/16'") from None
    return network_form(value)


def _private(value: str) -> str:
    network = ipaddress.IPv4Network(value)
    if not any(network.subnet_of(ipaddress.IPv4Network(private)) for private in PRIVATE_NETWORKS):
        allowed = f"networks within {' or '.join(PRIVATE_NETWORKS)}"
        raise mistake("must be a private network", "write one like '10.20.0.0/16'", allowed=allowed)
    return value


OwnNetwork = Annotated[str, AfterValidator(_not_everything)]
"""Of IPv4 or IPv6, and not all of it."""
Network = Annotated[str, AfterValidator(_ipv4)]
PrivateNetwork = Annotated[Network, AfterValidator(_private)]


def networks_overlap(one: str, other: str) -> bool:
    """Whether two networks share an address."""
    first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return first.version == second.version and first.overlaps(second)


def translated(networks: Iterable[str]) -> list[str]:
    """The same networks of IPv4 as a translator shows them to IPv6, so that what is closed is closed both ways."""
    first = int(NAT64.network_address)
    parsed = [ipaddress.IPv4Network(network) for network in networks]
    behind = [(first + int(each.network_address), NAT64.prefixlen + each.prefixlen) for each in parsed]
    return [*(str(ipaddress.IPv6Network(each)) for each in behind), _LOCAL_NAT64]


def not_internet(own: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is not the internet, of IPv4 and of IPv6, each the fewest networks. own: of the cluster."""
    networks = [ipaddress.ip_network(network) for network in (*NOT_INTERNET, *NOT_INTERNET_IPV6, *own)]
    ipv4 = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    ipv6 = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return (
        [str(network) for network in ipaddress.collapse_addresses(ipv4)],
        [str(network) for network in ipaddress.collapse_addresses(ipv6)],
    )
