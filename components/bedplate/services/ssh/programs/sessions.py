"""Tells Prometheus how many connections there are from here to each workspace.

Usage: sessions.py WORKSPACES.json PORT. It reads the list anew at each question, and counts in the kernel's table of
connections (https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html), so it needs no right of any kind.
A workspace whose name cannot be asked gets no sample: nobody knows.
"""

import http.server
import ipaddress
import json
import pathlib
import socket
import sys
from collections.abc import Iterator

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
ESTABLISHED = "01"
NAME = "bedplate_workspace_ssh_sessions"


def connections() -> Iterator[tuple[str, int]]:
    """Address and port of the other end of each open connection."""
    for table in TABLES:
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            _, _, remote, state, *_ = line.split()
            if state == ESTABLISHED:
                address, port = remote.split(":")
                yield plain(address), int(port, 16)


def plain(address: str) -> str:
    """The kernel writes words of four bytes in the machine's own order."""
    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    return str(getattr(found, "ipv4_mapped", None) or found)


def metrics(file: str) -> str:
    """The page that Prometheus reads."""
    there = list(connections())
    lines = [f"# HELP {NAME} Open SSH connections by workspace.", f"# TYPE {NAME} gauge"]
    for each in json.loads(pathlib.Path(file).read_text()):
        try:
            found = socket.getaddrinfo(each["host"], None, type=socket.SOCK_STREAM)
        except OSError:
            continue
        addresses = {answer[4][0] for answer in found}
        count = sum(1 for address, port in there if address in addresses and port == each["port"])
        lines.append(f'{NAME}{{namespace="{each["namespace"]}",pod="{each["pod"]}"}} {count}')
    return "\n".join(lines) + "\n"


class Page(http.server.BaseHTTPRequestHandler):
    """Answers /metrics."""

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(404)
            return
        body = metrics(sys.argv[1]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing to say of each question."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(sys.argv[2])), Page).serve_forever()
