"""The `bedplate` command."""

from bedplate.cli.app import main

__all__ = ["main"]
