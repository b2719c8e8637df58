"""What Fluent Bit is told, as data: what it reads, what it makes of a line, and where each line goes.

Owns the configuration, and starts nothing. It names no tenant: the stream of a line is its namespace's, which the
kubelet wrote into the name of the line's file, and nothing that a container prints decides it. So a tenant more changes
nothing here.

A record's id is made of all of its fields, of which the file's offset is one, and the store takes an id once: a request
that is sent again doubles nothing. Keys: https://docs.fluentbit.io/manual/pipeline/inputs/tail,
https://docs.fluentbit.io/manual/pipeline/outputs/elasticsearch, https://docs.fluentbit.io/manual/pipeline/buffering,
https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/yaml/service-section; a test holds to them.
"""

import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bedplate.kubernetes.plain_yaml import yaml_text
from bedplate.services.logs.streams import AUDIT, AUDIT_LOG, PODS

METRICS_PORT = 2020
CONTAINERS = "/var/log/containers"
FILE_NAME = (
    r"^/var/log/containers/(?<pod>[^_]+)_(?<namespace>[^_]+)_(?<container>.+)-(?<container_id>[a-z0-9]{64})\.log$"
)
"""The kubelet's own: no name of a pod, a namespace or a container has an underscore
(https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/legacy.go)."""
PASSWORD_VARIABLE = "STORE_PASSWORD"
_NO_NAMESPACE = "no.namespace"
"""In the place of a namespace where a file's name says none. None is called so: it has a dot."""
_FLUSH_SECONDS = 5
"""Requests of many lines: each costs the store the same, however few are in it."""
_LONGEST_LINE = "2M"
_ANSWER = "16M"
"""An answer says something of every line. One that is cut off counts as failed, for ever."""
_RETRIES, _RETRY_SECONDS = 500, 60
"""About four hours; the buffer is full before."""
_AUDIT_SHARE = 4
"""Of the buffer, the part of the audit log: one in so many."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A store. kind: how it is spoken to. authority: file of what its certificate is verified with; the system's where
    there is none."""

    kind: Literal["elasticsearch", "opensearch"]
    url: str
    user: str
    authority: str | None = None


def configuration(target: Target, buffer_folder: str, buffer_mib: int, audit_file: str | None = None) -> str:
    """The file. buffer_mib: of one machine."""
    inputs, filters = [_containers(buffer_folder)], [*_filters()]
    audit_mib = buffer_mib // _AUDIT_SHARE if audit_file else 0
    outputs = [_output(target, PODS, {**_BY_NAMESPACE, "storage.total_limit_size": f"{buffer_mib - audit_mib}M"})]
    if audit_file:
        inputs.append(_file(AUDIT, audit_file, buffer_folder))
        filters.append(_parsed(f"{AUDIT}.*", "log", "event"))
        outputs.append(_output(target, AUDIT, {**_OF_AUDIT, "storage.total_limit_size": f"{audit_mib}M"}))
    return yaml_text(
        {
            "service": _service(buffer_folder),
            "parsers": [
                {"name": "file_name", "format": "regex", "regex": FILE_NAME},
                {"name": "event", "format": "json"},
            ],
            "pipeline": {"inputs": inputs, "filters": filters, "outputs": outputs},
        }
    )


def _service(buffer_folder: str) -> Mapping[str, Any]:
    return {
        "flush": _FLUSH_SECONDS,
        "grace": 20,
        "log_level": "warn",
        "hot_reload": "off",
        "http_server": "on",
        "http_listen": "0.0.0.0",
        "http_port": METRICS_PORT,
        "scheduler.base": 5,
        "scheduler.cap": _RETRY_SECONDS,
        "multiline_buffer_limit": _LONGEST_LINE,
        "storage.path": f"{buffer_folder}/chunks",
        "storage.sync": "normal",
        "storage.checksum": "on",
        "storage.metrics": "on",
        "storage.max_chunks_up": 64,
        "storage.backlog.mem_limit": "16M",
        "storage.delete_irrecoverable_chunks": "on",
    }


def _file(family: str, files: str, buffer_folder: str) -> dict[str, Any]:
    return {
        "name": "tail",
        "alias": family,
        "tag": f"{family}.*",
        "path": files,
        "offset_key": "offset",
        "db": f"{buffer_folder}/{family}.db",
        "db.locking": "true",
        "read_from_head": "true",
        "refresh_interval": 10,
        "rotate_wait": 30,
        "buffer_chunk_size": "64k",
        "buffer_max_size": _LONGEST_LINE,
        "skip_long_lines": "on",
        "storage.type": "filesystem",
    }


def _containers(buffer_folder: str) -> dict[str, Any]:
    """What runtimes split is put together again: https://docs.fluentbit.io/manual/pipeline/inputs/tail#multiline-and-containers."""
    of_containers = {"path_key": "file", "multiline.parser": "docker, cri"}
    return {**_file(PODS, f"{CONTAINERS}/*.log", buffer_folder), **of_containers}


def _filters() -> Iterator[Mapping[str, Any]]:
    """Tracebacks first, as the multiline filter asks for; then whose line it is, from the name of its file alone."""
    yield {
        "name": "multiline",
        "match": f"{PODS}.*",
        "multiline.key_content": "log",
        "multiline.parser": "python, go, java",
        "buffer": "off",
    }
    yield _parsed(f"{PODS}.*", "file", "file_name")
    yield {"name": "record_modifier", "match": f"{PODS}.*", "remove_key": "_p"}


def _parsed(match: str, key: str, parser: str) -> Mapping[str, Any]:
    return {
        "name": "parser",
        "match": match,
        "key_name": key,
        "parser": parser,
        "reserve_data": "on",
        "preserve_key": "off",
    }


_BY_NAMESPACE: Mapping[str, Any] = {
    "logstash_prefix": _NO_NAMESPACE,
    "logstash_prefix_key": "$namespace",
    "logstash_dateformat": PODS,
}
_OF_AUDIT: Mapping[str, Any] = {"logstash_prefix": AUDIT_LOG.removesuffix(f".{AUDIT}"), "logstash_dateformat": AUDIT}


def _output(target: Target, family: str, stream: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stream's name is written as a prefix and a date without a date in it: with both, each record gets its time."""
    place = urllib.parse.urlsplit(target.url)
    path = {"path": place.path} if place.path.strip("/") else {}
    authority = {"tls.ca_file": target.authority} if target.authority else {}
    return {
        "name": {"elasticsearch": "es", "opensearch": "opensearch"}[target.kind],
        "alias": family,
        "match": f"{family}.*",
        "host": place.hostname,
        "port": place.port or 443,
        **path,
        "http_user": target.user,
        "http_passwd": f"${{{PASSWORD_VARIABLE}}}",
        "tls": "on",
        "tls.verify": "on",
        "tls.verify_hostname": "on",
        **authority,
        "logstash_format": "on",
        "logstash_prefix_separator": ".",
        **stream,
        "time_key_nanos": "on",
        "suppress_type_name": "on",
        "write_operation": "create",
        "generate_id": "on",
        "compress": "gzip",
        "buffer_size": _ANSWER,
        "workers": 2,
        "retry_limit": _RETRIES,
    }
