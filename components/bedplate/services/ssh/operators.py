"""Why nothing of it runs in a rehearsal: tests run the real program, which comes with the distribution."""

from bedplate.labels import SSH_GATE, SSH_NAMESPACE
from bedplate.services.operator import OperatorProgram

OPERATORS: tuple[OperatorProgram, ...] = ()
NOT_RUN = {f"{SSH_NAMESPACE}/{SSH_GATE}": "no program: OpenSSH is no Go module; tests run the distribution's sshd"}
