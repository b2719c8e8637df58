"""What Fluent Bit is told, as data: what it reads, what it makes of a line, and where each line goes.

Owns the configuration, and starts nothing. Each tenant has an input and an output of its own, with files chosen by the
name that the kubelet gave them: nothing that a container prints decides whose line it is, and a tenant that prints
without end fills its own share of the buffer.

A record's id is made of all of its fields, of which the file's offset is one, and the store takes an id once: a request
that is sent again doubles nothing. Keys: https://docs.fluentbit.io/manual/pipeline/inputs/tail,
https://docs.fluentbit.io/manual/pipeline/outputs/elasticsearch, https://docs.fluentbit.io/manual/pipeline/buffering,
https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/yaml/service-section.
"""

import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bedplate.kubernetes.plain_yaml import yaml_text
from bedplate.services.logs.streams import AUDIT_LOG, PLATFORM, stream_of

METRICS_PORT = 2020
CONTAINERS = "/var/log/containers"
FILE_NAME = (
    r"^/var/log/containers/(?<pod>[^_]+)_(?<namespace>[^_]+)_(?<container>.+)-(?<container_id>[a-z0-9]{64})\.log$"
)
"""The kubelet's own: no name of a pod, a namespace or a container has an underscore
(https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/legacy.go)."""
PASSWORD_VARIABLE = "STORE_PASSWORD"
_FLUSH_SECONDS = 5
"""Requests of many lines: each costs the store the same, however few are in it."""
_LONGEST_LINE = "2M"
_ANSWER = "16M"
"""An answer says something of every line. One that is cut off counts as failed, for ever."""
_RETRIES, _RETRY_SECONDS = 500, 60
"""About four hours; the buffer is full before."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A store. kind: how it is spoken to. authority: file of what its certificate is verified with; the system's where
    there is none."""

    kind: Literal["elasticsearch", "opensearch"]
    url: str
    user: str
    authority: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Source:
    """stream: where it goes. files: patterns; but: those that are another's."""

    stream: str
    files: str
    but: Sequence[str] = ()


def configuration(
    target: Target, namespaces: Sequence[str], buffer_folder: str, buffer_mib: int, audit_file: str | None = None
) -> str:
    """The file. namespaces: of tenants. buffer_mib: of one machine, shared out evenly."""
    sources = list(_sources(namespaces))
    streams = [source.stream for source in sources] + ([AUDIT_LOG] if audit_file else [])
    share = max(32, buffer_mib // len(streams))
    inputs = [_containers(source, buffer_folder) for source in sources]
    filters = [*_filters()]
    if audit_file:
        inputs.append(_file(AUDIT_LOG, audit_file, buffer_folder))
        filters.append(_parsed("audit.*", "log", "event"))
    return yaml_text(
        {
            "service": _service(buffer_folder),
            "parsers": [
                {"name": "file_name", "format": "regex", "regex": FILE_NAME},
                {"name": "event", "format": "json"},
            ],
            "pipeline": {
                "inputs": inputs,
                "filters": filters,
                "outputs": [_output(target, stream, share) for stream in streams],
            },
        }
    )


def _sources(namespaces: Sequence[str]) -> Iterator[_Source]:
    of_tenants = [f"{CONTAINERS}/*_{namespace}_*.log" for namespace in sorted(namespaces)]
    for namespace, files in zip(sorted(namespaces), of_tenants, strict=True):
        yield _Source(stream=stream_of(namespace), files=files)
    yield _Source(stream=PLATFORM, files=f"{CONTAINERS}/*.log", but=of_tenants)


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


def _file(stream: str, files: str, buffer_folder: str) -> dict[str, Any]:
    return {
        "name": "tail",
        "alias": stream,
        "tag": f"{stream}.*",
        "path": files,
        "offset_key": "offset",
        "db": f"{buffer_folder}/{stream}.db",
        "db.locking": "true",
        "read_from_head": "true",
        "refresh_interval": 10,
        "rotate_wait": 30,
        "buffer_chunk_size": "64k",
        "buffer_max_size": _LONGEST_LINE,
        "skip_long_lines": "on",
        "storage.type": "filesystem",
    }


def _containers(source: _Source, buffer_folder: str) -> dict[str, Any]:
    """What runtimes split is put together again: https://docs.fluentbit.io/manual/pipeline/inputs/tail#multiline-and-containers."""
    but = {"exclude_path": ",".join(source.but)} if source.but else {}
    of_containers = {"path_key": "file", "multiline.parser": "docker, cri"}
    return {**_file(source.stream, source.files, buffer_folder), **of_containers, **but}


def _filters() -> Iterator[Mapping[str, Any]]:
    """Tracebacks first, as the multiline filter asks for; then whose line it is, from the name of its file alone."""
    yield {
        "name": "multiline",
        "match": "pods.*",
        "multiline.key_content": "log",
        "multiline.parser": "python, go, java",
        "buffer": "off",
    }
    yield _parsed("pods.*", "file", "file_name")
    yield {"name": "record_modifier", "match": "pods.*", "remove_key": "_p"}


def _parsed(match: str, key: str, parser: str) -> Mapping[str, Any]:
    return {
        "name": "parser",
        "match": match,
        "key_name": key,
        "parser": parser,
        "reserve_data": "on",
        "preserve_key": "off",
    }


def _output(target: Target, stream: str, share_mib: int) -> Mapping[str, Any]:
    """The index's name is written as a prefix and a date without a date in it: with both, each record gets its time."""
    place = urllib.parse.urlsplit(target.url)
    family, _, name = stream.partition(".")
    path = {"path": place.path} if place.path.strip("/") else {}
    authority = {"tls.ca_file": target.authority} if target.authority else {}
    return {
        "name": {"elasticsearch": "es", "opensearch": "opensearch"}[target.kind],
        "alias": stream,
        "match": f"{stream}.*",
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
        "logstash_prefix": family,
        "logstash_prefix_separator": ".",
        "logstash_dateformat": name,
        "time_key_nanos": "on",
        "suppress_type_name": "on",
        "write_operation": "create",
        "generate_id": "on",
        "compress": "gzip",
        "buffer_size": _ANSWER,
        "workers": 1,
        "retry_limit": _RETRIES,
        "storage.total_limit_size": f"{share_mib}M",
    }
