"""Who is told when something is wrong.

Owns what is made of the alerts of all concerns. It registers no resource of its own: its parts are the platform's
children, and their URNs a contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.kubernetes import Alert
from bedplate.services.monitoring.published_alerts import Alerts, AlertsArgs


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """watched: the alerts of all that runs. kubernetes_version: minor, '1.35'."""

    watched: Sequence[Alert]
    kubernetes_version: str


class Monitoring:
    """The alerts of everything that the platform runs."""

    alerts: Sequence[Alert] = ()
    """Of its own; none yet, since nothing of it runs."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        Alerts(f"{name}-alerts", AlertsArgs(alerts=args.watched, kubernetes_version=args.kubernetes_version), opts)
