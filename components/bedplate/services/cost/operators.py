"""Of costs, OpenCost alone runs all the time, and it does not in a rehearsal."""

from collections.abc import Mapping, Sequence

from bedplate.services.cost.open_cost import CHART
from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {
    CHART.name: "it reads prices of a cloud's API and usage of a Prometheus, and a rehearsal has neither",
}
OPERATORS: Sequence[OperatorProgram] = ()
