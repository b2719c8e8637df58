"""Has KEDA start at once what somebody has asked for while it was stopped.

Usage: waker.py PORT. Whoever keeps the door tells it the host: `POST /HOST`. It finds the ScaledObject that is marked
with that host and forces it to be active (https://keda.sh/docs/latest/concepts/scaling-deployments/). KEDA looks
at once at an object whose spec has changed, and for an annotation at its next look only, so a field goes with it that
matters to new objects alone (https://github.com/kedacore/keda/blob/v2.21.0/controllers/keda/scaledobject_controller.go).
Forcing has no end of its own: it is taken back after HELD_SECONDS, when all of them have seen that it runs, and what
this program did not take back because it ended is taken back by the next one. It decides nothing else: what is stopped
by hand stays so.
Needs Python's standard library only.
"""

import hashlib
import http.server
import json
import os
import re
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ANSWER_SECONDS = 10
HELD_SECONDS = 180
"""Reading, computing and looking take up to 45 seconds, and twice that where one of them has just begun anew."""
AGAIN_SECONDS = 30
"""A host is not looked for again before that, however often it is asked for."""
MOST_HOSTS = 1000
FORCED = "autoscaling.keda.sh/force-activation"
STOPPED = "autoscaling.keda.sh/paused-replicas"
WOKEN_AT = "bedplate.dev/woken-at"
HOST = "bedplate.dev/host"
UNUSED = "initialCooldownPeriod"
"""Seconds for which a new object is not scaled to none; the platform leaves it out."""
OBJECTS = "/apis/keda.sh/v1alpha1"
_HOST = re.compile(r"[a-z0-9.-]{1,253}")


def mark_of(host: str) -> str:
    """Value of the label of what is started by requests for a host: hosts may be longer than labels."""
    return hashlib.sha256(host.encode()).hexdigest()[:32]


class Kubernetes:
    """The API server, asked as the pod's own ServiceAccount."""

    def __init__(self, url: str, account: str) -> None:
        self._url, self._account = url, account
        self._context = ssl.create_default_context(cafile=f"{account}/ca.crt")

    def marked(self, host: str) -> list[Any]:
        """ScaledObjects that requests for this host start."""
        return self._ask("GET", f"/scaledobjects?limit=2&labelSelector={HOST}%3D{mark_of(host)}")["items"]

    def every(self) -> list[Any]:
        """All that requests start."""
        return self._ask("GET", f"/scaledobjects?labelSelector={HOST}")["items"]

    def say(self, namespace: str, name: str, forced: str | None, woken_at: str | None) -> None:
        """Of one, which KEDA then looks at; it may be gone."""
        annotations = {FORCED: forced, WOKEN_AT: woken_at}
        change = {"metadata": {"annotations": annotations}, "spec": {UNUSED: 1 if forced else None}}
        path = f"/namespaces/{namespace}/scaledobjects/{name}"
        try:
            self._ask("PATCH", path, change)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        with open(f"{self._account}/token", encoding="utf-8") as file:  # it is renewed
            headers = {"Authorization": f"Bearer {file.read().strip()}", "Content-Type": "application/merge-patch+json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self._url}{OBJECTS}{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS, context=self._context) as answer:
            return json.load(answer)


class Waker:
    """Who was woken, and until when that is held."""

    def __init__(self, kubernetes: Kubernetes, held_seconds: float = HELD_SECONDS) -> None:
        self._kubernetes, self._held_seconds = kubernetes, held_seconds
        self._asked: dict[str, float] = {}
        self._held: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def wake(self, host: str) -> None:
        """What answers at this host, unless it was looked for a moment ago."""
        now = time.monotonic()
        with self._lock:
            if now - self._asked.get(host, -AGAIN_SECONDS) < AGAIN_SECONDS:
                return
            if len(self._asked) >= MOST_HOSTS:
                self._asked = {name: at for name, at in self._asked.items() if now - at < AGAIN_SECONDS}
            self._asked[host] = now
        try:
            self._force(host)
        except (OSError, ValueError) as error:
            self._asked.pop(host, None)
            tell(f"{host} is not woken, but by what Prometheus sees: {error}")

    def _force(self, host: str) -> None:
        for found in self._kubernetes.marked(host):
            metadata = found["metadata"]
            if STOPPED in metadata.get("annotations", {}):
                continue
            key = metadata["namespace"], metadata["name"]
            with self._lock:
                self._held[key] = time.monotonic() + self._held_seconds
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._kubernetes.say(*key, "true", now)
            tell(f"{'/'.join(key)} is woken")

    def take_over(self) -> None:
        """What was forced before this program began."""
        for found in self._kubernetes.every():
            metadata = found["metadata"]
            if WOKEN_AT in metadata.get("annotations", {}):
                with self._lock:
                    key = metadata["namespace"], metadata["name"]
                    self._held.setdefault(key, time.monotonic() + self._held_seconds)

    def let_go(self) -> None:
        """Of what was held long enough."""
        now = time.monotonic()
        with self._lock:
            due = [key for key, until in self._held.items() if until <= now]
        for key in due:
            try:
                self._kubernetes.say(*key, None, None)
            except OSError as error:
                tell(f"{'/'.join(key)} is still forced: {error}")
                continue
            with self._lock:
                if self._held[key] <= now:
                    del self._held[key]


def tell(line: str) -> None:
    print(line, flush=True)


def watch(waker: Waker, ended: threading.Event, pause_seconds: float = 5) -> None:
    """Lets go of what is due, from what was left by the one before."""
    is_taken_over = False
    while not ended.wait(pause_seconds if is_taken_over else 0):
        try:
            if not is_taken_over:
                waker.take_over()
                is_taken_over = True
        except (OSError, ValueError) as error:
            tell(f"what was woken before is not known: {error}")
            ended.wait(pause_seconds)
        waker.let_go()


def handler_of(waker: Waker) -> type[http.server.BaseHTTPRequestHandler]:
    """Answers at once; what there is to do is done after it."""

    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if self.path == "/health" else 404)

        def do_POST(self) -> None:
            host = urllib.parse.unquote(self.path[1:]).lower()
            if not _HOST.fullmatch(host):
                self._answer(404)
                return
            self._answer(202)
            waker.wake(host)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """What was woken is told, and not who asked."""

    return Door


if __name__ == "__main__":
    made = Waker(
        Kubernetes(os.environ["KUBERNETES"], os.environ.get("ACCOUNT", ACCOUNT)),
        float(os.environ.get("HELD_SECONDS", HELD_SECONDS)),
    )
    threading.Thread(target=watch, args=[made, threading.Event()], daemon=True).start()
    place = os.environ.get("ADDRESS", ""), int(sys.argv[1])
    http.server.ThreadingHTTPServer(place, handler_of(made)).serve_forever()
