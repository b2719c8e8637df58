"""Where people come in: Traefik, and the certificates of hosts.

Owns the namespace, Traefik with its definitions and rights, how it speaks TLS, the middlewares that routes share, and
the certificate of all hosts where there is one. It deliberately owns no issuer and decides no route (see `routes`). By
default one certificate serves all: a public authority limits how many it issues for a domain in a week
(https://letsencrypt.org/docs/rate-limits/).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    Definitions,
    DefinitionsArgs,
    KubernetesObject,
    LoadBalancer,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
)
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity
from bedplate.services.certificates.certificates import Certificates
from bedplate.services.front_door.alerts import front_door_alerts
from bedplate.services.front_door.deployed import chains
from bedplate.services.front_door.middlewares import shared_middlewares
from bedplate.services.front_door.traefik import (
    CHART,
    IDENTITY,
    REPLICAS,
    definitions,
    policies,
    rights,
    service,
    tls_option,
    tls_store,
    values,
)

_IDENTITY = Identity(name="front-door", component="ingress")


@dataclass(frozen=True, kw_only=True)
class FrontDoorArgs:
    """chart_source: of charts, in the publisher's place."""

    certificates: Certificates
    facts: ClusterFacts
    chart_source: str | None = None


class FrontDoor(pulumi.ComponentResource):
    """Traefik, and what it serves routes with.

    Nothing waits for a certificate: a new zone must be delegated by hand before anybody can prove to own the domain.
    The namespace goes before cert-manager does, who alone can end a challenge that is under way in it.
    """

    namespace: PlatformNamespace
    """Where the front door runs, and every route stands."""
    definitions: Definitions
    """Of the kinds of routes."""
    alerts: Sequence[Alert]
    """Of Traefik, of what it serves, and of how it answers."""
    address: pulumi.Output[str]
    """Where every host of the domain must lead: of the load balancer; empty while it has none."""

    def __init__(self, name: str, args: FrontDoorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:FrontDoor", name, {}, opts)
        self._name, child = name, pulumi.ResourceOptions(parent=self)
        self._certificates = args.certificates
        self.alerts = front_door_alerts(args.certificates.hosts)
        self.namespace = PlatformNamespace(f"{name}-namespace", _namespace(args), child)
        defined = DefinitionsArgs(bodies=definitions(), identity=IDENTITY)
        self.definitions = Definitions(f"{name}-definitions", defined, child)
        self.address = self._load_balancer(args, self._traefik(args)).address
        self._custom_objects()
        self.register_outputs({"address": self.address})

    @property
    def serves_any_host(self) -> bool:
        """Whether one certificate is that of all hosts."""
        return bool(self._certificates.hosts.of_all(_IDENTITY))

    def publish(
        self,
        name: str,
        route: Manifest,
        host: str,
        identity: Identity,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Registers a host's route for `parent`, and the certificate that the host has for itself, if any. after: what
        comes before the route."""
        inside, hosts = self.namespace.inside(parent), self._certificates.hosts
        for certificate in hosts.of_host(host, identity):
            CustomObject(f"{name}-certificate", certificate, self._certificates.operator, inside)
        self.serve(f"{name}-ingress-route", route, host, parent, after)

    def serve(
        self, name: str, route: Manifest, host: str, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
    ) -> None:
        """Registers a route for `parent`, of a host that is published."""
        served = {**route, "spec": {**route["spec"], "tls": self._certificates.hosts.tls(host)}}
        own = pulumi.ResourceOptions(depends_on=list(after))
        CustomObject(name, served, self.definitions, pulumi.ResourceOptions.merge(self.namespace.inside(parent), own))

    def _traefik(self, args: FrontDoorArgs) -> Release:
        """Comes after the kinds that it watches and the right to watch them: without either it never gets ready."""
        child, challenges = pulumi.ResourceOptions(parent=self), args.certificates.challenges
        granted = [
            KubernetesObject(f"{self._name}-{part['kind'].lower()}", part, options)
            for parts, options in ((rights(), child), (challenges.rights, self.namespace.inside(self)))
            for part in parts
        ]
        return Release(
            f"{self._name}-traefik",
            ReleaseArgs(
                chart=CHART,
                namespace=self.namespace,
                values=values(challenges),
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

    def _custom_objects(self) -> None:
        inside = self.namespace.inside(self)
        of_all = self._certificates.hosts.of_all(_IDENTITY)
        for body in of_all:
            CustomObject(f"{self._name}-{body['metadata']['name']}", body, self._certificates.operator, inside)
        secrets = [body["spec"]["secretName"] for body in of_all]
        for body in (tls_option(), tls_store(secrets), *shared_middlewares(), *chains()):
            suffix = f"{body['kind'].lower()}-{body['metadata']['name']}"
            CustomObject(f"{self._name}-{suffix}", body, self.definitions, inside)


def _namespace(args: FrontDoorArgs) -> PlatformNamespaceArgs:
    return PlatformNamespaceArgs(
        namespace=FRONT_DOOR_NAMESPACE,
        identity=_IDENTITY,
        kubernetes_version=args.facts.kubernetes_version,
        dns=args.facts.dns,
        after=[args.certificates.operator],
        policies=[*policies(), *args.certificates.challenges.policies],
        critical_pods=2 * REPLICAS,
    )
