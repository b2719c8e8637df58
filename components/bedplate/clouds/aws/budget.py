"""Alerts on what the account costs.

Owns one monthly budget. It deliberately covers the whole account: a filter by tag counts nothing until the tag is
activated for billing, and an alert that sees too much is better than one that sees nothing.
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import budgets

from bedplate.clouds.aws.spec import AwsClusterSpec

_ALERTS = (("ACTUAL", 80), ("FORECASTED", 100))
"""Percent of the budget, spent or forecast."""


@dataclass(frozen=True, kw_only=True)
class AwsBudgetArgs:
    """spec: of the cluster."""

    spec: AwsClusterSpec


class AwsBudget(pulumi.ComponentResource):
    """The monthly budget with its alerts."""

    def __init__(self, name: str, args: AwsBudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsBudget", name, {}, opts)
        budget = args.spec.budget
        budgets.Budget(
            f"{name}-monthly",
            name=f"{args.spec.name}-monthly",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(budget.dollars_per_month),
            limit_unit="USD",
            notifications=[
                budgets.BudgetNotificationArgs(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(budget.emails),
                )
                for kind, percent in _ALERTS
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
