"""What a million lines cost the store: as the stack sends and keeps them, and as Fluent Bit's defaults do.

Both are sent by `shipper.py` to a real OpenSearch, each to a node of its own, so that warming up costs both the same.
The field's default is the `es` output with `logstash_format`: an index a day a namespace, mapped by what comes, every
record with the pod's labels and annotations as the kubernetes filter adds them, sent every second. It is told apart
from ours by that alone: the lines are the same, and so is their number a second and container.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from log_lines import A_SECOND, NAMESPACES, of_length, short

from bedplate.services.logs.collecting import Target, configuration
from bedplate.services.logs.streams import stream_of, templates
from opensearch_under_test import Store, running_store
from shipper import Record, Shipper

DEFAULT_FLUSH_SECONDS = 1
LENGTHS = (200, 1024)
"""Of lines that are longer than the short ones."""
Lines = Iterable[tuple[str, str]]
Make = Callable[[int, str, str], Record]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the store spent, and on how many lines. text: bytes of the lines alone; records: of what the machine's
    buffer holds of them, as JSON. disk: bytes as they lay when the last line had come; merged: when all was one
    segment. log: of what is kept besides until it is flushed. seconds: from the first to the last."""

    lines: int
    text: int
    records: int
    cpu_seconds: float
    seconds: float
    memory_mib: float
    disk: int
    merged: int
    log: int
    requests: int
    sent: int

    def figures(self) -> Mapping[str, float]:
        """For a million lines, where it is not said otherwise."""
        millions = self.lines / 1e6
        return {
            "CPU of the store (s)": self.cpu_seconds / millions,
            "disk (MiB)": self.disk / millions / 2**20,
            "disk, merged (MiB)": self.merged / millions / 2**20,
            "sent, compressed (MiB)": self.sent / millions / 2**20,
            "requests": self.requests / millions,
            "memory of the store (MiB)": self.memory_mib,
        }

    def path(self) -> Mapping[str, float]:
        """Of the way from the machine to the disk."""
        return {
            "text of a line (bytes)": self.text / self.lines,
            "lines a second": self.lines / self.seconds,
            "CPU of the store, of a million lines (s)": self.cpu_seconds / self.lines * 1e6,
            "memory of the store (MiB)": self.memory_mib,
            "in the machine's buffer (bytes a line)": self.records / self.lines,
            "sent (bytes a line)": self.sent / self.lines,
            "on disk (bytes a byte of text)": self.disk / self.text,
            "on disk, merged (bytes a byte of text)": self.merged / self.text,
            "not flushed yet (MiB a stream, at most)": self.log / len(NAMESPACES) / 2**20,
        }


def _line(number: int, text: str) -> dict[str, Any]:
    second = number // A_SECOND
    nanos = number % A_SECOND * 50_000_000 + number % 49_999_999
    moment = f"2026-11-28T{10 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{nanos:09}Z"
    return {"@timestamp": moment, "stream": "stdout", "log": text}


def ours(number: int, namespace: str, text: str) -> Record:
    """As our filters make it."""
    names = {"pod": f"api-{namespace}-6d5f9c7b8-x2x{namespace[0]}", "namespace": namespace, "container": "main"}
    return {**_line(number, text), "offset": number * 140, **names, "container_id": "a" * 64}


def defaults(number: int, namespace: str, text: str) -> Record:
    """https://docs.fluentbit.io/manual/pipeline/filters/kubernetes"""
    parts = ("name", "instance", "component", "part-of", "managed-by")
    labels = {f"app.kubernetes.io/{key}": namespace for key in parts}
    labels |= {f"bedplate.dev/{key}": namespace for key in ("tenant", "project", "owner", "workload")}
    labels |= {"app.kubernetes.io/version": "1.4.0", "pod-template-hash": "6d5f9c7b8"}
    kubernetes = {
        "pod_name": f"api-{namespace}-6d5f9c7b8-x2x{namespace[0]}",
        "namespace_name": namespace,
        "pod_id": "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
        "labels": labels,
        "annotations": {
            "bedplate.dev/secrets-hash": "0011223344556677",
            "bedplate.dev/owner-email": "ines@example.com",
        },
        "host": "ip-10-64-12-7.eu-central-1.compute.internal",
        "pod_ip": "10.64.13.9",
        "container_name": "main",
        "docker_id": "a" * 64,
        "container_hash": f"registry.example.com/api@sha256:{'b' * 64}",
        "container_image": "registry.example.com/api:1.4.0",
    }
    line = _line(number, text)
    return {**line, "time": line["@timestamp"], "_p": "F", "kubernetes": kubernetes}


def _told() -> tuple[Mapping[str, Any], int]:
    """The output that the collector is told, and every how many seconds it sends."""
    target = Target(kind="opensearch", url="https://store:9200", user="u")
    told = YAML(typ="safe").load(configuration(target, "/buffer", 1024))
    (output,) = told["pipeline"]["outputs"]
    return output, told["service"]["flush"]


_USUAL = {
    **{"write_operation": "create", "generate_id": "off", "logstash_prefix": "logstash"},
    **{"logstash_prefix_key": "$namespace", "logstash_prefix_separator": "-", "logstash_dateformat": "2026.11.28"},
}


class _Defaults(Shipper):
    def stream(self, record: Record) -> str:
        return super().stream({"namespace": record["kubernetes"]["namespace_name"]})


def shipped(shipper: Shipper, make: Make, flush_seconds: int, lines: Lines, folder: Path) -> Cost:
    """Sends all lines to the node of this folder, a chunk for as many as a container prints between two flushes."""
    store, before, began = shipper.store, shipper.store.cpu_seconds(), time.monotonic()
    chunk, last, streams, count, text, records = list[Record](), "", set[str](), 0, 0, 0
    for number, (namespace, line) in enumerate(lines):
        if chunk and (namespace != last or len(chunk) == A_SECOND * flush_seconds):
            assert shipper.ship(chunk)
            chunk = []
        record = make(number, namespace, line)
        chunk.append(record)
        streams.add(shipper.stream(record))
        count, text, last = number + 1, text + len(line.encode()), namespace
        records += len(json.dumps(record))
    assert shipper.ship(chunk)
    spent, seconds = store.cpu_seconds() - before, time.monotonic() - began
    names, memory_mib = ",".join(sorted(streams)), store.memory_mib()
    log = _on_disk(folder, "translog")
    disk = _settled(store, names, folder, merged=False)
    # Merged and flushed, so that neither is charged for what is not done yet.
    store.ask("POST", f"/{names}/_forcemerge?max_num_segments=1&flush=true")
    merged = _settled(store, names, folder, merged=True)
    assert store.ask("GET", f"/{names}/_count")["count"] == count
    return Cost(
        lines=count,
        text=text,
        records=records,
        cpu_seconds=spent,
        seconds=seconds,
        memory_mib=memory_mib,
        disk=disk,
        merged=merged,
        log=log,
        requests=shipper.requests,
        sent=shipper.sent_bytes,
    )


def _settled(store: Store, names: str, folder: Path, *, merged: bool) -> int:
    """Bytes on disk, when nothing is being merged and segments that were merged into others are gone."""
    before = -1
    while True:
        store.ask("POST", f"/{names}/_refresh")
        store.ask("POST", f"/{names}/_flush?force=true")
        stats = store.ask("GET", f"/{names}/_stats/segments,merge")["_all"]["primaries"]
        is_one, now = stats["segments"]["count"] <= len(names.split(",")), _on_disk(folder, "index")
        if stats["merges"]["current"] == 0 and (is_one or not merged) and now == before:
            return now
        before = now
        time.sleep(1)


def _on_disk(folder: Path, part: str) -> int:
    """Bytes of the files themselves: what the store says of its size is up to ten seconds old."""
    return sum(file.stat().st_size for file in folder.glob(f"**/indices/*/*/{part}/*") if file.is_file())


def by_default(folder: Path, lines: Lines) -> Cost:
    """As Fluent Bit sends and a store keeps them that nobody told anything."""
    with running_store(folder) as store:
        return shipped(_Defaults(output=_USUAL, store=store), defaults, DEFAULT_FLUSH_SECONDS, lines, folder)


def as_we_do(folder: Path, lines: Lines) -> Cost:
    """By the stack's templates, and as its collector is told."""
    with running_store(folder) as store:
        for name, body in templates(1).items():
            store.ask("PUT", f"/_index_template/{name}", body)
        for namespace in NAMESPACES:
            store.ask("PUT", f"/_data_stream/{stream_of(namespace)}")
        output, flush_seconds = _told()
        return shipped(Shipper(output=output, store=store), ours, flush_seconds, lines, folder)


def side_by_side(usual: Cost, mine: Cost) -> Table:
    """Of a million short lines."""
    shown = Table("for a million lines", "Fluent Bit's defaults", "this stack", "share")
    for name, value in usual.figures().items():
        own = mine.figures()[name]
        shown.add_row(name, f"{value:.3g}", f"{own:.3g}", f"{own / value:.2f}")
    return shown


def by_length(costs: Sequence[Cost]) -> Table:
    """Our path, of lines of several lengths."""
    shown = Table("this stack", *(f"{cost.text / cost.lines:.0f} bytes" for cost in costs))
    for name in costs[0].path():
        shown.add_row(name, *(f"{cost.path()[name]:.3g}" for cost in costs))
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lines", type=int, default=200_000)
    number = parser.parse_args(arguments).lines
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        places = iter(Path(tempfile.mkdtemp(dir=folder)) for _ in range(2 + len(LENGTHS)))
        mine = as_we_do(next(places), short(number))
        longer = [as_we_do(next(places), of_length(number, characters)) for characters in LENGTHS]
        console.print(by_length([mine, *longer]))
        console.print(side_by_side(by_default(next(places), short(number)), mine))


if __name__ == "__main__":
    main()
