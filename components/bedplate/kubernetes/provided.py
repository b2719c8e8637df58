"""An operator that somebody else runs in the cluster, and the platform only uses.

Owns nothing: it says which custom kinds are there, of which chart, and where the operator runs. The version is that of
the chart as the platform knows it; whoever runs the operator keeps it compatible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from bedplate.kubernetes.charts import Chart, CustomKind


@dataclass(frozen=True, kw_only=True)
class ProvidedOperatorArgs:
    """namespace: where the operator keeps what belongs to the whole cluster."""

    chart: Chart
    namespace: str


class ProvidedOperator(pulumi.ComponentResource):
    """An operator of somebody else's; objects of its kinds need nothing of ours before them."""

    chart: Chart
    """What it would be installed from."""
    kinds: Sequence[CustomKind]
    """The custom kinds that it brings, known at once."""
    custom_kinds: pulumi.Output[Sequence[Mapping[str, Any]]]
    """The custom kinds that are there: group, versions (newest first), kind, plural, scope."""
    provided: pulumi.Output[Mapping[str, str]]
    """What a rehearsal stands in for: name, chart and version of the operator, and its namespace."""

    def __init__(self, name: str, args: ProvidedOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:ProvidedOperator", name, {}, opts)
        self.chart, self.kinds = args.chart, args.chart.kinds
        self.custom_kinds = pulumi.Output.from_input([kind.shown() for kind in args.chart.kinds])
        self.provided = pulumi.Output.from_input(
            {
                "name": args.chart.name,
                "chart": args.chart.name,
                "version": args.chart.version,
                "namespace": args.namespace,
            }
        )
        self.register_outputs({"custom_kinds": self.custom_kinds, "provided": self.provided})

    def bringing(self, kind: CustomKind) -> pulumi.Resource:
        """What an object of the kind comes after: it needs nothing of ours, whatever it is."""
        del kind
        return self
