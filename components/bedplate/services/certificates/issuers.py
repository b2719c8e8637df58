"""Issuers and certificates as objects of cert-manager: https://cert-manager.io/docs/reference/api-docs/."""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import Identity

API_VERSION = "cert-manager.io/v1"
_LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""https://letsencrypt.org/docs/staging-environment/"""
_AUTHORITY_HOURS, _AUTHORITY_RENEWAL_HOURS = 87600, 8760
"""Ten years, renewed a year before the end."""


def lets_encrypt_issuer(
    identity: Identity, *, email: str, domain: str, solver: Mapping[str, Any], is_staging: bool
) -> Manifest:
    """Issues for hosts of the domain. solver: how they are proven, as cert-manager says it, `dns01` or `http01`."""
    name = "bedplate-letsencrypt-staging" if is_staging else "bedplate-letsencrypt"
    acme = {
        "server": _LETS_ENCRYPT_STAGING if is_staging else _LETS_ENCRYPT,
        "email": email,
        "privateKeySecretRef": {"name": f"{name}-account"},
        "solvers": [{"selector": {"dnsZones": [domain]}, **solver}],
    }
    return manifest(API_VERSION, "ClusterIssuer", name, identity, spec={"acme": acme})


def self_signed_issuer(namespace: str, identity: Identity) -> Manifest:
    """Signs the authority's certificate with its own key; of one namespace, so that nobody else signs with it."""
    return manifest(
        API_VERSION, "Issuer", "bedplate-self-signed", identity, namespace=namespace, spec={"selfSigned": {}}
    )


def authority_certificate(namespace: str, identity: Identity, issuer: Manifest) -> Manifest:
    """The certificate that the internal authority signs with.

    Its key stays when it is renewed: who trusts the authority goes on trusting what it signed.
    """
    return _certificate(
        "bedplate-internal-authority",
        namespace,
        identity,
        issuer={"name": issuer["metadata"]["name"], "kind": issuer["kind"]},
        rotation="Never",
        isCA=True,
        commonName="bedplate internal authority",
        duration=f"{_AUTHORITY_HOURS}h",
        renewBefore=f"{_AUTHORITY_RENEWAL_HOURS}h",
    )


def internal_issuer(identity: Identity, *, secret_name: str) -> Manifest:
    """Signs with the authority's certificate, which is a Secret in cert-manager's own namespace."""
    return manifest(
        API_VERSION, "ClusterIssuer", "bedplate-internal", identity, spec={"ca": {"secretName": secret_name}}
    )


def host_certificate(name: str, namespace: str, identity: Identity, *, issuer: str, hosts: Sequence[str]) -> Manifest:
    """A certificate by a ClusterIssuer, renewed with a new key after two thirds of whatever time it is given."""
    return _certificate(
        name,
        namespace,
        identity,
        issuer={"name": issuer, "kind": "ClusterIssuer"},
        rotation="Always",
        dnsNames=list(hosts),
        usages=["digital signature", "server auth"],
    )


def _certificate(
    name: str, namespace: str, identity: Identity, *, issuer: Mapping[str, str], rotation: str, **spec: Any
) -> Manifest:
    """A certificate whose Secret has its name."""
    body = {
        "secretName": name,
        "issuerRef": {**issuer, "group": "cert-manager.io"},
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": rotation},
        **spec,
    }
    return manifest(API_VERSION, "Certificate", name, identity, namespace=namespace, spec=body)
