"""What of monitoring runs beside an API server in a rehearsal."""

from collections.abc import Mapping, Sequence

from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {
    "kube-prometheus-stack": "its operator starts Prometheus in pods, and simulated pods run nothing",
    "grafana": "it shows what Prometheus has read, and there is none",
}
OPERATORS: Sequence[OperatorProgram] = ()
