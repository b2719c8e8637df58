"""Namespaces of the platform itself, closed like a tenant's.

Owns the namespace, its Pod Security level, and NetworkPolicies that begin closed. It deliberately owns nothing that
runs in it, and opens nothing but names and metrics: what a service needs, the service says. Tenants' guardrails do not
hold in it, because it carries no tenant label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from bedplate.kubernetes.manifests import Manifest, manifest
from bedplate.kubernetes.network import Dns, default_policies
from bedplate.kubernetes.objects import KubernetesObject
from bedplate.labels import SYSTEM_TAINT, Identity

PodSecurityLevel = Literal["restricted", "baseline", "privileged"]
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
CRITICAL_PRIORITY_CLASS = "system-cluster-critical"
"""https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/"""
PLATFORM_TOLERATIONS: list[Manifest] = [{"key": SYSTEM_TAINT["key"], "operator": "Exists"}]
"""What lets the platform's own pods run where no tenant's do."""


def namespace_manifest(name: str, identity: Identity, level: PodSecurityLevel, kubernetes_version: str) -> Manifest:
    """A namespace with a Pod Security level, pinned to the cluster's version so that an upgrade changes no rule.

    https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces
    """
    namespace = manifest("v1", "Namespace", name, identity)
    for mode in ("enforce", "audit", "warn"):
        namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] = level
        namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}-version"] = f"v{kubernetes_version}"
    return namespace


@dataclass(frozen=True, kw_only=True)
class PlatformNamespaceArgs:
    """namespace: its name, `bedplate-<concern>`. dns: of the cluster. level: the lowest of Pod Security that will do.
    after: what must be there before it, and go after it. policies: what is opened. critical_pods: the most pods that
    may come before all others."""

    namespace: str
    identity: Identity
    kubernetes_version: str
    dns: Dns
    level: PodSecurityLevel = "restricted"
    after: Sequence[pulumi.Resource] = ()
    policies: Sequence[Manifest] = ()
    critical_pods: int = 0


class PlatformNamespace(pulumi.ComponentResource):
    """A namespace for one concern of the platform."""

    namespace: KubernetesObject
    """The namespace; whatever stands in it goes with it."""
    namespace_name: str
    """Its name in the cluster."""

    def __init__(self, name: str, args: PlatformNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:PlatformNamespace", name, {}, opts)
        self.namespace_name = args.namespace
        self.namespace = KubernetesObject(
            f"{name}-namespace",
            namespace_manifest(args.namespace, args.identity, args.level, args.kubernetes_version),
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        parts = [*default_policies(args.namespace, args.identity, args.dns), *args.policies]
        if args.critical_pods:
            parts.append(_critical_pods(args))
        for part in parts:
            KubernetesObject(f"{name}-{part['kind'].lower()}-{part['metadata']['name']}", part, self.inside(self))
        self.register_outputs({})

    def inside(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of an object of `parent` in the namespace: it comes after it and goes with it, not one by one."""
        return pulumi.ResourceOptions(parent=parent, depends_on=[self.namespace], deleted_with=self.namespace)

    def placing(self, part: Manifest, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of an object of `parent` that is about the namespace: in it, or in none; then it comes after it, and
        goes by itself."""
        if "namespace" in part["metadata"]:
            return self.inside(parent)
        return pulumi.ResourceOptions(parent=parent, depends_on=[self.namespace])


def _critical_pods(args: PlatformNamespaceArgs) -> Manifest:
    """Some clusters admit critical pods only where a quota counts them.

    https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default,
    https://github.com/open-policy-agent/gatekeeper/issues/1120
    """
    critical = {"scopeName": "PriorityClass", "operator": "In", "values": [CRITICAL_PRIORITY_CLASS]}
    return manifest(
        "v1",
        "ResourceQuota",
        "critical-pods",
        args.identity,
        namespace=args.namespace,
        spec={"hard": {"pods": str(args.critical_pods)}, "scopeSelector": {"matchExpressions": [critical]}},
    )
