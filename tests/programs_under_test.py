"""Programs of the table for tests: only those that somebody built, for a build takes minutes."""

import os
from pathlib import Path

import pytest

from bedplate.programs import found, program


def program_under_test(name: str) -> Path:
    """The built program, or what a variable such as OAUTH2_PROXY names; without either the test is skipped."""
    variable = name.upper().replace("-", "_")
    there = os.environ.get(variable) or found(name)
    if there is None:
        way = f"bedplate programs build {name}, or name another by {variable}"
        pytest.skip(f"{program(name).title} {program(name).version} is not built: {way}")
    return Path(there)
