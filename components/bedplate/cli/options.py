"""Options that several commands have."""

from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """Form of the result on standard output."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="Form of the result on standard output.")]
