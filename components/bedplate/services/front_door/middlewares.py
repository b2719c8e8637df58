"""Middlewares of Traefik, as data: what a request goes through before it reaches a workload.

Owns their settings. It deliberately decides neither which of them a route has nor who may come in (see `routes`).
"""

from collections.abc import Sequence
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import (
    ANSWER_HEADERS,
    ASLEEP,
    CLIENT_HEADERS,
    CREDENTIALS,
    FRONT_DOOR_NAMESPACE,
    OWN_PAGES,
    SESSION_COOKIE,
    SIGN_IN_PAGES,
    STARTING,
    WAKER_URL,
    Identity,
)
from bedplate.services.front_door.headers import FAMILIES, KEPT, WHOLE
from bedplate.services.front_door.traefik import API_VERSION, IDENTITY
from bedplate.services.front_door.traefik_plugins import of_own_pages, starting, without_identity
from bedplate.services.login.authentication import IDENTITY_HEADERS

_LOGIN_ANSWER_BYTES = 65536
_DAYS_365 = 31_536_000
_RETRY_SECONDS = 2


def shared_middlewares() -> list[Manifest]:
    """Middlewares that every route uses, every route with a login, or every route to what sleeps."""
    answers = {"headers": {"stsSeconds": _DAYS_365, "contentTypeNosniff": True}}
    # A token that was good for the front door is good for other tenants' workloads too.
    credentials = {"headers": {"customRequestHeaders": {"Authorization": ""}}}
    return [
        middleware(CLIENT_HEADERS, IDENTITY, without_identity(list(FAMILIES), list(WHOLE), KEPT)),
        middleware(ANSWER_HEADERS, IDENTITY, answers),
        middleware(OWN_PAGES, IDENTITY, of_own_pages([SESSION_COOKIE])),
        middleware(SIGN_IN_PAGES, IDENTITY, of_own_pages(["*"])),
        middleware(CREDENTIALS, IDENTITY, credentials),
        middleware(STARTING, IDENTITY, starting(_RETRY_SECONDS, WAKER_URL)),
        # Of what pages ask by themselves, which starts nothing.
        middleware(ASLEEP, IDENTITY, starting(_RETRY_SECONDS)),
    ]


def middleware(name: str, identity: Identity, spec: Manifest) -> Manifest:
    """A Middleware in the front door's namespace."""
    return manifest(API_VERSION, "Middleware", name, identity, namespace=FRONT_DOOR_NAMESPACE, spec=spec)


def login(address: str, shown: Sequence[str] = ()) -> dict[str, Any]:
    """Asks the login at this address; https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/forwardauth/.

    shown: headers of the request that the login sees, all where there are none.
    """
    return {
        "forwardAuth": {
            "address": address,
            **({"authRequestHeaders": list(shown)} if shown else {}),
            # Traefik is the edge: it writes these headers itself.
            "trustForwardHeader": False,
            "authResponseHeaders": list(IDENTITY_HEADERS),
            # A session that was refreshed on the way gets its new cookie.
            "addAuthCookiesToResponse": [SESSION_COOKIE],
            "maxResponseBodySize": _LOGIN_ANSWER_BYTES,
        }
    }
