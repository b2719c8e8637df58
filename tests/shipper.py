"""What Fluent Bit sends, as its documentation says it: Fluent Bit itself is in no registry of programs.

It is told what the rendered configuration says of an output, and makes of records the bodies of `_bulk`, compressed,
with an id of each record's whole content, and tries again what was not taken. That Fluent Bit does so is its
documentation's word (https://docs.fluentbit.io/manual/pipeline/outputs/elasticsearch), not this one's.
"""

import gzip
import hashlib
import http.client
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opensearch_under_test import Store

Record = Mapping[str, Any]


@dataclass(kw_only=True)
class Shipper:
    """output: of the configuration. store: whom it is sent to. requests, bytes: that were sent."""

    output: Mapping[str, Any]
    store: Store
    requests: int = 0
    sent_bytes: int = 0

    def stream(self, record: Record) -> str:
        """Where a record goes: prefix, separator and a date, which may be without a date in it. The prefix is that of
        the record itself where the output says so and the record has it."""
        key = self.output.get("logstash_prefix_key", "").removeprefix("$")
        prefix = str(record.get(key) or self.output["logstash_prefix"])
        return f"{prefix}{self.output['logstash_prefix_separator']}{self.output['logstash_dateformat']}"

    def ship(self, records: Sequence[Record], retries: int = 0) -> bool:
        """Whether the store has taken all of them, which are one chunk, in the end."""
        return any(self._sent(records) for _ in range(retries + 1))

    def _sent(self, records: Sequence[Record]) -> bool:
        """An answer that there is one already (409) is as good as any: `create` then skips it."""
        body = gzip.compress(self.body(records), 6)
        self.requests, self.sent_bytes = self.requests + 1, self.sent_bytes + len(body)
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        try:
            status, said = self.store.answer("POST", "/_bulk", body, headers)
        except (OSError, http.client.HTTPException):
            return False
        if status != 200:
            return False
        items = [item["create"]["status"] for item in json.loads(said)["items"]]
        return all(status in (201, 409) for status in items)

    def body(self, records: Sequence[Record]) -> bytes:
        """Of a request."""
        lines: list[str] = []
        for record in records:
            text = json.dumps(record)
            action: dict[str, Any] = {"_index": self.stream(record)}
            if self.output["generate_id"] == "on":
                action["_id"] = _id(text)
            lines += [json.dumps({self.output["write_operation"]: action}), text]
        return "".join(f"{line}\n" for line in lines).encode()


def _id(record: str) -> str:
    """A hash of 128 bits, written as Fluent Bit writes it
    (https://github.com/fluent/fluent-bit/blob/v5.1.1/plugins/out_es/es.c)."""
    digits = hashlib.md5(record.encode(), usedforsecurity=False).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def records(lines: Iterable[str], file: str, offset: int = 0) -> Iterator[Record]:
    """What the inputs and filters make of a file's lines, as CRI runtimes write them: parts put together again, and
    whose it is from the file's name.

    https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/logs/logs.go
    """
    named = re.search(r"/([^_/]+)_([^_/]+)_(.+)-([a-z0-9]{64})\.log$", file)
    assert named is not None
    pod, namespace, container, container_id = named.groups()
    parts: dict[str, list[str]] = {}
    for line in lines:
        moment, stream, flag, text = line.split(" ", 3)
        parts.setdefault(stream, []).append(text)
        if flag == "F":
            yield {
                **{"@timestamp": moment, "stream": stream, "log": "".join(parts.pop(stream)), "offset": offset},
                **{"pod": pod, "namespace": namespace, "container": container, "container_id": container_id},
            }
        offset += len(line.encode()) + 1
