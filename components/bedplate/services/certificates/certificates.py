"""Certificates for the platform's hosts: cert-manager, and who issues.

Owns cert-manager with its namespace, unless somebody else provides it, and the issuer. It deliberately owns no
certificate of a host (the front door and its routes ask for them, as `host_certificates` says) and no DNS zone (that is
the cloud's).

Definitions of cert-manager's kinds are installed and upgraded with its chart, and stay when it goes: certificates,
issuers and the secrets made of them outlive it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    Manifest,
    Operator,
    PlatformNamespace,
    ProvidedOperator,
    ProvidedOperatorArgs,
    Release,
    ReleaseArgs,
)
from bedplate.services.certificates.alerts import CERT_MANAGER_ALERTS, certificate_alerts
from bedplate.services.certificates.cert_manager import CHART, IDENTITY, namespace, values
from bedplate.services.certificates.challenges import HTTP_SOLVER, OVER_DNS, OVER_HTTP, Challenges
from bedplate.services.certificates.host_certificates import HostCertificates, OneEach, OneForAll
from bedplate.services.certificates.issuers import (
    authority_certificate,
    internal_issuer,
    lets_encrypt_issuer,
    self_signed_issuer,
)
from bedplate.services.certificates.spec import (
    AnyCertificatesSpec,
    InternalAuthoritySpec,
    LetsEncryptSpec,
    OwnIssuerSpec,
)


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs:
    """domain: of the platform's hosts. chart_source: of charts, in the publisher's place."""

    spec: AnyCertificatesSpec
    domain: str
    facts: ClusterFacts
    chart_source: str | None = None


@dataclass(frozen=True, kw_only=True)
class _CertManager:
    """namespace: where it looks for secrets of ClusterIssuers. inside: options of an object there. alerts: its own."""

    operator: Operator
    namespace: str
    inside: pulumi.ResourceOptions
    alerts: Sequence[Alert]


class Certificates(pulumi.ComponentResource):
    """cert-manager and the issuer of the platform's certificates."""

    operator: Operator
    """cert-manager; objects of its kinds come after it."""
    hosts: HostCertificates
    """How a host gets its certificate."""
    challenges: Challenges
    """What the authority must be able to look at."""
    alerts: Sequence[Alert]
    """Of certificates, of who issues them, and of cert-manager where it is ours."""

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Certificates", name, {}, opts)
        self._name = name
        self.challenges = _challenges(args.spec)
        cert_manager = self._cert_manager(args)
        self.operator = cert_manager.operator
        issuer = self._issuer(args, cert_manager)
        of_hosts = OneForAll if args.spec.mode == "wildcard" else OneEach
        self.hosts = of_hosts(cluster_issuer=issuer, domain=args.domain)
        self.alerts = [*certificate_alerts(issuer, cert_manager.namespace), *cert_manager.alerts]
        self.register_outputs({})

    def _cert_manager(self, args: CertificatesArgs) -> _CertManager:
        provided, child = args.spec.cert_manager, pulumi.ResourceOptions(parent=self)
        if provided:
            operator_args = ProvidedOperatorArgs(chart=CHART, namespace=provided.namespace)
            operator = ProvidedOperator(f"{self._name}-provided", operator_args, child)
            return _CertManager(operator=operator, namespace=provided.namespace, inside=child, alerts=())
        nameservers = args.spec.nameservers if isinstance(args.spec, LetsEncryptSpec) else ()
        closed = namespace(args.facts, self.challenges.checks, nameservers)
        place = PlatformNamespace(f"{self._name}-cert-manager", closed, child)
        release = Release(
            f"{self._name}-release",
            ReleaseArgs(chart=CHART, namespace=place, values=values(args.facts, nameservers), source=args.chart_source),
            child,
        )
        return _CertManager(
            operator=release, namespace=place.namespace_name, inside=place.inside(self), alerts=CERT_MANAGER_ALERTS
        )

    def _issuer(self, args: CertificatesArgs, cert_manager: _CertManager) -> str:
        if isinstance(args.spec, OwnIssuerSpec):
            return args.spec.name
        if isinstance(args.spec, InternalAuthoritySpec):
            body = self._internal(cert_manager)
        else:
            body = _lets_encrypt(args.spec, args)
        CustomObject(f"{self._name}-issuer", body, self.operator, pulumi.ResourceOptions(parent=self))
        return body["metadata"]["name"]

    def _internal(self, cert_manager: _CertManager) -> Manifest:
        """A root that signs itself, and the issuer that signs with it."""
        root = self_signed_issuer(cert_manager.namespace, IDENTITY)
        authority = authority_certificate(cert_manager.namespace, IDENTITY, root)
        for suffix, body in (("self-signed", root), ("authority", authority)):
            CustomObject(f"{self._name}-{suffix}", body, self.operator, cert_manager.inside)
        return internal_issuer(IDENTITY, secret_name=authority["spec"]["secretName"])


def _challenges(spec: AnyCertificatesSpec) -> Challenges:
    return OVER_HTTP if isinstance(spec, LetsEncryptSpec) and spec.challenge == "http01" else OVER_DNS


def _lets_encrypt(spec: LetsEncryptSpec, args: CertificatesArgs) -> Manifest:
    return lets_encrypt_issuer(
        IDENTITY,
        email=spec.email,
        domain=args.domain,
        solver=HTTP_SOLVER if spec.challenge == "http01" else _dns_solver(args.facts),
        is_staging=spec.environment == "staging",
    )


def _dns_solver(facts: ClusterFacts) -> Manifest:
    if facts.dns01_solver is None:
        raise ValueError(
            "Let's Encrypt proves a domain by DNS-01 only in a DNS zone that the platform owns; there is none"
        )
    return {"dns01": dict(facts.dns01_solver)}
