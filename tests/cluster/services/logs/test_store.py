"""Streams on a real OpenSearch: the keeper as its pod runs it, templates, lines of every sort, and full disks.

What Fluent Bit would send is made as its documentation says (`shipper.py`).
"""

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ruamel.yaml import YAML

from bedplate.services.logs.collecting import Target, configuration
from cluster import log_keeping
from opensearch_under_test import Store, running_store
from shipper import Record, Shipper, records

pytestmark = pytest.mark.enable_socket
NAMESPACES = {"vision": "vision", "search": "search", "vision-2": "vision-2", "kube-system": ""}
"""With the tenant of each, if any."""
CONTAINER = "a" * 64


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("store"), action__auto_create_index="-*.pods,-*.audit,+*") as node:
        yield node


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Store:
    """The store with its streams, empty."""
    for stream in store.ask("GET", "/_data_stream/*.pods,*.audit", status=None).get("data_streams", []):
        store.ask("DELETE", f"/_data_stream/{stream['name']}")
    keep(store, tmp_path)
    return store


def keep(store: Store, folder: Path, namespaces: Mapping[str, str] = NAMESPACES, **changes: Any) -> str:
    """A round of the keeper; what it says. changes: of what it is told."""
    (folder / "token").write_text("of nobody")
    return log_keeping.kept(store, folder, namespaces, **changes)


def shipper(store: Store, family: str = "pods") -> Shipper:
    """The output of a family of streams, as the collector is told."""
    target = Target(kind="opensearch", url="https://store:9200", user="u")
    text = configuration(target, "/buffer", 1024, "/var/log/kubernetes/audit/audit.log")
    outputs = {output["alias"]: output for output in YAML(typ="safe").load(text)["pipeline"]["outputs"]}
    return Shipper(output=outputs[family], store=store)


def lines_of(namespace: str, texts: Sequence[str], second: int = 0) -> list[Record]:
    written = [f"2026-11-28T10:00:{second:02}.{n:09}Z stdout F {text}" for n, text in enumerate(texts)]
    return list(records(written, f"/var/log/containers/train-0_{namespace}_main-{CONTAINER}.log"))


def texts(store: Store, stream: str) -> list[str]:
    return [line["log"] for line in store.lines(stream)]


def indices(store: Store, stream: str) -> list[str]:
    (found,) = store.ask("GET", f"/_data_stream/{stream}")["data_streams"]
    return [index["index_name"] for index in found["indices"]]


def test_keeper_makes_every_stream_once(kept: Store, tmp_path: Path) -> None:
    there = {stream["name"] for stream in kept.ask("GET", "/_data_stream/*")["data_streams"]}
    assert there == {"vision.pods", "search.pods", "vision-2.pods", "kube-system.pods", "kubernetes.audit"}
    assert keep(kept, tmp_path) == ""


def test_nothing_is_kept_in_a_stream_that_nobody_made(kept: Store) -> None:
    assert not shipper(kept).ship(lines_of("nobody", ["lost?"]))
    kept.ask("GET", "/nobody.pods", status=404)


def test_lines_of_tenants_never_mix(kept: Store) -> None:
    """Also where they are sent at once: the name of its file decides a line's stream, not what is sent beside it."""
    assert shipper(kept).ship([line for each in NAMESPACES for line in lines_of(each, [f"of {each}"] * 3)])
    for namespace in NAMESPACES:
        found = kept.lines(f"{namespace}.pods")
        assert [line["namespace"] for line in found] == [namespace] * 3


def test_a_request_that_is_sent_again_doubles_nothing(kept: Store) -> None:
    ours, same = shipper(kept), lines_of("vision", ["step 1", "step 1", "step 2"])
    assert ours.ship(same)
    assert ours.ship([*same, *lines_of("vision", ["step 3"], second=1)])
    assert texts(kept, "vision.pods") == ["step 1", "step 1", "step 2", "step 3"]


def test_equal_lines_of_one_moment_stay_two(kept: Store) -> None:
    """They differ by where they are in their file."""
    line = "2026-11-28T10:00:00.000000001Z stdout F again"
    file = f"/var/log/containers/train-0_vision_main-{CONTAINER}.log"
    assert shipper(kept).ship(list(records([line, line], file)))
    assert len(texts(kept, "vision.pods")) == 2


class TestHostileLines:
    def test_no_line_is_refused_and_no_field_is_made(self, kept: Store) -> None:
        bomb = json.dumps({f"label-{n}": {"deep": {"deeper": n}} for n in range(2000)})
        hostile = [
            bomb,
            "\ufffd\x00\x01 binary \ufffd",
            '{"@timestamp": "never", "namespace": "search"}',
            "",
            "x" * 2**20,
        ]
        before = kept.ask("GET", "/vision.pods/_mapping")
        assert shipper(kept).ship(lines_of("vision", hostile))
        assert texts(kept, "vision.pods") == hostile
        assert kept.ask("GET", "/vision.pods/_mapping") == before
        assert texts(kept, "search.pods") == []

    def test_fields_of_another_shipper_are_kept_and_make_no_mapping(self, kept: Store) -> None:
        labels = {f"app-{n}": {"a.b": n} for n in range(500)}
        record = {**lines_of("vision", ["labelled"])[0], "kubernetes": {"labels": labels}}
        assert shipper(kept).ship([record])
        (mapping,) = kept.ask("GET", "/vision.pods/_mapping").values()
        assert "kubernetes" not in mapping["mappings"]["properties"]

    def test_what_the_runtime_split_is_one_line(self, kept: Store) -> None:
        whole = "y" * 2**20
        split = [whole[n : n + 16384] for n in range(0, len(whole), 16384)]
        flags = ["P"] * (len(split) - 1) + ["F"]
        written = [
            f"2026-11-28T10:00:00.{n:09}Z stdout {flag} {part}"
            for n, (flag, part) in enumerate(zip(flags, split, strict=True))
        ]
        # A line of the other stream stands between two parts.
        written.insert(3, "2026-11-28T10:00:00.000000002Z stderr F between")
        file = f"/var/log/containers/train-0_vision_main-{CONTAINER}.log"
        assert shipper(kept).ship(list(records(written, file)))
        assert sorted(texts(kept, "vision.pods"), key=len) == ["between", whole]

    def test_words_of_a_line_find_it(self, kept: Store) -> None:
        assert shipper(kept).ship(lines_of("vision", ["CUDA out of memory", "epoch 3 done"]))
        kept.ask("POST", "/vision.pods/_refresh")
        query = {"query": {"match": {"log": "memory"}}}
        found = kept.ask("POST", "/vision.pods/_search", query)["hits"]["hits"]
        assert [hit["_source"]["log"] for hit in found] == ["CUDA out of memory"]


class Moody(BaseHTTPRequestHandler):
    """A store that answers as it is told, one answer a request, and takes what it answers 200."""

    answers: ClassVar[list[int]] = []
    taken: ClassVar[Counter[str]] = Counter()
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))).decode().splitlines()
        status = Moody.answers.pop(0)
        ids = [json.loads(action)["create"]["_id"] for action in body[::2]]
        items = [{"create": {"status": 409 if each in Moody.taken else 201}} for each in ids]
        if status == 200:
            Moody.taken.update(each for each in ids if each not in Moody.taken)
        said = json.dumps({"items": items}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


def test_what_is_refused_in_turn_arrives_once() -> None:
    """429, 413, 503, and a store that is not there at all."""
    Moody.answers, Moody.taken = [429, 413, 503, 200, 200], Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        port = server.server_address[1]
    ours = shipper(Store(port=port))
    same = lines_of("vision", ["one", "two"])
    assert not ours.ship(same)
    with ThreadingHTTPServer(("127.0.0.1", port), Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert ours.ship(same, retries=3)
        assert ours.ship(same)
        server.shutdown()
    assert sorted(Moody.taken.values()) == [1, 1]


class TestRetention:
    def test_a_day_is_closed_and_an_old_one_goes_but_not_the_audit_log(self, kept: Store, tmp_path: Path) -> None:
        """With a retention of no time at all, what is not written to any more is old at once."""
        shipper(kept).ship(lines_of("vision", ["old"]))
        shipper(kept, "audit").ship([{"@timestamp": "2026-11-28T10:00:00Z", "auditID": "1", "verb": "get"}])
        for stream in ("vision.pods", "kubernetes.audit"):
            kept.ask("POST", f"/{stream}/_rollover")
        shipper(kept).ship(lines_of("vision", ["new"], second=1))
        said = keep(kept, tmp_path, days={"pods": 0.0, "audit": 400.0})
        assert texts(kept, "vision.pods") == ["new"]
        assert len(indices(kept, "kubernetes.audit")) == 2
        assert [line["auditID"] for line in kept.lines("kubernetes.audit")] == ["1"]
        assert said.count("older than its retention") == 1

    def test_lines_within_their_retention_stay(self, kept: Store, tmp_path: Path) -> None:
        shipper(kept).ship(lines_of("vision", ["old"]))
        kept.ask("POST", "/vision.pods/_rollover")
        assert keep(kept, tmp_path) == ""
        assert texts(kept, "vision.pods") == ["old"]

    def test_a_stream_of_a_tenant_that_left_goes_with_its_last_line(self, kept: Store, tmp_path: Path) -> None:
        shipper(kept).ship(lines_of("search", ["a secret of search"]))
        left = {"vision": "vision", "kube-system": ""}
        keep(kept, tmp_path, left)
        assert texts(kept, "search.pods") == ["a secret of search"]
        keep(kept, tmp_path, left, days={"pods": -1.0, "audit": 400.0})
        kept.ask("GET", "/_data_stream/search.pods", status=404)


class TestAFullDisk:
    def test_costs_the_oldest_lines_of_pods_and_none_of_the_audit_log(self, kept: Store, tmp_path: Path) -> None:
        for namespace in ("search", "vision"):
            stream = f"{namespace}.pods"
            shipper(kept).ship(lines_of(namespace, ["old"]))
            kept.ask("POST", f"/{stream}/_rollover")
            shipper(kept).ship(lines_of(namespace, ["new"], second=1))
        shipper(kept, "audit").ship([{"@timestamp": "2026-11-28T10:00:00Z", "auditID": "1"}])
        kept.ask("POST", "/kubernetes.audit/_rollover")
        said = keep(kept, tmp_path, fullPercent=0.0)
        assert "before its time" in said
        assert texts(kept, "search.pods") == texts(kept, "vision.pods") == ["new"]
        assert len(indices(kept, "kubernetes.audit")) == 2

    def test_that_the_store_answered_by_taking_nothing_loses_nothing(self, kept: Store) -> None:
        """At flood stage indices are read-only; what waits meanwhile is taken when they are not any more."""
        ours, waiting = shipper(kept), lines_of("vision", ["waits"])
        kept.ask("PUT", "/vision.pods/_settings", {"index.blocks.read_only_allow_delete": True})
        assert not ours.ship(waiting, retries=1)
        kept.ask("PUT", "/vision.pods/_settings", {"index.blocks.read_only_allow_delete": None})
        assert ours.ship(waiting)
        assert texts(kept, "vision.pods") == ["waits"]
