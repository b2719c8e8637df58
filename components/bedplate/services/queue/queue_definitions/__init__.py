"""Definitions of Kueue's and JobSet's custom kinds, of the releases that the platform runs.

Owns a copy of them, which `make definitions` makes of the two Go modules, with their licence beside it, without
descriptions. Kinds that nobody here makes an object of are there as well: Kueue looks for each of them.
"""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

FILE = "definitions.json"
LICENSE = "LICENSE"


@dataclass(frozen=True, kw_only=True)
class Published:
    """versions: by program, `kueue` and `jobset`. definitions: of both."""

    versions: Mapping[str, str]
    definitions: Sequence[Mapping[str, Any]]


@cache
def published() -> Published:
    """The copy."""
    text = (importlib.resources.files(__name__) / FILE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return Published(versions=content["versions"], definitions=content["definitions"])
