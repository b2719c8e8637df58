"""How the operator of a concern runs beside an API server, as data: what is started, and how to see what it did.

A concern says it in `operators.py` of its folder: OPERATORS, and NOT_RUN with the reason why something else that it
installs cannot run. Owns the face and starts nothing: a rehearsal starts what stands here, in place of what the stack
would install (`rehearsal/operators.py`). Everything listens on the loopback interface.
"""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bedplate.clouds import Allocatable
from bedplate.kubernetes import Manifest

_ANSWER_SECONDS = 5.0


class Cluster(Protocol):
    """The API server, as far as an operator's doings are read from it."""

    def objects(self, api_version: str, kind: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """The objects of a kind, in one namespace or in all."""
        ...


@dataclass(frozen=True, kw_only=True)
class GrowingPool:
    """Nodes that come when pods wait for them. nodes: the most that may come. offer: of one node."""

    name: str
    nodes: int
    offer: Allocatable
    accelerator: str | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an operator finds where it runs.

    objects: those of the stack, secrets in the clear. values: of the chart in whose place it runs. server: the API
    server's address, authority: what its certificate is verified with, token: the operator's, as a file; kubeconfig
    holds all three. ports: of its own, on loopback, by name. services: where operators listen, by the names of their
    Services in the cluster (`host:port`). folder: its own, for its files. network: an HTTP proxy that leads to
    Services and pods. pools: nodes that may come.
    """

    objects: Sequence[Manifest]
    values: Mapping[str, Any]
    namespace: str
    server: str
    authority: Path
    token: Path
    kubeconfig: Path
    folder: Path
    ports: Mapping[str, int]
    network: str
    pools: Sequence[GrowingPool] = ()

    def object(self, kind: str, name: str, namespace: str = "") -> Manifest:
        """The stack's object of that name. Raises LookupError."""
        for body in self.objects:
            metadata = body["metadata"]
            if (body["kind"], metadata["name"], metadata.get("namespace", "")) == (kind, name, namespace):
                return body
        raise LookupError(f"the stack has no {kind} {namespace}/{name}")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A command line. files: by their path below the operator's folder. objects: applied before it starts, beside
    those of the stack, and removed after it has stopped. webhooks: its webhook configurations, whose Services become
    its port `webhook`, with its certificate as what they trust."""

    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    objects: Sequence[Manifest] = ()
    webhooks: Sequence[Manifest] = ()


@dataclass(frozen=True, kw_only=True)
class Ready:
    """How to see that it runs: a path that answers 200 on one of its ports, or a text in its log."""

    port: str = ""
    path: str = ""
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """What an operator has not done. object: as a person names it."""

    object: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """What an operator did. counts: by names that stay. text: the same for people. missing: what is still to come or to
    go, or never does."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    missing: Sequence[Shortfall] = ()


@dataclass(frozen=True, kw_only=True)
class NodesSeen:
    """Nodes that came and went in one pool while the rehearsal ran, and how many were there at once."""

    came: int = 0
    went: int = 0
    most: int = 0


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What can be looked at while an operator runs. log: its own. nodes: counts those that came, by pool."""

    cluster: Cluster
    surroundings: Surroundings
    log: str
    nodes: Callable[[], Mapping[str, NodesSeen]] = dict[str, NodesSeen]


def readiness(sight: Sight, api_version: str, kind: str, *, unready: str, teller: str) -> tuple[int, list[Shortfall]]:
    """How many of the stack's objects of a kind say that they are Ready, and what keeps each of the others from it.
    unready: what an object is that does not say so; teller: who should have said something of it."""
    live = {
        (body["metadata"]["namespace"], body["metadata"]["name"]): body
        for body in sight.cluster.objects(api_version, kind)
    }
    ready, missing = 0, list[Shortfall]()
    for wanted in (body for body in sight.surroundings.objects if body["kind"] == kind):
        place = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        conditions: list[dict[str, Any]] = live.get(place, {}).get("status", {}).get("conditions", [])
        found = {item["type"]: item for item in conditions}.get("Ready", {})
        if found.get("status") == "True":
            ready += 1
        else:
            missing.append(
                Shortfall(
                    object=f"{kind} {'/'.join(place)}",
                    reason=f"{unready}: {found.get('message') or f'{teller} has said nothing of it yet'}",
                    fix=f"see its conditions and events: kubectl describe {kind.lower()}",
                )
            )
    return ready, missing


@dataclass(frozen=True, kw_only=True)
class OperatorProgram:
    """An operator and how it runs.

    program: its name in the table of programs. release: the chart in whose place it starts, as soon as what that waits
    for is there; deployment: the same for one that the stack writes itself, as `namespace/name`. brings_nodes: it
    starts first, for every stack whose pools grow, and its work is looked at in the end. account: the ServiceAccount
    whose rights it has, as `namespace/name`; without one those of an administrator, because its chart alone knows its
    rights. ports: names of those that it listens on; `webhook` gets a certificate, in its folder as `webhook/tls.crt`
    and `webhook/tls.key`. service: by which others reach its port `http`. without: what of it does not run, and why.
    passes_on: hosts whose requests it passes on, and to which Service of the cluster, as `host:port`. absent: why it
    cannot run for this stack, or ''.
    """

    name: str
    program: str
    launch: Callable[[Surroundings], Launch]
    work: Callable[[Sight], Work]
    ready: Ready
    release: str = ""
    deployment: str = ""
    brings_nodes: bool = False
    account: str = ""
    ports: Sequence[str] = ()
    service: str = ""
    without: str = ""
    passes_on: Callable[[Surroundings], Mapping[str, str]] = lambda _: {}
    absent: Callable[[Surroundings], str] = lambda _: ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer over HTTP; headers by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def asked(
    port: int, path: str, headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
) -> Answer:
    """What an operator answers on the loopback interface. context: of TLS, which is then spoken with the host of the
    header `Host`, whose certificate it verifies. Raises OSError."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)) as connection:
        connection.sock = plain
        if context is not None:
            connection.sock = context.wrap_socket(plain, server_hostname=(headers or {})["Host"])
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(status=answer.status, headers=headers, body=answer.read())
