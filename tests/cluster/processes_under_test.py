"""What a front door is tested with: a workload and a login, both small HTTP servers of this process, and a visitor."""

import base64
import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

SESSION = "__Http-bedplate"
PROVIDER = "https://login.example.com"
"""Who signs people in, as its tokens say."""


def token(**claims: Any) -> str:
    """A token, as far as a front door looks at it."""
    said = base64.urlsafe_b64encode(json.dumps({"iss": PROVIDER, **claims}).encode()).decode().rstrip("=")
    return f"eyJh.{said}.c2ln"


INES = f"Bearer {token(sub='ines')}"
_WEBSOCKET_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""https://datatracker.ietf.org/doc/html/rfc6455#section-1.3"""


class Workload(BaseHTTPRequestHandler):
    """Says what it was asked, echoes over websockets, streams, dawdles, and answers with the headers of its query."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self._echo_one_frame()
        elif self.path.startswith(("/answers", "/early", "/late", "/unannounced")):
            self._answers()
        elif self.path.startswith("/stream"):
            self._stream()
        elif self.path.startswith("/large"):
            self._large()
        elif self.path.startswith("/halves"):
            self._halves()
        elif self.path.startswith("/unavailable"):
            self.send_response(503)
            self._send_headers([("Content-Type", "text/plain"), ("Content-Length", "6")], b"my own")
        else:
            if self.path.startswith("/slow"):
                time.sleep(3)
            self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        names = {name.lower() for name in self.headers}
        said = {
            "path": self.path,
            "bytes": len(body),
            "headers": {name: ", ".join(self.headers.get_all(name) or []) for name in names},
        }
        self._send(self._said(said))

    def _said(self, said: Mapping[str, Any]) -> bytes:
        return json.dumps(said).encode()

    def _body(self) -> bytes | None:
        """None where it ends too early."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline() or b"-1", 16):
            if size < 0:
                return None
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _asked_headers(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.path).query)

    def _answers(self) -> None:
        """With what it was asked to: in the answer, in one before it, or behind its body."""
        place, asked = urlsplit(self.path).path, self._asked_headers()
        if place == "/early":
            self.send_response(103)
            self._send_headers(asked)
        self.send_response(200)
        if place not in ("/late", "/unannounced"):
            self._send_headers([*(asked if place == "/answers" else []), ("Content-Length", "2")], b"ok")
            return
        announced = [("Trailer", name) for name, _ in asked if place == "/late"]
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked)
        self._send_headers(
            [("Transfer-Encoding", "chunked"), *announced], b"2\r\nok\r\n0\r\n" + lines.encode() + b"\r\n"
        )

    def _send_headers(self, headers: Sequence[tuple[str, str]], behind: bytes = b"") -> None:
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(behind)

    def _large(self) -> None:
        self.send_response(200)
        self._send_headers([("Content-Length", str(64 * 2**20))])
        for _ in range(64):
            self.wfile.write(b"x" * 2**20)

    def _halves(self) -> None:
        self.send_response(200)
        self._send_headers([("Content-Length", "10")], b"first")
        time.sleep(1.5)
        self.wfile.write(b"other")

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(2):
            if self.path != "/stream/later":
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
            time.sleep(1.5)
        self.close_connection = True

    def _echo_one_frame(self) -> None:
        key = self.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1((key + _WEBSOCKET_SALT).encode()).digest()).decode()
        self.send_response(101)
        handshake = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
        self._send_headers([*handshake, *self._asked_headers()])
        length = self.rfile.read(2)[1] & 0x7F
        mask, masked = self.rfile.read(4), self.rfile.read(length)
        self.wfile.write(bytes([0x81, length]) + bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked)))
        self.close_connection = True

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


class Login(BaseHTTPRequestHandler):
    """Knows two members of ml-vision, one of them by token too; sends browsers to the sign-in, tells others 401."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        Login.asked.append({":path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
        address = urlsplit(self.path)
        cookies = self.headers.get("Cookie", "")
        who = next((name for name in ("ines", "tomas") if f"{SESSION}={name}" in cookies), "")
        who = "ines" if self.headers.get("Authorization") == INES else who
        asked = parse_qs(address.query)
        if not who:
            self._answer(302 if address.path == "/" else 401, {"Location": "https://auth.ml.example.com/sign-in"})
        elif "ml-vision" not in asked.get("allowed_groups", [""])[0].split(",") or (
            f"{who}@example.com" not in asked.get("allowed_emails", [f"{who}@example.com"])[0].split(",")
        ):
            self._answer(403, {})
        else:
            refreshed = f"{SESSION}=refreshed; Domain=.ml.example.com; Secure; HttpOnly"
            self._answer(
                202, {"X-Auth-Request-User": who, "X-Auth-Request-Groups": "ml-vision", "Set-Cookie": refreshed}
            )

    def _answer(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


class Told(BaseHTTPRequestHandler):
    """Who is told of hosts that somebody asked for: which."""

    hosts: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        Told.hosts.append(self.path[1:])
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], address: str) -> Iterator[int]:
    """A server of this handler; its port."""
    server = ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_ports(*names: str) -> dict[str, int]:
    """A port for each name that nobody listens on now."""
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: int(probe.getsockname()[1]) for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports


def own_address() -> str:
    """An address of this machine that Kubernetes takes for a pod's; the test is skipped where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("198.51.100.1", 9))  # nothing is sent: the kernel picks the address it would send from
        found = str(probe.getsockname()[0])
        if not found.startswith("127."):
            return found
    pytest.skip("this machine has no address but the loopback ones, which the API server refuses for pods")


class Visitor:
    """Asks a front door on this machine for hosts, trusting one certificate."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(certificate))

    def connect(self, host: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection on which TLS was agreed."""
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=15)
        try:
            return (context or self._context).wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def ask(
        self,
        host: str,
        path: str = "/",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Iterator[bytes] | None = None,
        reading: bool = True,
        method: str | None = None,
    ) -> tuple[http.client.HTTPResponse, Any]:
        """The response, and its body: parsed where it is JSON. reading: whether the body is read here."""
        connection = http.client.HTTPSConnection(host, context=self._context, timeout=15)
        connection.sock = self.connect(host)
        connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_accept_encoding=True)
        for name, value in [*headers, *([] if reading else [("Connection", "close")])]:
            connection.putheader(name, value)
        if isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
        elif body is not None:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        try:
            if isinstance(body, bytes):
                connection.send(body)
            elif body is not None:
                for part in body:
                    connection.send(b"%x\r\n%s\r\n" % (len(part), part))
                connection.send(b"0\r\n\r\n")
        except OSError:
            pass  # refused before all was sent: the answer is there
        response = connection.getresponse()
        if not reading:
            return response, None
        content = response.read()
        connection.close()
        return response, json.loads(content) if content.startswith(b"{") else content

    def opens_websocket(
        self, host: str, headers: Sequence[tuple[str, str]] = (), path: str = "/ws"
    ) -> tuple[str, bytes]:
        """What is answered, as text up to the end of its headers; and what a workload echoes that lets her in."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        lines += [f"{name}: {value}" for name, value in headers]
        with self.connect(host) as connection, connection.makefile("rb") as answer:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            said = b"".join(iter(answer.readline, b"\r\n")).decode()
            if not said.startswith("HTTP/1.1 101"):
                return said, b""
            connection.sendall(bytes([0x81, 0x85, 0, 0, 0, 0]) + b"hello")
            assert answer.read(2) == b"\x81\x05"
            return said, answer.read(5)

    def hears(self, host: str, path: str, headers: Sequence[tuple[str, str]] = ()) -> str:
        """All that is answered, to the last byte, as text."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", "TE: trailers"]
        lines += [f"{name}: {value}" for name, value in headers]
        with self.connect(host) as connection, connection.makefile("rb") as answer:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return answer.read().decode()
