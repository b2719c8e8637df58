"""Why nothing of it runs in a rehearsal."""

from collections.abc import Mapping, Sequence

from bedplate.labels import LOGS_NAMESPACE
from bedplate.services.logs.store import OPERATOR
from bedplate.services.logs.users import COLLECTOR
from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {
    OPERATOR: "its store does not start: Elasticsearch with its licensed parts is in no registry of programs",
    f"{LOGS_NAMESPACE}/{COLLECTOR}": "no program: Fluent Bit is in no registry, and simulated machines print nothing",
}
OPERATORS: Sequence[OperatorProgram] = ()
