"""Alerts on what the subscription costs.

Owns one monthly budget. It deliberately covers the whole subscription: nodes are in a resource group of their own,
whose cost a budget on the platform's group would not see.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi
from pulumi_azure_native import consumption

from bedplate.clouds.azure.spec import AzureClusterSpec

_ALERTS = ((consumption.ThresholdType.ACTUAL, 80), (consumption.ThresholdType.FORECASTED, 100))
"""Percent of the budget, spent or forecast."""


@dataclass(frozen=True, kw_only=True)
class AzureBudgetArgs:
    """spec: of the cluster."""

    spec: AzureClusterSpec


class AzureBudget(pulumi.ComponentResource):
    """The monthly budget with its alerts."""

    def __init__(self, name: str, args: AzureBudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureBudget", name, {}, opts)
        budget = args.spec.budget
        consumption.Budget(
            f"{name}-monthly",
            budget_name=f"{args.spec.name}-monthly",
            scope=f"/subscriptions/{args.spec.subscription_id}",
            category=consumption.CategoryType.COST,
            time_grain=consumption.TimeGrainType.MONTHLY,
            amount=budget.dollars_per_month,
            time_period=consumption.BudgetTimePeriodArgs(start_date=_this_month()),
            notifications={
                f"{kind.value.lower()}-{percent}": consumption.NotificationArgs(
                    enabled=True,
                    operator=consumption.OperatorType.GREATER_THAN,
                    threshold=percent,
                    threshold_type=kind,
                    contact_emails=list(budget.emails),
                )
                for kind, percent in _ALERTS
            },
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["timePeriod"]),
        )
        self.register_outputs({})


def _this_month() -> str:
    """Azure refuses a monthly budget that begins before the month it is created in; later runs leave the date alone.

    https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update
    """
    return datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")
