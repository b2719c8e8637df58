"""What operators are made of: their programs, built or found, and upstream's definitions of their kinds.

Owns the question which of a stack's operators can run on this machine; one that cannot is named with the reason, and
its stand-in stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bedplate.errors import RehearsalError
from bedplate.programs import built, program
from bedplate.programs.definitions import definitions
from bedplate.services.operator import OperatorProgram


@dataclass(frozen=True, kw_only=True)
class Programs:
    """paths: by the operator's name. reasons: why there is none, the same way. definitions: the folder with those of
    its kinds, where it has any."""

    paths: Mapping[str, Path] = field(default_factory=dict[str, Path])
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    definitions: Mapping[str, Path] = field(default_factory=dict[str, Path])


def programs_of(operators: Sequence[OperatorProgram], progress: Callable[[str], None]) -> Programs:
    """The programs of these operators; those that are not there are built, which takes minutes, once."""
    paths, reasons, folders = dict[str, Path](), dict[str, str](), dict[str, Path]()
    for operator in operators:
        try:
            path = built(operator.program, progress)
            if program(operator.program).definitions:
                folders[operator.name] = definitions(operator.program, progress)
        except RehearsalError as error:
            reasons[operator.name] = f"{error.message.splitlines()[0].rstrip(':')}; {error.fix}"
        else:
            paths[operator.name] = path
    return Programs(paths=paths, reasons=reasons, definitions=folders)
