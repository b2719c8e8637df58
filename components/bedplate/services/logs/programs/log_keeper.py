"""Keeps the streams of logs in order: templates, streams, retention, and the disk.

Runs every few minutes, each time from the beginning: what is there already stays. It makes what is missing, a stream
for each namespace of the cluster among it, begins a new backing index when one has a day's lines or too many, and
removes those whose last line is older than its family's retention. Where the disk is nearly full it removes the oldest
lines of pods before their time, and never of the audit log. Where the store has Kibana, each tenant gets a space and a
view of its stream. Who is a tenant, the label of a namespace says, which the platform alone writes. Speaks to
Elasticsearch and OpenSearch alike, and needs Python's standard library only.
"""

import base64
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ANSWER_SECONDS = 60
DAY_SECONDS = 86_400
ROLL_BYTES = 30 * 2**30
FULL_PERCENT = 85.0
"""The store's low watermark: above it no shard of a new index finds a place."""


@dataclass(frozen=True)
class Index:
    """A backing index. created: seconds since 1970. size: bytes, of one copy."""

    name: str
    created: float
    documents: int
    size: int


@dataclass(frozen=True)
class Stream:
    """A data stream. indices: oldest first; the last is written to."""

    name: str
    indices: list[Index]

    @property
    def family(self) -> str:
        return self.name.rpartition(".")[2]


def to_roll(streams: list[Stream], now: float) -> list[str]:
    """Streams that need a new backing index. One without a line stays as it is."""
    return [
        stream.name
        for stream in streams
        for newest in stream.indices[-1:]
        if newest.documents and (now - newest.created >= DAY_SECONDS or newest.size >= ROLL_BYTES)
    ]


def expired(streams: list[Stream], days: dict[str, float], now: float) -> list[str]:
    """Backing indices whose last line is older than their family's retention: the next one has begun before that."""
    return [
        index.name
        for stream in streams
        if stream.family in days
        for index, following in zip(stream.indices, stream.indices[1:], strict=False)
        if now - following.created >= days[stream.family] * DAY_SECONDS
    ]


def forgotten(streams: list[Stream], wanted: list[str], days: dict[str, float], now: float) -> list[str]:
    """Streams of namespaces that are no more, when the last of their lines is old enough."""
    return [
        stream.name
        for stream in streams
        if stream.name not in wanted and stream.family in days
        if all(now - index.created >= (days[stream.family] + 1) * DAY_SECONDS for index in stream.indices)
    ]


def sacrificed(streams: list[Stream], excess: float) -> tuple[list[str], list[str]]:
    """What goes before its time so that `excess` bytes of one copy get free: backing indices of pods, the oldest first;
    where that is not enough, streams that begin a new one, so that the next round finds more."""
    closed = [index for stream in streams if stream.family == "pods" for index in stream.indices[:-1]]
    gone: list[str] = []
    for index in sorted(closed, key=lambda each: each.created):
        if excess <= 0:
            return gone, []
        gone.append(index.name)
        excess -= index.size
    if excess <= 0:
        return gone, []
    written = [(stream.indices[-1].size, stream.name) for stream in streams if stream.family == "pods"]
    return gone, [name for size, name in sorted(written, reverse=True)[:1] if size]


class Http:
    """A program that answers JSON. authorization: what each request says of who asks. authority: file of what its
    certificate is verified with; public authorities if none."""

    def __init__(self, url: str, authorization: str, authority: str | None) -> None:
        self._url = url.rstrip("/")
        self._context = ssl.create_default_context(cafile=authority) if url.startswith("https") else None
        self._headers = {"Authorization": authorization, "Content-Type": "application/json", "kbn-xsrf": "bedplate"}

    def ask(self, method: str, path: str, body: Any = None, missing: Any = None, form: str = "") -> Any:
        """What it answers. missing: in place of an answer that there is no such thing, or that it is there. form: of
        the body, if another than JSON's."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, **({"Content-Type": form} if form else {})}
        request = urllib.request.Request(f"{self._url}{path}", data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=self._context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if missing is not None and error.code in (404, 409):
                return missing
            said = error.read(2000).decode(errors="replace")
            raise RuntimeError(f"{method} {path}: {error.code} {said}") from None


class Kubernetes:
    """The API server, asked as the pod's own ServiceAccount."""

    def __init__(self, server: str, account: str) -> None:
        with open(f"{account}/token", encoding="utf-8") as file:
            self._api = Http(server, f"Bearer {file.read().strip()}", f"{account}/ca.crt")

    def namespaces(self, label: str) -> dict[str, str]:
        """All of them, and whose tenant's each is: the label's value, or ''."""
        found = [one["metadata"] for one in self._api.ask("GET", "/api/v1/namespaces")["items"]]
        return {one["name"]: one.get("labels", {}).get(label, "") for one in found}

    def publish(self, namespace: str, name: str, data: dict[str, str]) -> None:
        """Writes what a ConfigMap holds, if it holds something else."""
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        if self._api.ask("GET", path).get("data") != data:
            self._api.ask("PATCH", path, {"data": data}, form="application/merge-patch+json")
            said(f"wrote {namespace}/{name}")


class Keeper:
    """One round."""

    def __init__(self, store: Http, wanted: dict[str, Any], now: float) -> None:
        self._store, self._wanted, self._now = store, wanted, now

    def free(self) -> None:
        """First, because a store whose disk is full takes nothing else."""
        disks = self._store.ask("GET", "/_cat/allocation?format=json&bytes=b&h=disk.used,disk.total")
        full = self._wanted.get("fullPercent", FULL_PERCENT) / 100
        excess = max(
            (int(one["disk.used"]) - full * int(one["disk.total"]) for one in disks if one.get("disk.total")), default=0
        )
        if excess <= 0:
            return
        gone, rolled = sacrificed(self._streams(), excess)
        self._remove(gone, "before its time: the disk is nearly full")
        self._roll(rolled)

    def run(self, names: list[str]) -> None:
        """names: of streams that there are to be. Raises RuntimeError at the first thing that the store refuses."""
        for name, body in self._wanted["templates"].items():
            self._store.ask("PUT", f"/_index_template/{name}", body)
        there = {stream.name for stream in self._streams()}
        for name in names:
            if name not in there:
                self._store.ask("PUT", f"/_data_stream/{name}")
                said(f"made {name}")
        streams, days = self._streams(), self._wanted["days"]
        self._roll(to_roll(streams, self._now))
        self._remove(expired(streams, days, self._now), "older than its retention")
        for name in forgotten(streams, names, days, self._now):
            self._store.ask("DELETE", f"/_data_stream/{name}", missing={})
            said(f"removed {name}: nobody's any more, and older than its retention")

    def _streams(self) -> list[Stream]:
        wanted = ",".join(self._wanted["patterns"])
        found = self._store.ask("GET", f"/_data_stream/{wanted}", missing={"data_streams": []})["data_streams"]
        columns = "index,creation.date,docs.count,pri.store.size"
        indices = self._store.ask(
            "GET", f"/_cat/indices/{wanted}?format=json&bytes=b&expand_wildcards=all&h={columns}", missing=[]
        )
        facts = {
            one["index"]: Index(
                name=one["index"],
                created=int(one["creation.date"]) / 1000,
                documents=int(one["docs.count"] or 0),
                size=int(one["pri.store.size"] or 0),
            )
            for one in indices
        }
        return [
            Stream(
                stream["name"], [facts[one["index_name"]] for one in stream["indices"] if one["index_name"] in facts]
            )
            for stream in found
        ]

    def _roll(self, names: list[str]) -> None:
        for name in names:
            self._store.ask("POST", f"/{name}/_rollover", {})
            said(f"began a new index of {name}")

    def _remove(self, names: list[str], why: str) -> None:
        for name in names:
            self._store.ask("DELETE", f"/{name}", missing={})
            said(f"removed {name}: {why}")


def show(kibana: Http, spaces: dict[str, list[str]]) -> None:
    """A space for each tenant, and in it a view of each of its streams."""
    for space, streams in spaces.items():
        body = {"id": space, "name": space}
        if kibana.ask("GET", f"/api/spaces/space/{space}", missing={}) == {}:
            kibana.ask("POST", "/api/spaces/space", body)
            said(f"made the space {space}")
        for stream in streams:
            view = {"id": stream, "name": stream, "title": stream, "timeFieldName": "@timestamp"}
            place = "" if space == "default" else f"/s/{space}"
            kibana.ask("POST", f"{place}/api/data_views/data_view", {"data_view": view, "override": True})


def said(line: str) -> None:
    """What was done, for who reads the log."""
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """One round over the store, and over Kibana where there is one."""
    with open(os.environ["WANTED"], encoding="utf-8") as file:
        wanted: dict[str, Any] = json.load(file)
    token = base64.b64encode(f"{os.environ['STORE_USER']}:{os.environ['STORE_PASSWORD']}".encode()).decode()
    authorization, authority = f"Basic {token}", os.environ.get("STORE_AUTHORITY") or None
    keeper = Keeper(Http(os.environ["STORE"], authorization, authority), wanted, time.time())
    keeper.free()
    kubernetes = Kubernetes(os.environ["KUBERNETES"], os.environ.get("ACCOUNT", ACCOUNT))
    if authority and (place := wanted.get("publishes")):
        with open(authority, encoding="utf-8") as file:
            kubernetes.publish(place["namespace"], place["name"], {place["key"]: file.read()})
    namespaces = kubernetes.namespaces(wanted["label"])
    streams = {namespace: wanted["stream"].format(namespace) for namespace in sorted(namespaces)}
    keeper.run([*streams.values(), *wanted["streams"]])
    if kibana := os.environ.get("KIBANA"):
        of_tenants = {wanted["space"].format(tenant): [streams[name]] for name, tenant in namespaces.items() if tenant}
        show(Http(kibana, authorization, None), {**wanted["spaces"], **of_tenants})


if __name__ == "__main__":
    main()
