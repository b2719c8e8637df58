"""Data streams: their names, whose they are, and how lines lie in them.

Owns the names and the index templates, as data for Elasticsearch and OpenSearch alike. Each namespace has the stream
`NAMESPACE.pods`, and the audit log is `kubernetes.audit`. No namespace has a dot, so a name says exactly one stream,
and what ends on one family's name is never another's.

Nothing that a container prints names a field: a line is text in `log`, beside fields of the collector's own. So no line
can be refused for its fields, and none makes the mapping grow
(https://www.elastic.co/docs/troubleshoot/elasticsearch/mapping-explosion).
"""

from collections.abc import Mapping
from typing import Any

PODS, AUDIT = "pods", "audit"
"""Families, by which a stream's name ends; each has a retention of its own."""
PATTERNS = (f"*.{PODS}", f"*.{AUDIT}")
AUDIT_LOG = f"kubernetes.{AUDIT}"
_PRIORITY = 500
"""Above what stores bring themselves."""
_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_NAMES = ("stream", "pod", "namespace", "container", "container_id")
_EVENT = ("verb", "auditID", "stage", "requestURI", "stageTimestamp")
"""Of an audit event (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Event)."""


def stream_of(namespace: str) -> str:
    """Of what the pods of a namespace print."""
    return f"{namespace}.{PODS}"


def templates(copies: int) -> Mapping[str, Mapping[str, Any]]:
    """Index templates by name. copies: of each line, on as many nodes."""
    return {
        f"bedplate-{PODS}": _template(PODS, copies, dict.fromkeys(_NAMES, _KEYWORD)),
        f"bedplate-{AUDIT}": _template(AUDIT, copies, _audit_fields()),
    }


def _template(family: str, copies: int, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "index_patterns": [f"*.{family}"],
        "data_stream": {},
        "priority": _PRIORITY,
        "template": {
            "settings": {
                "index.number_of_shards": 1,
                "index.number_of_replicas": copies - 1,
                "index.codec": "best_compression",
                # Lines are read seconds after they were printed, not at once, and each refresh costs.
                "index.refresh_interval": "15s",
                "index.translog.durability": "async",
                "index.translog.sync_interval": "5s",
                "index.mapping.total_fields.limit": 100,
            },
            "mappings": {
                "dynamic": False,
                "properties": {
                    # Two lines of one millisecond keep their order.
                    "@timestamp": {"type": "date_nanos"},
                    # Found by its words; no score and no positions, which are most of an index of text.
                    "log": {"type": "match_only_text"},
                    "offset": {"type": "long", "index": False, "doc_values": False},
                    **fields,
                },
            },
        },
    }


def _audit_fields() -> Mapping[str, Any]:
    return {
        **dict.fromkeys(_EVENT, _KEYWORD),
        "user": {"dynamic": False, "properties": {"username": _KEYWORD}},
        "objectRef": {
            "dynamic": False,
            "properties": dict.fromkeys(("apiGroup", "resource", "subresource", "namespace", "name"), _KEYWORD),
        },
        "responseStatus": {"dynamic": False, "properties": {"code": {"type": "short"}}},
    }
