"""KEDA decides by what Prometheus records, which a rehearsal does not run."""

from collections.abc import Mapping, Sequence

from bedplate.labels import KEDA
from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {KEDA: "it decides by what Prometheus records, and no Prometheus runs in a rehearsal"}
OPERATORS: Sequence[OperatorProgram] = ()
