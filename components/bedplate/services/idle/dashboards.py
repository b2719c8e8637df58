"""What stopping saves, and what is stopped, warned and unmeasured.

A GPU counts as saved while its workspace is stopped, by whomever; what its node costs goes on until the node is away.
"""

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable
from bedplate.services.idle.rules import SAVED_GPUS, SAVED_HOURLY

_TENANT = Variable(name="tenant", title="Tenant", selector="bedplate:workspace", label="tenant")
_WHICH = '{tenant=~"$tenant"}'
_MINUTES = 5
_PER_HOUR = 60 // _MINUTES


def _over_range(series: str, by: str) -> str:
    """Hours, or money, of the time shown."""
    return f"sum by ({by}) (sum_over_time((sum by ({by}) ({series}{_WHICH}))[$__range:{_MINUTES}m])) / {_PER_HOUR}"


def _chosen(series: str) -> str:
    """The series of workspaces of the tenants that are chosen."""
    return f"{series} and on (namespace, workspace) bedplate:workspace{_WHICH}"


IDLE_SAVINGS = Dashboard(
    uid="bedplate-idle",
    title="Idle shutdown and what it saves",
    audience="platform",
    description="GPUs of stopped workspaces. Parts of GPUs count as one each; money needs the section `cost`.",
    range="now-7d",
    variables=[_TENANT],
    rows=[
        Row(
            title="Saved in the time shown",
            panels=[
                Panel(
                    title="GPU hours saved",
                    unit="short",
                    kind="table",
                    width=8,
                    queries=[Query(expression=f"sort_desc({_over_range(SAVED_GPUS, 'tenant')})", legend="{{tenant}}")],
                ),
                Panel(
                    title="Money saved",
                    kind="table",
                    width=8,
                    description="The GPUs alone, by what they cost where they are cheapest, in the currency of `cost`.",
                    queries=[
                        Query(expression=f"sort_desc({_over_range(SAVED_HOURLY, 'tenant')})", legend="{{tenant}}"),
                    ],
                ),
                Panel(
                    title="Owners who save most GPU hours",
                    kind="table",
                    width=8,
                    queries=[Query(expression=f"topk(20, {_over_range(SAVED_GPUS, 'owner')})", legend="{{owner}}")],
                ),
                Panel(
                    title="GPUs of stopped workspaces",
                    width=24,
                    queries=[
                        Query(expression=f"sum by (accelerator) ({SAVED_GPUS}{_WHICH})", legend="{{accelerator}}"),
                    ],
                ),
            ],
        ),
        Row(
            title="Now",
            panels=[
                Panel(
                    title="Stopped",
                    kind="stat",
                    width=8,
                    queries=[
                        Query(expression=f"count({_chosen('bedplate:workspace_replicas == 0')}) or vector(0)"),
                    ],
                ),
                Panel(
                    title="Warned: stops within the hour",
                    kind="stat",
                    width=8,
                    queries=[
                        Query(
                            expression=f"count({_chosen('bedplate:workspace_stops_in_seconds > 0 <= 3600')})"
                            " or vector(0)"
                        ),
                    ],
                ),
                Panel(
                    title="Nobody knows whether in use",
                    kind="stat",
                    width=8,
                    description="Kept, whatever it costs, because figures are missing.",
                    queries=[
                        Query(
                            expression="count("
                            + _chosen('bedplate:workspace_signal{signal="unmeasured"}')
                            + ") or vector(0)"
                        ),
                    ],
                ),
                Panel(
                    title="Minutes until each stops",
                    kind="table",
                    unit="m",
                    queries=[
                        Query(
                            expression="sort(max by (namespace, workspace) "
                            f"({_chosen('bedplate:workspace_stops_in_seconds')}) / 60)",
                            legend="{{namespace}}/{{workspace}}",
                        )
                    ],
                ),
                Panel(
                    title="Why the others are kept",
                    kind="table",
                    queries=[
                        Query(
                            expression=f"count by (signal) ({_chosen('bedplate:workspace_signal')})",
                            legend="{{signal}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
DASHBOARDS = (IDLE_SAVINGS,)
