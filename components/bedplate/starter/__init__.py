"""The project that `bedplate init` writes."""

from pathlib import Path

FILES = Path(__file__).parent / "files"
PROGRAM = FILES / "platform"
"""Folder of the program that every new project begins with."""
CLOUDS = tuple(sorted(file.stem for file in (FILES / "stacks").iterdir()))
"""Values of `provider` for which there is a first stack file."""
