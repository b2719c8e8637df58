"""Traefik's own definitions of its custom kinds, as the release of it publishes them that the platform runs.

Owns a copy of them, which `make definitions` makes of Traefik's Go module, with its licence beside it. Descriptions are
left out: they are three quarters of the text, which Pulumi would keep three times in its state, and admit nothing and
refuse nothing.
"""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

FILE = "definitions.json"
LICENSE = "LICENSE.md"


@cache
def published() -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The version of Traefik that they are of, and the definitions."""
    text = (importlib.resources.files(__name__) / FILE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content["version"], content["definitions"]
