"""Ways in to what members of a tenant deploy themselves: what the platform has ready, and the route that asks for it.

Owns the middlewares that such routes must use, which stand in the front door's namespace where no member changes them,
and the form of the route and of its keys, which stand in the tenant's. The policy of deployments holds members to this
form (`guardrails.routes`); here it is written once. Routes of the stack come first, whatever a member writes: a route
of this form has the lowest priority that there is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import (
    ANSWER_HEADERS,
    CLIENT_HEADERS,
    CREDENTIALS,
    DEPLOYED_AFTER,
    DEPLOYED_BEFORE,
    DEPLOYED_PUBLIC,
    DEPLOYED_ROUTES,
    FRONT_DOOR_NAMESPACE,
    KEYS_SUFFIX,
    OWN_PAGES,
    PROVIDER_TOKENS,
    RESERVED_COOKIES,
    Identity,
    host_label,
)
from bedplate.services.front_door.callers import API_KEY
from bedplate.services.front_door.headers import NOT_ANSWERED
from bedplate.services.front_door.middlewares import login, middleware
from bedplate.services.front_door.traefik import API_VERSION, ENTRY_POINT, IDENTITY, USER_HEADER
from bedplate.services.front_door.traefik_plugins import admitting_keys, filtering
from bedplate.services.login.authentication import AuthenticationEndpoints

_LARGEST_BODY_BYTES, _MOST_AT_ONCE = 100 * 2**20, 500
_FILTER, _CONCURRENCY = "deployed-filter", "deployed-concurrency"


def chains() -> list[Manifest]:
    """What routes of members share: before whoever comes is asked, after it, and both where nobody is asked."""
    before, after = [CLIENT_HEADERS, ANSWER_HEADERS], [_FILTER, _CONCURRENCY, CREDENTIALS]
    return [
        middleware(_FILTER, IDENTITY, filtering(RESERVED_COOKIES, list(NOT_ANSWERED), _LARGEST_BODY_BYTES)),
        middleware(_CONCURRENCY, IDENTITY, {"inFlightReq": {"amount": _MOST_AT_ONCE}}),
        middleware(DEPLOYED_BEFORE, IDENTITY, _chain(before)),
        middleware(DEPLOYED_AFTER, IDENTITY, _chain(after)),
        middleware(DEPLOYED_PUBLIC, IDENTITY, _chain([*before, *after[:-1]])),
    ]


def members(tenant: str, groups: Sequence[str], identity: Identity, asked: AuthenticationEndpoints) -> list[Manifest]:
    """Of one tenant: its groups alone come in, in the ways that a route can ask for."""
    addresses = {"api": asked.api_address(groups), "browser": asked.browser_address(groups)}
    made: list[Manifest] = []
    for access, address in addresses.items():
        name = chain_name(tenant, access)
        made.append(middleware(f"{name}.login", identity, login(address)))
        whole = [CLIENT_HEADERS, ANSWER_HEADERS, OWN_PAGES, PROVIDER_TOKENS, f"{name}.login"]
        made.append(middleware(name, identity, _chain([*whole, _FILTER, _CONCURRENCY, CREDENTIALS])))
    return made


def chain_name(tenant: str, access: str) -> str:
    """Of a tenant's chain for routes with this access."""
    return f"{tenant}.{DEPLOYED_ROUTES[access]}"


def _chain(names: Sequence[str]) -> dict[str, Any]:
    """https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/chain/"""
    return {"chain": {"middlewares": [{"name": name} for name in names]}}


def deployed_route(
    identity: Identity, namespace: str, host: str, access: str, sha256_by_name: Mapping[str, str], *, has_login: bool
) -> list[tuple[str, Manifest]]:
    """The objects of a member's route, each with the suffix of its resource name. Raises ValueError where nobody could
    say who comes."""
    name, match = identity.workload, f"Host(`{host}`)"
    keyed = [_shared(DEPLOYED_BEFORE), {"name": f"{name}{KEYS_SUFFIX}"}, _shared(DEPLOYED_AFTER)]
    if access == "public":
        rules = [_rule(match, 1, [_shared(DEPLOYED_PUBLIC)], name)]
    elif has_login:
        rules = [_rule(match, 1, [_shared(chain_name(identity.tenant, access))], name)]
        if sha256_by_name:
            rules.append(_rule(f"{match} && HeaderRegexp(`Authorization`, `^{API_KEY}`)", 2, keyed, name))
    elif sha256_by_name:
        rules = [_rule(match, 1, keyed, name)]
    else:
        raise ValueError(f"a route with access {access} needs a login or apiKeys, and this platform has no login")
    spec: Manifest = {"entryPoints": [ENTRY_POINT], "routes": rules, "tls": {}}
    route = manifest(API_VERSION, "IngressRoute", name, identity, namespace=namespace, spec=spec)
    if not sha256_by_name:
        return [("route", route)]
    admitted = admitting_keys(sha256_by_name, USER_HEADER)
    keys = manifest(API_VERSION, "Middleware", f"{name}{KEYS_SUFFIX}", identity, namespace=namespace, spec=admitted)
    return [("api-keys", keys), ("route", route)]


def deployed_host(tenant: str, workload: str, domain: str) -> str:
    """Where a member's app answers."""
    return f"{host_label(tenant, workload)}.{domain}"


def _shared(name: str) -> Manifest:
    return {"name": name, "namespace": FRONT_DOOR_NAMESPACE}


def _rule(match: str, priority: int, middlewares: Sequence[Manifest], service: str) -> Manifest:
    return {
        "kind": "Rule",
        "match": match,
        "priority": priority,
        "middlewares": list(middlewares),
        "services": [{"name": service, "port": 80}],
    }
