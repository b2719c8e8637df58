"""The `bedplate` command."""

import gc
from collections.abc import Sequence

__all__ = ["main"]
_COLLECT_SELDOM = (100_000, 50, 1_000)
"""Thresholds of the garbage collector's generations; Python's own begin at 700 objects
(https://docs.python.org/3/library/gc.html#gc.set_threshold)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command's entry point; ends with SystemExit. arguments: those of the process if absent."""
    # What a command imports is there to its end; looking through it for garbage took a quarter of a preview, and a
    # tenth of a deploy.
    gc.set_threshold(*_COLLECT_SELDOM)
    try:
        from bedplate.cli.app import run

        run(arguments)
    finally:
        # Python looks through all of it once more when it ends.
        gc.freeze()
