"""Where commands print for programs. Nothing is imported for it that only people look at."""

import json
import sys

from bedplate.cli.endings import reader_gone


def print_json(value: object) -> None:
    """The value on standard output, and nothing else there."""
    try:
        sys.stdout.write(json.dumps(value, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        reader_gone()
