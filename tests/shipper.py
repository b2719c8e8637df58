"""What Fluent Bit sends, as its documentation says it: Fluent Bit itself is in no registry of programs.

It is told what the rendered configuration says of an output, and makes of records the bodies of `_bulk`, compressed,
with an id of each record's whole content, and tries again what was not taken. That Fluent Bit does so is its
documentation's word (https://docs.fluentbit.io/manual/pipeline/outputs/elasticsearch), not this one's.
"""

import contextlib
import gzip
import hashlib
import http.client
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(kw_only=True)
class Shipper:
    """output: of the configuration. port: of the store. requests, bytes: that were sent."""

    output: Mapping[str, Any]
    port: int
    requests: int = 0
    sent_bytes: int = 0

    @property
    def stream(self) -> str:
        """Prefix, separator and a date without a date in it."""
        return "".join(
            str(self.output[key]) for key in ("logstash_prefix", "logstash_prefix_separator", "logstash_dateformat")
        )

    def ship(self, records: Sequence[Record], retries: int = 0) -> bool:
        """Whether the store has taken all of them, which are one chunk, in the end."""
        return any(self._sent(records) for _ in range(retries + 1))

    def _sent(self, records: Sequence[Record]) -> bool:
        """An answer that there is one already (409) is as good as any: `create` then skips it."""
        body = gzip.compress(self.body(records), 6)
        self.requests, self.sent_bytes = self.requests + 1, self.sent_bytes + len(body)
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            try:
                connection.request("POST", "/_bulk", body, headers)
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                return False
        if answer.status != 200:
            return False
        items = [item["create"]["status"] for item in json.loads(said)["items"]]
        return all(status in (201, 409) for status in items)

    def body(self, records: Sequence[Record]) -> bytes:
        """Of a request."""
        lines: list[str] = []
        for record in records:
            text = json.dumps(record)
            action: dict[str, Any] = {"_index": self.stream}
            if self.output["generate_id"] == "on":
                action["_id"] = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            lines += [json.dumps({self.output["write_operation"]: action}), text]
        return "".join(f"{line}\n" for line in lines).encode()


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
