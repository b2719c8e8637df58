"""Where commands print for people: results on standard output, everything else on standard error."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

from rich.console import Console
from rich.text import Text

from bedplate.cli.endings import reader_gone
from bedplate.wording import escaped

_PIPE_WIDTH = 200
"""Columns where there is no terminal: wide enough that nothing is cut."""


class _Console(Console):
    """One that ends the command where nobody reads any more."""

    def on_broken_pipe(self) -> NoReturn:
        reader_gone()


OUT = _Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
ERR = _Console(highlight=False, stderr=True, soft_wrap=True)


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


def print_error(text: str) -> None:
    """A failure on standard error, without what a terminal would act upon; the exit code stands where that is full."""
    with suppress(OSError):
        ERR.print(Text("\n".join(map(escaped, text.split("\n"))), style="red"))
