"""The namespace of monitoring, and the platform's rules as a file that any Prometheus can mount.

Owns the namespace `bedplate-monitoring` and, where the platform runs no Prometheus itself, the ConfigMap
`bedplate-alerts` with the key `rules.yaml`: point the `rule_files` of one in that namespace at the mounted file. The
namespace is closed to the network; whoever runs something in it opens what that needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import (
    Dns,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    RuleGroup,
    manifest,
    rules_file,
)
from bedplate.labels import MONITORING_NAMESPACE, Identity


@dataclass(frozen=True, kw_only=True)
class AlertsArgs:
    """groups: the rules of all services that run, none where they are published otherwise. kubernetes_version: minor,
    '1.35'. dns: of the cluster."""

    groups: Sequence[RuleGroup]
    kubernetes_version: str
    dns: Dns


class Alerts(pulumi.ComponentResource):
    """The alerts of everything that the platform runs."""

    place: PlatformNamespace
    """Where whoever measures stands."""

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Alerts", name, {}, opts)
        identity = Identity(name="alerts", component="monitoring")
        self.place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=MONITORING_NAMESPACE,
                identity=identity,
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        if args.groups:
            KubernetesObject(f"{name}-rules", _rules(args.groups, identity), self.place.inside(self))
        self.register_outputs({})


def _rules(groups: Sequence[RuleGroup], identity: Identity) -> Manifest:
    data = {"rules.yaml": rules_file(groups)}
    return manifest("v1", "ConfigMap", "bedplate-alerts", identity, namespace=MONITORING_NAMESPACE, data=data)
