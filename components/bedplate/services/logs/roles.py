"""Who may do what in the store: one list of roles, and how Elasticsearch and OpenSearch are each told of it.

Owns roles and nobody who has them. The words of both stores differ, the rights do not: a role may write lines, keep
streams in order, or read, in streams that it names. Elasticsearch:
https://www.elastic.co/docs/reference/elasticsearch/security-privileges; OpenSearch:
https://docs.opensearch.org/latest/security/access-control/permissions/.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bedplate.services.logs.streams import PATTERNS, stream_of

COLLECTOR, KEEPER, TEAM = "log-collector", "log-keeper", "team"
"""Who writes, who keeps the streams in order, and the platform's team."""
_KIBANA = "kibana-.kibana"
_BACKING = tuple(f".ds-{pattern}-*" for pattern in PATTERNS)
"""The indices of streams, which are rolled and removed by their own names."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """right: `write` adds lines and neither reads nor changes any; `keep` makes and removes streams; `read` reads.
    streams: by name, or by patterns for the platform's own. space: of Kibana, which may be looked at, if any."""

    right: Literal["write", "keep", "read"]
    streams: Sequence[str] = PATTERNS
    space: str = ""


def reader_of(tenant: str) -> str:
    """The user and the role of a tenant's people."""
    return f"reader-{tenant}"


def space_of(tenant: str) -> str:
    """A tenant's space in Kibana; no tenant's is the one that comes with it, `default`."""
    return f"tenant-{tenant}"


PLATFORM_ROLES: Mapping[str, Role] = {
    COLLECTOR: Role(right="write"),
    KEEPER: Role(right="keep"),
    TEAM: Role(right="read"),
}


def tenant_roles(namespaces: Mapping[str, str]) -> Mapping[str, Role]:
    """namespaces: of tenants, by tenant. Each may read the one stream, by its exact name."""
    return {
        reader_of(tenant): Role(right="read", streams=[stream_of(namespace)], space=space_of(tenant))
        for tenant, namespace in sorted(namespaces.items())
    }


def for_elasticsearch(roles: Mapping[str, Role]) -> dict[str, Any]:
    """roles.yml."""
    return {name: dict(_elasticsearch(role)) for name, role in roles.items()}


def _elasticsearch(role: Role) -> Iterator[tuple[str, Any]]:
    cluster = {"write": ["monitor"], "keep": ["monitor", "manage_index_templates"], "read": []}[role.right]
    indices = {"write": ["create_doc"], "keep": ["manage"], "read": ["read", "view_index_metadata"]}[role.right]
    if cluster:
        yield "cluster", cluster
    yield "indices", [{"names": _names(role), "privileges": indices}]
    if role.space:
        looks = {"application": _KIBANA, "privileges": ["space_read"], "resources": [f"space:{role.space}"]}
        yield "applications", [looks]


_OF_THE_CLUSTER = {
    "write": ["indices:data/write/bulk"],
    "keep": ["cluster:monitor/*", "indices:admin/index_template/*"],
    # Each asks anew for every index that it reads.
    "read": ["indices:data/read/msearch", "indices:data/read/mget", "indices:data/read/scroll*"],
}
_OF_STREAMS = {
    "write": ["indices:data/write/bulk*", "indices:data/write/index"],
    "keep": ["indices:monitor/*", "indices:admin/*"],
    "read": ["read", "indices:admin/mappings/get", "indices:admin/data_stream/get"],
}


def for_opensearch(roles: Mapping[str, Role]) -> dict[str, Any]:
    """roles.yml of its security plugin, which knows no spaces."""
    return {
        "_meta": {"type": "roles", "config_version": 2},
        **{
            name: {
                "cluster_permissions": _OF_THE_CLUSTER[role.right],
                "index_permissions": [{"index_patterns": _names(role), "allowed_actions": _OF_STREAMS[role.right]}],
            }
            for name, role in roles.items()
        },
    }


def _names(role: Role) -> list[str]:
    return [*role.streams, *(_BACKING if role.right == "keep" else ())]
