"""How a command ends that does not end by itself: interrupted, refused by the system, or with nobody who reads it."""

import io
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO

from bedplate.cli.asking import FELL_SHORT
from bedplate.errors import MissingExtraError, RehearsalError

INTERRUPTED, READER_GONE, TERMINATED = 130, 141, 143
"""READER_GONE: nobody reads the output any more (`| head`); as shells have these codes of other programs."""


@contextmanager
def ending() -> Generator[None]:
    """Makes exceptions of interruptions, so that everything is cleaned up, and of exceptions what people read."""
    signal.signal(signal.SIGTERM, _terminated)
    # Shells start background jobs with interrupts ignored; a cluster must not outlive the wish to stop it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _make_streams_usable()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (RehearsalError, MissingExtraError) as error:
        _say(str(error))
        sys.exit(FELL_SHORT)
    except BrokenPipeError:
        reader_gone()
    except OSError as error:
        _to_nowhere(sys.stdout)
        place = "the output" if error.filename is None else f"'{error.filename}'"
        said = f"{place} cannot be read or written: {error.strerror or error}"
        _say(str(RehearsalError(said, "make room there, or name another place")))
        sys.exit(FELL_SHORT)
    except KeyboardInterrupt:
        _say("interrupted; everything that was started is gone")
        sys.exit(INTERRUPTED)


def reader_gone() -> NoReturn:
    """Ends the command without a word: nobody would read it."""
    _to_nowhere(sys.stdout)
    sys.exit(READER_GONE)


def _to_nowhere(stream: TextIO) -> None:
    """What stands in its buffer, and what follows, is dropped: Python would fail once more at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _make_streams_usable() -> None:
    """Python has no stream where one is closed (`>&-`), and fails where it cannot write a character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _say(error: str) -> None:
    from bedplate.cli.consoles import print_error

    print_error(error)


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)
