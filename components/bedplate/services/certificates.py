"""Certificates for the platform's hosts: cert-manager, and who issues.

Owns cert-manager with its namespace, and the issuer. It deliberately owns no certificate of a host (the front door asks
for one) and no DNS zone (that is the cloud's).

Definitions of cert-manager's kinds are installed and upgraded with its chart, and stay when it goes: certificates,
issuers and the secrets made of them outlive it.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
from pydantic import Field

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import CustomObject, Manifest, PlatformNamespace, Release, ReleaseArgs
from bedplate.services.cert_manager import CHART, IDENTITY, namespace, values
from bedplate.services.certificate_issuers import (
    authority_certificate,
    internal_issuer,
    lets_encrypt_issuer,
    self_signed_issuer,
)
from bedplate.spec import DnsName, EmailAddress, Spec


class LetsEncryptSpec(Spec):
    """Certificates of Let's Encrypt; needs a cloud with a DNS zone that the platform owns."""

    issuer: Literal["letsEncrypt"]
    """Who issues."""
    email: EmailAddress
    """Address of the account at Let's Encrypt."""
    environment: Literal["production", "staging"] = "production"
    """Staging issues certificates that no browser trusts, within limits that trials do not reach."""


class InternalAuthoritySpec(Spec):
    """Certificates of an authority inside the cluster, which nobody trusts until its certificate is handed out."""

    issuer: Literal["internal"]
    """Who issues."""


class OwnIssuerSpec(Spec):
    """Certificates of a ClusterIssuer of cert-manager that somebody else makes."""

    issuer: Literal["clusterIssuer"]
    """Who issues."""
    name: DnsName
    """Name of the ClusterIssuer; it must be able to issue a wildcard."""


AnyCertificatesSpec = LetsEncryptSpec | InternalAuthoritySpec | OwnIssuerSpec
CertificatesSpec = Annotated[AnyCertificatesSpec, Field(discriminator="issuer")]
CERTIFICATES_SPECS: dict[str, type[LetsEncryptSpec] | type[InternalAuthoritySpec] | type[OwnIssuerSpec]] = {
    "letsEncrypt": LetsEncryptSpec,
    "internal": InternalAuthoritySpec,
    "clusterIssuer": OwnIssuerSpec,
}
"""By `issuer`."""


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs:
    """domain: of the platform's hosts. chart_source: of charts, in the publisher's place."""

    spec: AnyCertificatesSpec
    domain: str
    facts: ClusterFacts
    chart_source: str | None = None


class Certificates(pulumi.ComponentResource):
    """cert-manager and the issuer of the platform's certificates."""

    release: Release
    """cert-manager; objects of its kinds come after it."""
    cluster_issuer: str
    """Name of the ClusterIssuer of the platform's certificates."""

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Certificates", name, {}, opts)
        self._name, child = name, pulumi.ResourceOptions(parent=self)
        self._namespace = PlatformNamespace(f"{name}-cert-manager", namespace(args.facts), child)
        self.release = Release(
            f"{name}-release",
            ReleaseArgs(chart=CHART, namespace=self._namespace, values=values(args.facts), source=args.chart_source),
            child,
        )
        self.cluster_issuer = self._issuer(args)
        self.register_outputs({})

    def _issuer(self, args: CertificatesArgs) -> str:
        if isinstance(args.spec, OwnIssuerSpec):
            return args.spec.name
        body = self._internal() if isinstance(args.spec, InternalAuthoritySpec) else _lets_encrypt(args.spec, args)
        CustomObject(f"{self._name}-issuer", body, self.release, pulumi.ResourceOptions(parent=self))
        return body["metadata"]["name"]

    def _internal(self) -> Manifest:
        """A root that signs itself, and the issuer that signs with it."""
        root = self_signed_issuer(self._namespace.namespace_name, IDENTITY)
        authority = authority_certificate(self._namespace.namespace_name, IDENTITY, root)
        for suffix, body in (("self-signed", root), ("authority", authority)):
            CustomObject(f"{self._name}-{suffix}", body, self.release, self._namespace.inside(self))
        return internal_issuer(IDENTITY, secret_name=authority["spec"]["secretName"])


def _lets_encrypt(spec: LetsEncryptSpec, args: CertificatesArgs) -> Manifest:
    if args.facts.dns01_solver is None:
        raise ValueError("Let's Encrypt issues a wildcard only for a DNS zone that the platform owns; there is none")
    return lets_encrypt_issuer(
        IDENTITY,
        email=spec.email,
        domain=args.domain,
        solver=args.facts.dns01_solver,
        is_staging=spec.environment == "staging",
    )
