"""Alerts on what the project costs.

Owns one monthly budget and the addresses it mails to. It deliberately covers the whole project: a filter by label
misses what carries none, and an alert that sees too much is better than one that sees nothing.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import billing, monitoring

from bedplate.clouds.gcp.spec import GcpClusterSpec

_ALERTS = (("CURRENT_SPEND", 0.8), ("FORECASTED_SPEND", 1.0))
"""Share of the budget, spent or forecast."""


@dataclass(frozen=True, kw_only=True)
class GcpBudgetArgs:
    """spec: of the cluster."""

    spec: GcpClusterSpec


class GcpBudget(pulumi.ComponentResource):
    """The monthly budget with its alerts."""

    def __init__(self, name: str, args: GcpBudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpBudget", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        channels = [
            monitoring.NotificationChannel(
                f"{name}-mail-{email}",
                type="email",
                display_name=f"Budget of {spec.name}: {email}",
                labels={"email_address": email},
                # The provider's own labels do not come here.
                user_labels=spec.resource_labels,
                opts=child,
            )
            for email in spec.budget.emails
        ]
        billing.Budget(
            f"{name}-monthly",
            billing_account=spec.budget.billing_account_id,
            display_name=f"{spec.name}-monthly",
            budget_filter=billing.BudgetBudgetFilterArgs(
                projects=[f"projects/{spec.project_number}"], calendar_period="MONTH"
            ),
            # Without a currency the amount is in the billing account's; another one would be refused.
            amount=billing.BudgetAmountArgs(
                specified_amount=billing.BudgetAmountSpecifiedAmountArgs(units=str(spec.budget.dollars_per_month))
            ),
            threshold_rules=[
                billing.BudgetThresholdRuleArgs(spend_basis=basis, threshold_percent=share) for basis, share in _ALERTS
            ],
            all_updates_rule=billing.BudgetAllUpdatesRuleArgs(
                monitoring_notification_channels=[channel.name for channel in channels]
            ),
            opts=child,
        )
        self.register_outputs({})
