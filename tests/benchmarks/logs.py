"""What a million lines cost the store: as the stack sends and keeps them, and as Fluent Bit's defaults do.

Both are sent by `shipper.py` to a real OpenSearch, each to a node of its own, so that warming up costs both the same.
The field's default is the `es` output with `logstash_format`: an index a day a namespace, mapped by what comes, every
record with the pod's labels and annotations as the kubernetes filter adds them, sent every second. It is told apart
from ours by that alone: the lines are the same, and so is their number a second and container.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.services.logs.collecting import Target, configuration
from bedplate.services.logs.streams import stream_of, templates
from opensearch_under_test import Store, running_store
from shipper import Record, Shipper

A_SECOND = 20
"""Lines of a busy container."""
DEFAULT_FLUSH_SECONDS = 1
NAMESPACES = ("vision", "search", "language", "routing")
Make = Callable[[int, str, str], Record]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the store spent, and on how many lines. disk: bytes, merged. text: bytes of the lines alone. seconds: from
    the first to the last."""

    lines: int
    text: int
    cpu_seconds: float
    seconds: float
    memory_mib: float
    disk: int
    requests: int
    sent: int

    def figures(self) -> Mapping[str, float]:
        """For a million lines, where it is not said otherwise."""
        millions = self.lines / 1e6
        return {
            "CPU of the store (s)": self.cpu_seconds / millions,
            "disk (MiB)": self.disk / millions / 2**20,
            "disk, of the lines' own text": self.disk / self.text,
            "sent, compressed (MiB)": self.sent / millions / 2**20,
            "requests": self.requests / millions,
            "lines a second": self.lines / self.seconds,
            "memory of the store (MiB)": self.memory_mib,
        }


def lines(number_of_lines: int) -> Iterator[tuple[str, str]]:
    """Namespace and line, as programs of this field print them; the same in each run."""
    chance = random.Random(38)
    for number in range(number_of_lines):
        namespace = NAMESPACES[number // (A_SECOND * 60) % len(NAMESPACES)]
        kind, latency = chance.random(), chance.randint(1, 900)
        if kind < 0.5:
            path = chance.choice(("/predict", "/healthz", "/v1/chat/completions", "/metrics"))
            caller = f"10.0.{latency % 256}.{number % 256}:{40000 + number % 9000}"
            yield namespace, f'INFO:     {caller} - "POST {path} HTTP/1.1" 200 OK'
        elif kind < 0.8:
            loss, rate = chance.random() * 3, chance.random() / 1e4
            speed = chance.randint(9000, 12000)
            yield namespace, f"step {number} loss={loss:.5f} lr={rate:.3e} tokens/s={speed}"
        else:
            said = {"level": "info", "msg": "request done", "request_id": f"{chance.getrandbits(64):x}", "ms": latency}
            yield namespace, json.dumps(said)


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


def shipped(shipper: Shipper, make: Make, flush_seconds: int, number_of_lines: int) -> Cost:
    """Sends all lines, a chunk for as many as a container prints between two flushes."""
    store, before, began, text = shipper.store, shipper.store.cpu_seconds(), time.monotonic(), 0
    chunk, last, streams = list[Record](), "", set[str]()
    for number, (namespace, line) in enumerate(lines(number_of_lines)):
        if chunk and (namespace != last or len(chunk) == A_SECOND * flush_seconds):
            assert shipper.ship(chunk)
            chunk = []
        chunk.append(make(number, namespace, line))
        streams.add(shipper.stream(chunk[-1]))
        text, last = text + len(line.encode()), namespace
    assert shipper.ship(chunk)
    names = ",".join(sorted(streams))
    store.ask("POST", f"/{names}/_refresh")
    spent, seconds = store.cpu_seconds() - before, time.monotonic() - began
    # Merged and flushed, so that neither is charged for what is not done yet.
    store.ask("POST", f"/{names}/_forcemerge?max_num_segments=1&flush=true")
    stats = _settled(store, names)
    assert stats["docs"]["count"] == number_of_lines
    return Cost(
        lines=number_of_lines,
        text=text,
        cpu_seconds=spent,
        seconds=seconds,
        memory_mib=store.memory_mib(),
        disk=stats["store"]["size_in_bytes"],
        requests=shipper.requests,
        sent=shipper.sent_bytes,
    )


def _settled(store: Store, names: str) -> dict[str, Any]:
    """Documents and bytes, when segments that were merged into others are gone."""
    while True:
        store.ask("POST", f"/{names}/_refresh")
        store.ask("POST", f"/{names}/_flush?force=true")
        segments = store.ask("GET", f"/{names}/_stats/segments")["_all"]["primaries"]["segments"]["count"]
        if segments <= len(names.split(",")):
            return store.ask("GET", f"/{names}/_stats/store,docs")["_all"]["primaries"]
        time.sleep(1)


def measured(number_of_lines: int, folder: Path) -> tuple[Cost, Cost]:
    """Defaults, and ours."""
    for name in ("usual", "ours"):
        (folder / name).mkdir()
    with running_store(folder / "usual") as store:
        usual = shipped(_Defaults(output=_USUAL, store=store), defaults, DEFAULT_FLUSH_SECONDS, number_of_lines)
    with running_store(folder / "ours") as store:
        for name, body in templates(1).items():
            store.ask("PUT", f"/_index_template/{name}", body)
        for namespace in NAMESPACES:
            store.ask("PUT", f"/_data_stream/{stream_of(namespace)}")
        output, flush_seconds = _told()
        mine = shipped(Shipper(output=output, store=store), ours, flush_seconds, number_of_lines)
    return usual, mine


def table(usual: Cost, mine: Cost) -> Table:
    """Of a million lines."""
    shown = Table("for a million lines", "Fluent Bit's defaults", "this stack", "share")
    for name, value in usual.figures().items():
        own = mine.figures()[name]
        shown.add_row(name, f"{value:.3g}", f"{own:.3g}", f"{own / value:.2f}")
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        usual, mine = measured(asked.lines, Path(folder))
    Console(width=120).print(table(usual, mine))


if __name__ == "__main__":
    main()
