"""The platform's own part of Traefik: it keeps the session's cookie and oversized bodies from workloads.

Owns the filter's source beside this file, which Traefik interprets
(https://doc.traefik.io/traefik/extend/extend-traefik/), and its place in the chart's values and in a route. It
deliberately decides nothing about who may come in: that is done before it.
"""

import hashlib
import importlib.resources
from collections.abc import Sequence
from functools import cache
from typing import Any

_NAME = "requestfilter"
_MODULE = f"bedplate.dev/{_NAME}"
_FILES = (".traefik.yml", "go.mod", "main.go")


@cache
def source() -> dict[str, str]:
    """The filter's files by name."""
    folder = importlib.resources.files(__name__)
    return {name: (folder / name).read_text(encoding="utf-8") for name in _FILES}


def source_hash() -> str:
    """Changes with the source."""
    return hashlib.sha256("\0".join(source().values()).encode()).hexdigest()[:16]


def plugin() -> dict[str, Any]:
    """The filter in the chart's values: a ConfigMap, mounted where Traefik looks for it."""
    return {
        _NAME: {
            "moduleName": _MODULE,
            "mountPath": f"/plugins-local/src/{_MODULE}",
            "type": "inlinePlugin",
            "source": source(),
        }
    }


def filtering(cookie_prefixes: Sequence[str], max_body_bytes: int) -> dict[str, Any]:
    """The filter as the `spec` of a Middleware."""
    return {"plugin": {_NAME: {"cookiePrefixes": list(cookie_prefixes), "maxBodyBytes": max_body_bytes}}}
