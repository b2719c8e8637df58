"""The Prometheus operator's definitions of its custom kinds, of the release that the platform runs.

Owns a copy of them, which `make definitions` makes of the operator's Go module, with its licence beside it, without
descriptions. The two kinds that nobody here makes an object of are left out.
"""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

FILE = "definitions.json"
LICENSE = "LICENSE"


@cache
def published() -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The version of the operator that they are of, and the definitions."""
    text = (importlib.resources.files(__name__) / FILE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content["version"], content["definitions"]
