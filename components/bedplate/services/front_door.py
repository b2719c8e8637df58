"""Where people come in: the namespace of the front door, and the certificate of every host.

Owns the namespace and the wildcard certificate of the platform's domain. It deliberately owns no issuer. One
certificate serves all: a public authority limits how many it issues for a domain in a week
(https://letsencrypt.org/docs/rate-limits/).
"""

from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import CustomObject, PlatformNamespace, PlatformNamespaceArgs
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity
from bedplate.services.certificate_issuers import host_certificate
from bedplate.services.certificates import Certificates

_IDENTITY = Identity(name="front-door", component="ingress")
WILDCARD = "wildcard"
"""Name of the certificate and of its Secret."""


@dataclass(frozen=True, kw_only=True)
class FrontDoorArgs:
    """domain: of the platform's hosts."""

    domain: str
    certificates: Certificates
    kubernetes_version: str


class FrontDoor(pulumi.ComponentResource):
    """The front door's namespace with its certificate.

    Nothing waits for the certificate: a new zone must be delegated by hand before anybody can prove to own the domain.
    The namespace goes before cert-manager does, who alone can end a challenge that is under way in it.
    """

    namespace: PlatformNamespace
    """Where the front door runs."""

    def __init__(self, name: str, args: FrontDoorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:FrontDoor", name, {}, opts)
        release = args.certificates.release
        self.namespace = PlatformNamespace(
            f"{name}-namespace",
            PlatformNamespaceArgs(
                namespace=FRONT_DOOR_NAMESPACE,
                identity=_IDENTITY,
                kubernetes_version=args.kubernetes_version,
                after=[release],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        wildcard = host_certificate(
            WILDCARD,
            FRONT_DOOR_NAMESPACE,
            _IDENTITY,
            cluster_issuer=args.certificates.cluster_issuer,
            hosts=[f"*.{args.domain}"],
        )
        CustomObject(f"{name}-{WILDCARD}", wildcard, release, self.namespace.inside(self))
        self.register_outputs({})
