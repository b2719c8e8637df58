"""What everything costs, for whoever pays: by tenant, project, owner and workload, this month and the one before.

The figures are those of `rules.py` and `budgets.py`: months are calendar months in UTC, up to the last full hour.
"""

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable

_TENANT = Variable(name="tenant", title="Tenant", selector="bedplate:month_cost", label="tenant")
_WHICH = '{tenant=~"$tenant"}'
_MONTH, _BEFORE = f"bedplate:month_cost{_WHICH}", f"bedplate:previous_month_cost{_WHICH}"
_HOURS = "$__range:1h"
_BY = {"tenant": "Tenants", "project": "Projects", "owner": "Owners"}


def cost_dashboard(currency: str) -> Dashboard:
    """currency: of the prices, as three letters."""
    money = f"currency:{currency}"
    return Dashboard(
        uid="bedplate-cost",
        title="Cost",
        audience="finance",
        description="What was requested, by list prices or the stack's own; network and licences are not counted.",
        range="now-30d",
        variables=[_TENANT],
        rows=[_summary(money), _whose(money), _workloads(money), _unallocated(money), _budgets()],
    )


def _summary(money: str) -> Row:
    return Row(
        title="This month",
        panels=[
            Panel(
                title="Month to date",
                kind="stat",
                width=6,
                unit=money,
                description="Up to the last full hour, of the tenants that are chosen.",
                queries=[Query(expression=f"sum({_MONTH})")],
            ),
            Panel(
                title="Month before, whole",
                kind="stat",
                width=6,
                unit=money,
                queries=[Query(expression=f"sum({_BEFORE})")],
            ),
            Panel(
                title="At this pace by the end of the month",
                kind="stat",
                width=6,
                unit=money,
                description="What the month cost so far, over its share of the month.",
                queries=[
                    Query(
                        expression=f"sum({_MONTH}) * scalar(days_in_month(vector(time())))"
                        " / scalar(day_of_month(vector(time())) - 1 + (hour(vector(time())) > 0 or vector(1)) / 24)"
                    )
                ],
            ),
            Panel(
                title="Share of nodes that is nobody's",
                kind="stat",
                width=6,
                unit="percentunit",
                description="Now, of all nodes.",
                queries=[
                    Query(expression="sum(bedplate:node_unallocated_hourly) / sum(bedplate:node_cost_hourly)"),
                ],
            ),
        ],
    )


def _whose(money: str) -> Row:
    """This month beside the one before, and what changed, by whose it is."""
    panels: list[Panel] = []
    for label, title in _BY.items():
        legend = f"{{{{{label}}}}}"
        now, before = f"sum by ({label}) ({_MONTH})", f"sum by ({label}) ({_BEFORE})"
        panels += [
            Panel(
                title=f"{title}, month to date",
                kind="table",
                width=8,
                unit=money,
                queries=[Query(expression=f"sort_desc({now})", legend=legend)],
            ),
            Panel(
                title=f"{title}, month before",
                kind="table",
                width=8,
                unit=money,
                queries=[Query(expression=f"sort_desc({before})", legend=legend)],
            ),
            Panel(
                title=f"{title}, more or less than the month before",
                kind="table",
                width=8,
                unit=money,
                description="The month to date less the whole month before. Who is new counts from nothing.",
                queries=[
                    Query(expression=f"sort_desc(({now} or {before} * 0) - ({before} or {now} * 0))", legend=legend),
                ],
            ),
        ]
    return Row(title="By whose it is", panels=panels)


def _workloads(money: str) -> Row:
    hour = f"bedplate:cost_hour{_WHICH}"
    return Row(
        title="Workloads",
        panels=[
            Panel(
                title="Dearest workloads of the time shown",
                kind="table",
                unit=money,
                queries=[
                    Query(
                        expression="topk(25, sum by (tenant, workload, owner)"
                        f" (sum_over_time((sum by (tenant, workload, owner) ({hour}))[{_HOURS}])))",
                        legend="{{tenant}}/{{workload}}",
                    )
                ],
            ),
            Panel(
                title="What it is spent on",
                unit=money,
                description="By the hour: GPUs, cores, GiB of memory and of volumes.",
                queries=[Query(expression=f"sum by (of) ({hour})", legend="{{of}}")],
            ),
            Panel(
                title="An hour's cost by tenant",
                unit=money,
                width=24,
                queries=[Query(expression=f"sum by (tenant) ({hour})", legend="{{tenant}}")],
            ),
        ],
    )


def _unallocated(money: str) -> Row:
    return Row(
        title="Unallocated: what nodes cost beyond their pods",
        panels=[
            Panel(
                title="Nodes, and what of them is nobody's",
                unit=money,
                description="An hour's cost.",
                queries=[
                    Query(expression="sum(bedplate:node_cost_hour)", legend="nodes"),
                    Query(expression="sum(bedplate:node_unallocated_hour)", legend="nobody's"),
                ],
            ),
            Panel(
                title="Nobody's by pool, in the time shown",
                kind="table",
                unit=money,
                queries=[
                    Query(
                        expression="sort_desc(sum by (pool)"
                        f" (sum_over_time((sum by (pool) (bedplate:node_unallocated_hour))[{_HOURS}])))",
                        legend="{{pool}}",
                    )
                ],
            ),
        ],
    )


def _budgets() -> Row:
    return Row(
        title="Budgets",
        panels=[
            Panel(
                title="Share of each budget that is used",
                kind="bargauge",
                unit="percentunit",
                width=24,
                description="This month; empty where the stack sets no budgets.",
                queries=[
                    Query(
                        expression="sort_desc(max by (scope, name, unit) (bedplate:budget_share))",
                        legend="{{scope}} {{name}} ({{unit}})",
                    )
                ],
            )
        ],
    )


DASHBOARDS = (cost_dashboard("USD"),)
