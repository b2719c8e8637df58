"""How a host of the domain gets its certificate: one serves all, or each has its own.

Owns which certificates there are and what a route says of TLS. It deliberately owns neither the issuer (see
`certificates`) nor the resources: the front door and the routes register what these say.

Traefik serves a route whose certificate is not there yet to nobody: it goes on without the certificate
(https://github.com/traefik/traefik/blob/v3.7.9/pkg/provider/kubernetes/crd/kubernetes_http.go), and refuses TLS for a
host that no certificate names (`sniStrict`, see `traefik`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bedplate.kubernetes import Manifest
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity
from bedplate.services.certificates.issuers import host_certificate

WILDCARD = "wildcard"
"""Name of the certificate of all hosts, and of its Secret."""


class HostCertificates(Protocol):
    """Where the certificates of hosts come from."""

    def of_all(self, identity: Identity) -> Sequence[Manifest]:
        """Certificates that serve every host."""
        ...

    def of_host(self, host: str, identity: Identity) -> Sequence[Manifest]:
        """Certificates of one host alone."""
        ...

    def tls(self, host: str) -> Manifest:
        """What the route of a host says of TLS."""
        ...

    def named(self, series: str) -> str:
        """Traefik's series of certificates, each with the name of cert-manager's Certificate."""
        ...


@dataclass(frozen=True, kw_only=True)
class OneForAll:
    """One wildcard: a new host has its certificate at once, and asks the authority for nothing."""

    cluster_issuer: str
    domain: str

    def of_all(self, identity: Identity) -> Sequence[Manifest]:
        """The wildcard."""
        hosts = [f"*.{self.domain}"]
        return [host_certificate(WILDCARD, FRONT_DOOR_NAMESPACE, identity, issuer=self.cluster_issuer, hosts=hosts)]

    def of_host(self, host: str, identity: Identity) -> Sequence[Manifest]:
        """None."""
        return []

    def tls(self, host: str) -> Manifest:
        """Served by whatever certificate names the host."""
        return {}

    def named(self, series: str) -> str:
        """By the domain."""
        return _renamed(series, WILDCARD, f"[*][.]{_pattern(self.domain)}")


@dataclass(frozen=True, kw_only=True)
class OneEach:
    """A certificate a host, whose Secret has the name of the host below the domain."""

    cluster_issuer: str
    domain: str

    def of_all(self, identity: Identity) -> Sequence[Manifest]:
        """None."""
        return []

    def of_host(self, host: str, identity: Identity) -> Sequence[Manifest]:
        """The host's own."""
        name = self._name(host)
        return [host_certificate(name, FRONT_DOOR_NAMESPACE, identity, issuer=self.cluster_issuer, hosts=[host])]

    def tls(self, host: str) -> Manifest:
        """Traefik reads the host's Secret because its route names it."""
        return {"secretName": self._name(host)}

    def named(self, series: str) -> str:
        """By the host below the domain."""
        return _renamed(series, "$1", f"([^,*]+)[.]{_pattern(self.domain)}")

    def _name(self, host: str) -> str:
        return host.removesuffix(f".{self.domain}")


def _pattern(domain: str) -> str:
    return re.sub(r"[.]", "[.]", domain)


def _renamed(series: str, name: str, hosts: str) -> str:
    return f'label_replace({series}, "name", "{name}", "sans", "{hosts}")'
