"""Who is told when something is wrong.

Owns what is made of the alerts of all concerns. It registers no resource of its own: its parts are the platform's
children, and their URNs a contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import Alert, Dns, Manifest, RuleGroup
from bedplate.services.monitoring.alerts import WORKLOAD_ALERTS
from bedplate.services.monitoring.published_alerts import Alerts, AlertsArgs


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """watched: the alerts of all that runs. recorded: its recording rules. policies: of the network, what others open.
    kubernetes_version: minor, '1.35'. dns: of the cluster."""

    watched: Sequence[Alert]
    recorded: Sequence[RuleGroup]
    policies: Sequence[Manifest]
    kubernetes_version: str
    dns: Dns


class Monitoring:
    """The alerts of everything that the platform runs."""

    alerts: Sequence[Alert] = WORKLOAD_ALERTS
    """Of what every workload counts on, whoever runs it."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        told = RuleGroup(name="bedplate", rules=[*args.watched, *self.alerts])
        alerts = AlertsArgs(
            groups=[*args.recorded, told],
            policies=args.policies,
            kubernetes_version=args.kubernetes_version,
            dns=args.dns,
        )
        Alerts(f"{name}-alerts", alerts, opts)
