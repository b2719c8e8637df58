"""A namespace of the platform's own: closed to the network, with the lowest Pod Security level that will do.

Owns the namespace and its default-deny NetworkPolicy. It deliberately opens nothing: what a service needs, the service
says. Tenants' guardrails do not hold in it, because it carries no tenant label.
"""

from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import KubernetesObject, PodSecurityLevel, default_deny, namespace_manifest
from bedplate.labels import Identity


@dataclass(frozen=True, kw_only=True)
class PlatformNamespaceArgs:
    """name: of the namespace, `bedplate-<concern>`. identity: of the service that lives in it. level: of Pod Security.
    kubernetes_version: minor, '1.35'."""

    name: str
    identity: Identity
    level: PodSecurityLevel
    kubernetes_version: str


class PlatformNamespace(pulumi.ComponentResource):
    """A namespace for one concern of the platform."""

    namespace: KubernetesObject
    """The namespace itself."""

    def __init__(self, name: str, args: PlatformNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:PlatformNamespace", name, {}, opts)
        self.namespace = KubernetesObject(
            f"{name}-namespace",
            namespace_manifest(args.name, args.identity, args.level, args.kubernetes_version),
            pulumi.ResourceOptions(parent=self),
        )
        KubernetesObject(f"{name}-default-deny", default_deny(args.name, args.identity), self.inside(self))
        self.register_outputs({})

    def inside(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of an object in the namespace: it comes after it and goes with it."""
        return pulumi.ResourceOptions(parent=parent, depends_on=[self.namespace], deleted_with=self.namespace)
