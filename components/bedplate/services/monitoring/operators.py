"""Nothing of monitoring runs beside an API server: its alerts are a ConfigMap that any Prometheus may mount."""

from collections.abc import Mapping, Sequence

from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {}
OPERATORS: Sequence[OperatorProgram] = ()
