"""The one form that a member's route may have, as CEL: its own host, its own Service, and the platform's own checks.

Owns no object and no policy: `deployments` asks it. What a route is made of is `services.front_door.deployed`'s; a test
holds the two together.
"""

from bedplate.labels import (
    CLOSED_ENDINGS,
    DEPLOYED_AFTER,
    DEPLOYED_BEFORE,
    DEPLOYED_PUBLIC,
    DEPLOYED_ROUTES,
    FRONT_DOOR_NAMESPACE,
    KEYS_SUFFIX,
    TENANT,
)
from bedplate.spec import API_KEY_PREFIX

_NAME, _SPEC = "object.metadata.name", "dyn(object).spec"
_TENANT = f"namespaceObject.metadata.labels['{TENANT}']"
_KEY = f"(?i:bearer) {API_KEY_PREFIX}"
_USER_HEADER = "X-Auth-Request-User"


def _shared(name: str) -> str:
    return f"{{'name': {name}, 'namespace': '{FRONT_DOOR_NAMESPACE}'}}"


def route_shape(domain: str, *, public: bool) -> str:
    """CEL: whether an IngressRoute is of the form. public: whether it may be open to everybody."""
    host = f"'Host(`' + {_NAME} + '-' + {_TENANT} + '.{domain}`)'"
    keyed = f"{host} + ' && HeaderRegexp(`Authorization`, `^{_KEY}`)'"
    before, after = _shared(f"'{DEPLOYED_BEFORE}'"), _shared(f"'{DEPLOYED_AFTER}'")
    chains = [f"[{_shared(f'''{_TENANT} + '.{suffix}' ''')}]" for suffix in DEPLOYED_ROUTES.values()]
    chains.append(f"[{before}, {{'name': {_NAME} + '{KEYS_SUFFIX}'}}, {after}]")
    if public:
        chains.append(f"[{_shared(f'''{DEPLOYED_PUBLIC!r}''')}]")
    rule = " && ".join(
        (
            "r.all(k, k in ['kind', 'match', 'priority', 'middlewares', 'services']) && r.kind == 'Rule'",
            f"((r.match == {host} && r.priority == 1) || (r.match == {keyed} && r.priority == 2))",
            f"({' || '.join(f'r.middlewares == {chain}' for chain in chains)})",
            f"r.services == [{{'name': dyn({_NAME}), 'port': dyn(80)}}]",
        )
    )
    closed = f"namespaceObject.metadata.?annotations[?'{CLOSED_ENDINGS}'].orValue('').split(',')"
    return " && ".join(
        (
            f"{_SPEC}.all(k, k in ['entryPoints', 'routes', 'tls']) && {_SPEC}.entryPoints == ['websecure']",
            f"size({_SPEC}.tls) == 0 && size({_SPEC}.routes) >= 1 && size({_SPEC}.routes) <= 2",
            f"{closed}.all(e, e == '' || !{_NAME}.endsWith(e))",
            f"{_SPEC}.routes.all(r, {rule})",
        )
    )


def keys_shape() -> str:
    """CEL: whether a Middleware admits callers by their keys, and does nothing else."""
    plugin = f"{_SPEC}.plugin"
    keys = f"{plugin}.apikeys"
    return " && ".join(
        (
            f"{_NAME}.endsWith('{KEYS_SUFFIX}') && {_SPEC}.all(k, k == 'plugin') && {plugin}.all(k, k == 'apikeys')",
            f"{keys}.all(k, k in ['prefix', 'userHeader', 'sha256']) && {keys}.prefix == '{API_KEY_PREFIX}'",
            f"{keys}.userHeader == '{_USER_HEADER}'",
            f"{keys}.sha256.all(k, {keys}.sha256[k].matches('^[0-9a-f]{{64}}$'))",
        )
    )
