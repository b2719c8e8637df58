"""Whether NetworkPolicies let a connection through, as Kubernetes defines it.

No network plugin runs here, so the rendered policies are evaluated: what they say, not that packets are held back.
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PORTS = (
    53,
    80,
    443,
    2222,
    2379,
    4180,
    5432,
    6379,
    6443,
    7860,
    8000,
    8050,
    8080,
    8090,
    8443,
    8501,
    8787,
    8888,
    9090,
    9100,
    9402,
    10250,
    10260,
    44180,
)
"""What something listens at, of the platform's, of Kubernetes and of tenants."""
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pod:
    """A pod by its namespace, with that one's labels, and its own."""

    namespace: str
    labels: Labels = field(default_factory=dict[str, str])
    of_namespace: Labels = field(default_factory=dict[str, str])

    @property
    def namespace_labels(self) -> Labels:
        """Kubernetes itself writes the name, and nobody else can."""
        return {**self.of_namespace, "kubernetes.io/metadata.name": self.namespace}


@dataclass(frozen=True)
class Network:
    """All NetworkPolicies there are."""

    policies: Sequence[Mapping[str, Any]]

    def lets_through(self, source: Pod, target: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether both ends do."""
        return self.lets_out(source, target, port, protocol) and self.lets_in(source, target, port, protocol)

    def lets_out(self, source: Pod, target: Pod | str, port: int, protocol: str = "TCP") -> bool:
        """To a pod, or to an address that is none."""
        return self._lets(source, "Egress", "egress", "to", target, port, protocol)

    def lets_in(self, source: Pod | str, target: Pod, port: int, protocol: str = "TCP") -> bool:
        """From a pod, or from an address that is none."""
        return self._lets(target, "Ingress", "ingress", "from", source, port, protocol)

    def _lets(self, of: Pod, kind: str, rules: str, peers: str, other: Pod | str, port: int, protocol: str) -> bool:
        ours = [
            policy["spec"]
            for policy in self.policies
            if policy["metadata"]["namespace"] == of.namespace
            and kind in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], of.labels)
        ]
        return not ours or any(
            _has_port(rule, port, protocol)
            and (not rule.get(peers) or any(_is(peer, other, of.namespace) for peer in rule[peers]))
            for spec in ours
            for rule in spec.get(rules, [])
        )


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector picks these labels; an operator that is not known here fails the test."""
    expressions = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, _: value is not None,
        "DoesNotExist": lambda value, _: value is None,
    }
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        expressions[one["operator"]](labels.get(one["key"]), one.get("values", ()))
        for one in selector.get("matchExpressions", [])
    )


def _has_port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    return "ports" not in rule or any(
        one.get("protocol", "TCP") == protocol
        and one.get("port", port) <= port <= one.get("endPort", one.get("port", port))
        for one in rule["ports"]
    )


def _is(peer: Mapping[str, Any], other: Pod | str, namespace: str) -> bool:
    if isinstance(other, str):
        if "ipBlock" not in peer:
            return False
        block, address = peer["ipBlock"], ipaddress.ip_address(other)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(hole) for hole in block.get("except", [])
        )
    if "ipBlock" in peer:
        return False
    is_there = (
        selects(peer["namespaceSelector"], other.namespace_labels)
        if "namespaceSelector" in peer
        else other.namespace == namespace
    )
    return is_there and selects(peer.get("podSelector", {}), other.labels)
