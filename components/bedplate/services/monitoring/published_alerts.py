"""The platform's alerts as a rule file that any Prometheus can mount.

Owns the namespace `bedplate-monitoring` and the ConfigMap `bedplate-alerts` with the key `rules.yaml`. It deliberately
runs no Prometheus: point the `rule_files` of one in that namespace at the mounted file, and let it scrape
kube-state-metrics (see `nodes.py` for its flag) and the services themselves. The namespace is closed to the network;
whoever runs something in it opens what that needs.
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
    """groups: the rules of all services that run. policies: what is opened in the network. kubernetes_version: minor,
    '1.35'. dns: of the cluster."""

    groups: Sequence[RuleGroup]
    policies: Sequence[Manifest]
    kubernetes_version: str
    dns: Dns


class Alerts(pulumi.ComponentResource):
    """The alerts of everything that the platform runs."""

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Alerts", name, {}, opts)
        identity = Identity(name="alerts", component="monitoring")
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=MONITORING_NAMESPACE,
                identity=identity,
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
                policies=args.policies,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        rules = manifest(
            "v1",
            "ConfigMap",
            "bedplate-alerts",
            identity,
            namespace=MONITORING_NAMESPACE,
            data={"rules.yaml": rules_file(args.groups)},
        )
        KubernetesObject(f"{name}-rules", rules, place.inside(self))
        self.register_outputs({})
