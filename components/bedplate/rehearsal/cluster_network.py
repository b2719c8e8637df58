"""The cluster's network as an operator on this machine finds it: an HTTP proxy on the loopback interface.

Owns the way to Services of operators that run, by the names that they have in the cluster, to the API server by its
own, and to simulated pods, which say that they are none. It leads nowhere else: a rehearsal asks nobody outside.
"""

import contextlib
import http.client
import ipaddress
import selectors
import socket
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SIMULATED = "X-Bedplate-Simulated"
"""Header of an answer that stands in for that of a pod."""
_ANSWER_SECONDS = 20.0
_PIECE_BYTES = 65_536
_BETWEEN_TWO = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length"})
"""Headers of one connection, which a proxy does not pass on: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1."""


@contextlib.contextmanager
def cluster_network(services: Mapping[str, str], hosts: Mapping[str, str]) -> Generator[str]:
    """Serves while the block lasts; yields its URL. services: from `host:port` in the cluster to `host:port` here.
    hosts: that visitors ask for, from their names to `host:port` in the cluster. Both may grow."""

    class Handler(_Way):
        leads_to = services
        visited = hosts

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="cluster network", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Way(BaseHTTPRequestHandler):
    """One request on its way. leads_to: Services by name. visited: hosts of visitors, and their Services."""

    protocol_version = "HTTP/1.1"
    leads_to: Mapping[str, str]
    visited: Mapping[str, str]

    def _pass_on(self) -> None:
        asked = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = asked.hostname or ""
        here = self.leads_to.get(self.visited.get(host, f"{host}:{asked.port or 80}"))
        if here is not None:
            self._relay(here, f"{asked.path or '/'}?{asked.query}" if asked.query else asked.path or "/", body)
        elif host in self.visited or _is_address(host):
            self._answer(200, {SIMULATED: "pod"}, b"no pod runs in a rehearsal\n")
        else:
            self._refuse()

    def do_GET(self) -> None:
        """What visitors of the front door ask, and the front door of the login."""
        self._pass_on()

    def do_HEAD(self) -> None:
        """The same without a body."""
        self._pass_on()

    def do_POST(self) -> None:
        """What webhooks and hooks of alerts send."""
        self._pass_on()

    def do_CONNECT(self) -> None:
        """What is encrypted leads out of the cluster, but for the API server's: that is passed on as it comes."""
        here = self.leads_to.get(self.path)
        if here is None:
            self._refuse()
            return
        host, _, port = here.rpartition(":")
        self.close_connection = True
        try:
            there = socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS)
        except OSError as error:
            self._answer(502, {}, f"{here} does not answer: {error}\n".encode())
            return
        with there:
            self.send_response_only(200)
            self.end_headers()
            _pass_both_ways(self.connection, there)

    def _refuse(self) -> None:
        self.close_connection = True
        self._answer(403, {}, b"a rehearsal asks nobody outside of its cluster\n")

    def _relay(self, here: str, path: str, body: bytes) -> None:
        connection = http.client.HTTPConnection(here, timeout=_ANSWER_SECONDS)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _BETWEEN_TWO}
        try:
            connection.request(self.command, path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            self._answer(502, {}, f"{here} does not answer: {error}\n".encode())
            return
        finally:
            connection.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _BETWEEN_TWO:
                self.send_header(name, value)
        self._end(content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self._end(content)

    def _end(self, content: bytes) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing: an operator's own log says what it asked."""


def _pass_both_ways(one: socket.socket, other: socket.socket) -> None:
    """Until either ends."""
    one.settimeout(None)
    other.settimeout(None)
    to = {one: other, other: one}
    with selectors.DefaultSelector() as ready:
        for each in to:
            ready.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                source = one if key.fileobj is one else other
                try:
                    content = source.recv(_PIECE_BYTES)
                    to[source].sendall(content)
                except OSError:
                    return
                if not content:
                    return


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
