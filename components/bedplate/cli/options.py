"""Options that several commands have."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """Form of the result on standard output."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="Form of the result on standard output.")]


def ordered(arguments: Sequence[str] | None) -> list[str]:
    """The arguments with the form of output behind the command, where it may stand before it: `bedplate -o json …`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    taken: list[str] = []
    while given:
        if given[0] in ("-o", "--output") and len(given) > 1:
            taken += given[:2]
            del given[:2]
        elif given[0].startswith(("--output=", "-o=")) or (given[0].startswith("-o") and given[0] != "-o"):
            taken.append(given.pop(0))
        else:
            break
    is_for_a_command = bool(given) and not given[0].startswith("-")
    return [*given, *taken] if is_for_a_command else given
