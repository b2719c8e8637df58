"""The platform's own parts of Traefik: what a request must show or lose, and Traefik cannot say.

Owns their sources, one folder each, which Traefik interprets (https://doc.traefik.io/traefik/extend/extend-traefik/),
their place in the chart's values, and their settings in a route. It deliberately decides neither which of them a route
has nor in which order.
"""

import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from bedplate.spec import API_KEY_PREFIX

_API_KEYS, _IDENTITY_HEADERS, _OWN_PAGES, _REQUEST_FILTER = "apikeys", "identityheaders", "ownpages", "requestfilter"
_STARTING, _TOKEN_ISSUERS = "starting", "tokenissuers"
_FOLDERS = {
    _API_KEYS: "api_keys",
    _IDENTITY_HEADERS: "identity_headers",
    _OWN_PAGES: "own_pages",
    _REQUEST_FILTER: "request_filter",
    _STARTING: "starting",
    _TOKEN_ISSUERS: "token_issuers",
}
_SUFFIXES = (".go", ".mod", ".yml")


@cache
def sources() -> Mapping[str, Mapping[str, str]]:
    """The files of each plugin, by its module and their names."""
    here = importlib.resources.files(__name__)
    return {
        _module(name): {
            file.name: file.read_text(encoding="utf-8")
            for file in sorted((here / folder).iterdir(), key=lambda found: found.name)
            if file.name.endswith(_SUFFIXES)
        }
        for name, folder in _FOLDERS.items()
    }


def sources_hash() -> str:
    """Changes with the sources."""
    texts = [text for files in sources().values() for text in files.values()]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def plugins() -> dict[str, Any]:
    """The plugins in the chart's values: a ConfigMap each, mounted where Traefik looks for it."""
    return {
        name: {
            "moduleName": _module(name),
            "mountPath": f"/plugins-local/src/{_module(name)}",
            "type": "inlinePlugin",
            "source": dict(sources()[_module(name)]),
        }
        for name in _FOLDERS
    }


def without_identity(families: Sequence[str], names: Sequence[str], kept: Sequence[str]) -> dict[str, Any]:
    """Removes headers of these names, and of these families but for those that are kept, as the `spec` of a
    Middleware."""
    settings = {"families": list(families), "names": list(names), "kept": list(kept)}
    return {"plugin": {_IDENTITY_HEADERS: settings}}


def of_own_pages(cookies: Sequence[str]) -> dict[str, Any]:
    """Refuses what other hosts' pages do with one of these cookies, as the `spec` of a Middleware. `*`: or without."""
    return {"plugin": {_OWN_PAGES: {"cookies": list(cookies)}}}


def with_tokens_of(issuer: str) -> dict[str, Any]:
    """Has tokens of this issuer count and no others, as the `spec` of a Middleware."""
    return {"plugin": {_TOKEN_ISSUERS: {"subjects": {issuer: []}}}}


def naming(subjects: Mapping[str, Sequence[str]], known: Sequence[str]) -> dict[str, Any]:
    """Refuses whoever shows no token of these subjects of these issuers, as the `spec` of a Middleware. `*`: whichever
    issuer is not known."""
    named = {issuer: list(names) for issuer, names in subjects.items()}
    return {"plugin": {_TOKEN_ISSUERS: {"subjects": named, "known": list(known), "refuses": True}}}


def filtering(cookie_prefixes: Sequence[str], answer_headers: Sequence[str], max_body_bytes: int) -> dict[str, Any]:
    """Keeps these cookies from a workload and these headers from its visitors, and refuses larger bodies, as the
    `spec` of a Middleware."""
    settings = {
        "cookiePrefixes": list(cookie_prefixes),
        "answerHeaders": list(answer_headers),
        "maxBodyBytes": max_body_bytes,
    }
    return {"plugin": {_REQUEST_FILTER: settings}}


def admitting_keys(sha256_by_name: Mapping[str, str], user_header: str) -> dict[str, Any]:
    """Lets in who shows one of the keys, and says in the header which one, as the `spec` of a Middleware."""
    settings = {"prefix": API_KEY_PREFIX, "userHeader": user_header, "sha256": dict(sha256_by_name)}
    return {"plugin": {_API_KEYS: settings}}


def starting(retry_seconds: int, waker: str = "") -> dict[str, Any]:
    """Answers where a workload has no pod, with a page or with 503 and Retry-After, as the `spec` of a Middleware.
    waker: who is told of it; nobody is if empty."""
    return {"plugin": {_STARTING: {"retrySeconds": retry_seconds, **({"waker": waker} if waker else {})}}}


def _module(name: str) -> str:
    return f"bedplate.dev/{name}"
