"""Where people come in: Traefik, and the certificate of every host.

Owns the namespace, Traefik with its definitions and rights, how it speaks TLS, the middlewares that routes share, and
the wildcard certificate of the platform's domain. It deliberately owns no issuer and no route (see `routes`). One
certificate serves all: a public authority limits how many it issues for a domain in a week
(https://letsencrypt.org/docs/rate-limits/).
"""

from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CustomObject,
    KubernetesObject,
    LoadBalancer,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
)
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity
from bedplate.services.certificate_issuers import host_certificate
from bedplate.services.certificates import Certificates
from bedplate.services.middlewares import shared_middlewares
from bedplate.services.traefik import (
    CHART,
    DEFINITIONS_CHART,
    REPLICAS,
    policies,
    rights,
    service,
    tls_option,
    tls_store,
    values,
)

_IDENTITY = Identity(name="front-door", component="ingress")
WILDCARD = "wildcard"
"""Name of the certificate and of its Secret."""


@dataclass(frozen=True, kw_only=True)
class FrontDoorArgs:
    """domain: of the platform's hosts. chart_source: of charts, in the publisher's place."""

    domain: str
    certificates: Certificates
    facts: ClusterFacts
    chart_source: str | None = None


class FrontDoor(pulumi.ComponentResource):
    """Traefik with the certificate of every host.

    Nothing waits for the certificate: a new zone must be delegated by hand before anybody can prove to own the domain.
    The namespace goes before cert-manager does, who alone can end a challenge that is under way in it.
    """

    namespace: PlatformNamespace
    """Where the front door runs, and every route stands."""
    definitions: Release
    """What brings the kinds of routes; they come after it."""
    address: pulumi.Output[str]
    """Where every host of the domain must lead: of the load balancer; empty while it has none."""

    def __init__(self, name: str, args: FrontDoorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:FrontDoor", name, {}, opts)
        self._name, child = name, pulumi.ResourceOptions(parent=self)
        self.namespace = PlatformNamespace(f"{name}-namespace", _namespace(args), child)
        self.definitions = Release(
            f"{name}-definitions",
            ReleaseArgs(chart=DEFINITIONS_CHART, namespace=self.namespace, values={}, source=args.chart_source),
            child,
        )
        self.address = self._load_balancer(args, self._traefik(args)).address
        self._custom_objects(args)
        self.register_outputs({"address": self.address})

    def _traefik(self, args: FrontDoorArgs) -> Release:
        """Comes after the kinds that it watches and the right to watch them: without either it never gets ready."""
        child = pulumi.ResourceOptions(parent=self)
        granted = [KubernetesObject(f"{self._name}-{part['kind'].lower()}", part, child) for part in rights()]
        return Release(
            f"{self._name}-traefik",
            ReleaseArgs(
                chart=CHART,
                namespace=self.namespace,
                values=values(),
                source=args.chart_source,
                after=[self.definitions, *granted],
            ),
            child,
        )

    def _load_balancer(self, args: FrontDoorArgs, traefik: Release) -> LoadBalancer:
        """Comes after Traefik: an address that leads nowhere is no address."""
        after = pulumi.ResourceOptions(depends_on=[traefik])
        inside = pulumi.ResourceOptions.merge(self.namespace.inside(self), after)
        return LoadBalancer(f"{self._name}-load-balancer", service(args.facts), inside)

    def _custom_objects(self, args: FrontDoorArgs) -> None:
        inside = self.namespace.inside(self)
        wildcard = host_certificate(
            WILDCARD,
            FRONT_DOOR_NAMESPACE,
            _IDENTITY,
            cluster_issuer=args.certificates.cluster_issuer,
            hosts=[f"*.{args.domain}"],
        )
        CustomObject(f"{self._name}-{WILDCARD}", wildcard, args.certificates.release, inside)
        for body in (tls_option(), tls_store(wildcard["spec"]["secretName"]), *shared_middlewares()):
            suffix = f"{body['kind'].lower()}-{body['metadata']['name']}"
            CustomObject(f"{self._name}-{suffix}", body, self.definitions, inside)


def _namespace(args: FrontDoorArgs) -> PlatformNamespaceArgs:
    return PlatformNamespaceArgs(
        namespace=FRONT_DOOR_NAMESPACE,
        identity=_IDENTITY,
        kubernetes_version=args.facts.kubernetes_version,
        after=[args.certificates.release],
        policies=policies(),
        critical_pods=2 * REPLICAS,
    )
