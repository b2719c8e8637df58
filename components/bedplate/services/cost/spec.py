"""Prices, budgets and where usage goes, as a stack file describes them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bedplate.spec import (
    DnsLabel,
    DnsName,
    EmailAddress,
    Spec,
    StrictBool,
    matching,
    mistake,
    refuse,
    repeated,
)

Price = Annotated[float, Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False)]
Amount = Annotated[float, Field(strict=True, ge=0.01, le=1_000_000_000, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0.01, le=1, allow_inf_nan=False)]
_Currency = Annotated[str, matching(r"[A-Z]{3}", "must be a currency's code of three letters", "write it like 'USD'")]
_Folder = Annotated[
    str,
    matching(
        r"(s3|gs)://[a-z0-9][a-z0-9._-]*(/[A-Za-z0-9._-]+)*"
        r"|abfs://[a-z0-9-]+@[a-z0-9]+\.dfs\.core\.windows\.net(/[A-Za-z0-9._-]+)*",
        "must be a folder of an object store",
        "write it like 's3://bucket/usage', 'gs://bucket/usage' or 'abfs://container@account.dfs.core.windows.net/usage'",
    ),
]


class PricesSpec(Spec):
    """Own prices, in place of the cloud's list prices."""

    accelerators: Mapping[str, Price] = {}
    """One GPU for one hour, by accelerator, its host's cores and memory not included."""
    cpu_core_hour: Price | None = None
    """One core for one hour."""
    memory_gib_hour: Price | None = None
    """One GiB of memory for one hour."""
    storage_gib_month: Mapping[DnsName, Price] = {}
    """One GiB of a volume for one month, by StorageClass."""
    spot_share: Share = 1
    """What machines of spot pools cost, as a share of the full price; no list has prices of spot."""


class UsageBudgetSpec(Spec):
    """What may be used in a calendar month (UTC)."""

    gpu_hours_per_month: Amount | None = None
    """Hours of GPUs, whatever accelerator."""
    cpu_hours_per_month: Amount | None = None
    """Hours of cores."""
    dollars_per_month: Amount | None = None
    """Money, in the currency of the prices."""
    warn_at: Annotated[tuple[Share, ...], Field(min_length=1, max_length=10)] = (0.5, 0.8, 1.0)
    """Shares of the budget at which somebody is told."""
    when_exhausted: Literal["warn", "denyGpus"] = "warn"
    """What follows: nothing more, or no new pod with GPUs until the next month."""

    @field_validator("warn_at")
    @classmethod
    def _told_once(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        percents = [f"{round(share * 100)} %" for share in shares]
        refuse(
            ((index,), shares[index], mistake(f"{percent} is told already: shares are whole percents", "remove it"))
            for index, percent in repeated(percents).items()
        )
        return shares

    @model_validator(mode="after")
    def _of_something(self) -> "UsageBudgetSpec":
        if not self.limits:
            raise mistake(
                "bounds nothing", "add gpuHoursPerMonth, cpuHoursPerMonth or dollarsPerMonth, or remove the budget"
            )
        return self

    @property
    def limits(self) -> Mapping[str, float]:
        """The bounds that are set, by unit."""
        units = {
            "gpu_hours": self.gpu_hours_per_month,
            "cpu_hours": self.cpu_hours_per_month,
            "money": self.dollars_per_month,
        }
        return {unit: limit for unit, limit in units.items() if limit is not None}


class BudgetsSpec(Spec):
    """Budgets by whose they are. They stand in the stack's file alone: a tenant's own file sets none."""

    tenants: Mapping[DnsLabel, UsageBudgetSpec] = {}
    """Of tenants, by name."""
    projects: Mapping[DnsLabel, UsageBudgetSpec] = {}
    """Of projects, by the name that cost is booked on, over all tenants."""
    people: Mapping[EmailAddress, UsageBudgetSpec] = {}
    """Of owners of workloads, by address, over all tenants."""


class UsageSpec(Spec):
    """Where hourly rows of usage go, as Parquet."""

    folder: _Folder
    """Folder of an object store that is there already."""


class CostSpec(Spec):
    """What everything costs, and whose it is."""

    currency: _Currency = "USD"
    """Currency of all prices here; list prices are US dollars."""
    prices: PricesSpec = PricesSpec()
    """Own prices, in place of the cloud's list prices."""
    budgets: BudgetsSpec = BudgetsSpec()
    """What may be used in a month."""
    contact: EmailAddress | None = None
    """Whom to ask for more; said to whoever is denied."""
    unallocated_share: Share = 0.6
    """Share of what nodes cost that nobody uses, above which somebody is told after a day."""
    usage: UsageSpec | None = None
    """Where hourly rows of usage go; without it they stay in Prometheus."""
    open_cost: StrictBool = False
    """Whether OpenCost runs beside it, to compare with the cloud's bill."""

    @property
    def denies(self) -> bool:
        """Whether a budget that is used up denies anything."""
        every = (*self.budgets.tenants.values(), *self.budgets.projects.values(), *self.budgets.people.values())
        return any(budget.when_exhausted == "denyGpus" for budget in every)


class CostSection(Spec):
    """The section `cost` of the stack file."""

    cost: CostSpec | None = None
    """What everything costs; without it nothing is counted."""

    @field_validator("cost", mode="before")
    @classmethod
    def _not_empty(cls, cost: object) -> object:
        return {} if cost is None else cost
