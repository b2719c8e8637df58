"""What a person decides about the certificates of the platform's hosts."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bedplate.spec import DnsLabel, DnsName, EmailAddress, Spec, StrictBool, mistake


class ProvidedCertManagerSpec(Spec):
    """A cert-manager that somebody else runs in the cluster, which has room for one."""

    provided: StrictBool
    """true: it is there already, and whoever runs it keeps it up to date."""
    namespace: DnsLabel = "cert-manager"
    """Where it looks for the secrets of ClusterIssuers: its own namespace, or what its flag
    --cluster-resource-namespace says."""

    @field_validator("provided")
    @classmethod
    def _by_somebody(cls, provided: bool) -> bool:
        if not provided:
            raise mistake("false says what leaving `certManager` out says", "remove `certManager`, or write true")
        return provided


class HostCertificatesSpec(Spec):
    """Base of the issuers: what holds whoever issues."""

    mode: Literal["wildcard", "perHost"] = "wildcard"
    """wildcard: one certificate for all hosts; perHost: one for each, where a policy forbids wildcards."""
    cert_manager: ProvidedCertManagerSpec | None = None
    """Somebody else's cert-manager; without it the platform installs one."""


def _nameserver(value: str) -> str:
    """Host and port, as cert-manager's flag takes it."""
    host, _, port = value.partition(":")
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise mistake("must be the IPv4 address of a nameserver", "write it like '1.1.1.1' or '10.0.0.2:53'") from None
    if ":" in value and not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65_535):
        raise mistake("has no port from 1 to 65535 after the ':'", "write it like '10.0.0.2:53'")
    return f"{address}:{int(port or DNS_PORT)}"


DNS_PORT = 53
Nameserver = Annotated[str, Field(max_length=21), AfterValidator(_nameserver)]


class LetsEncryptSpec(HostCertificatesSpec):
    """Certificates of Let's Encrypt, which must be shown that the hosts are ours."""

    issuer: Literal["letsEncrypt"]
    """Who issues."""
    email: EmailAddress
    """Address of the account at Let's Encrypt."""
    environment: Literal["production", "staging"] = "production"
    """Staging issues certificates that no browser trusts, within limits that trials do not reach."""
    challenge: Literal["dns01", "http01"] = "dns01"
    """How a host is shown to be ours. dns01: by a record in the domain's zone, which the platform must own; http01: by
    an answer of the host itself, which Let's Encrypt must reach on port 80."""

    @field_validator("challenge")
    @classmethod
    def _that_can_prove_the_hosts(cls, challenge: str, info: ValidationInfo) -> str:
        if challenge == "http01" and info.data.get("mode") == "wildcard":
            raise mistake(
                "HTTP-01 proves single hosts, and `mode: wildcard` asks for a wildcard",
                "write `mode: perHost` beside it, or leave `challenge` out to prove the domain by DNS-01",
            )
        return challenge

    nameservers: tuple[Nameserver, ...] = ()
    """Nameservers that cert-manager asks, and no others, whether a record of DNS-01 is there, such as '1.1.1.1' or
    '10.0.0.2:5353'. Needed where the cluster's own DNS answers for the domain with another zone of the same name (split
    DNS); without it the zone's own servers are asked, as the cluster's DNS names them."""

    @field_validator("nameservers")
    @classmethod
    def _of_our_cert_manager(cls, nameservers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if nameservers and info.data.get("challenge") == "http01":
            raise mistake("HTTP-01 asks no nameservers for a record", "remove it, or leave `challenge` out")
        if nameservers and info.data.get("cert_manager"):
            raise mistake(
                "this cert-manager is somebody else's, who says which nameservers it asks",
                "remove it, and have that one run with --dns01-recursive-nameservers and "
                "--dns01-recursive-nameservers-only",
            )
        return nameservers


class InternalAuthoritySpec(HostCertificatesSpec):
    """Certificates of an authority inside the cluster, which nobody trusts until its certificate is handed out."""

    issuer: Literal["internal"]
    """Who issues."""


class OwnIssuerSpec(HostCertificatesSpec):
    """Certificates of a ClusterIssuer of cert-manager that somebody else makes, such as for a company's own CA."""

    issuer: Literal["clusterIssuer"]
    """Who issues."""
    name: DnsName
    """Name of the ClusterIssuer; in mode wildcard it must be able to issue one."""


AnyCertificatesSpec = LetsEncryptSpec | InternalAuthoritySpec | OwnIssuerSpec
CertificatesSpec = Annotated[AnyCertificatesSpec, Field(discriminator="issuer")]


class CertificatesSection(Spec):
    """The section `certificates` of the stack file."""

    certificates: CertificatesSpec | None = None
    """Who issues the certificate of the platform's hosts; without it there is no TLS."""

    @field_validator("certificates", mode="before")
    @classmethod
    def _with_an_issuer(cls, certificates: object) -> object:
        if certificates is None:
            raise mistake("has nothing below it", "write `issuer: internal` below it, or remove the key to have no TLS")
        return certificates
