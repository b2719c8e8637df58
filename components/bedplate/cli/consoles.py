"""Where commands print: results on standard output, everything else on standard error."""

import json
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

_PIPE_WIDTH = 200
"""Columns where there is no terminal: wide enough that nothing is cut."""
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
ERR = Console(highlight=False, stderr=True, soft_wrap=True)


class Progress:
    """Lines on standard error that say what is going on, with the seconds since the start."""

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def step(self, text: str) -> None:
        """One line."""
        seconds = time.monotonic() - self._started
        ERR.print(Text(f"{seconds:6.1f} s  ", style="dim") + Text(text))


def print_json(value: object) -> None:
    """The value on standard output, and nothing else there."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_error(text: str) -> None:
    """A failure on standard error."""
    ERR.print(Text(text, style="red"))
