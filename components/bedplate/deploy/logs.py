"""Lines of an app's pods, each with its time and its pod: the last ones, or all to come.

Owns the order and the threads. What pods said that are gone stands where the platform keeps logs, not here.
"""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bedplate.deploy.cluster import Cluster, Object, Refused
from bedplate.deploy.errors import DeployError
from bedplate.labels import WORKLOAD

_LOOK_SECONDS = 2.0
_MOST_PODS = 50


@dataclass(frozen=True, kw_only=True)
class Line:
    """time: as the kubelet wrote it. pod: its full name."""

    time: str
    pod: str
    text: str


def last_lines(cluster: Cluster, app: str, tail: int) -> list[Line]:
    """Of all pods, by time. Raises DeployError where there is no pod."""
    found = [
        _line(name, text)
        for name, container in _containers(cluster, app)
        for text in _quietly(cluster, name, container, tail)
    ]
    return sorted(found, key=lambda line: line.time)[-tail:]


def _quietly(cluster: Cluster, pod: str, container: str, tail: int) -> Iterator[str]:
    """A pod that has not begun has no log, and is no error."""
    try:
        yield from cluster.stream(pod, container, tail, is_followed=False)
    except Refused:
        return


def followed(cluster: Cluster, app: str, tail: int, ends_after_seconds: float | None = None) -> Iterator[Line]:
    """As they come, of new pods too, until the process is interrupted."""
    _containers(cluster, app)
    lines: queue.Queue[Line] = queue.Queue(maxsize=10_000)
    at: set[str] = set()
    looked, began = 0.0, time.monotonic()
    while ends_after_seconds is None or time.monotonic() - began < ends_after_seconds:
        if time.monotonic() - looked >= _LOOK_SECONDS:
            looked = time.monotonic()
            for name, container in _listed(cluster, app):
                if name not in at and len(at) < _MOST_PODS:
                    at.add(name)
                    _follow(cluster, name, container, tail, lines, at)
        try:
            yield lines.get(timeout=0.25)
        except queue.Empty:
            continue


def _follow(cluster: Cluster, pod: str, container: str, tail: int, lines: "queue.Queue[Line]", at: set[str]) -> None:
    def read() -> None:
        try:
            for text in cluster.stream(pod, container, tail, is_followed=True):
                lines.put(_line(pod, text))
        except Exception:  # the pod is gone or not there yet: the next look begins anew where it is
            at.discard(pod)

    threading.Thread(target=read, name=f"log of {pod}", daemon=True).start()


def _line(pod: str, text: str) -> Line:
    when, _, said = text.partition(" ")
    return Line(time=when, pod=pod, text=said)


def _containers(cluster: Cluster, app: str) -> list[tuple[str, str]]:
    found = _listed(cluster, app)
    if not found:
        fix = f"see why: bedplate why {app}"
        raise DeployError(f"'{app}' has no pods in {cluster.namespace}, so no log", fix, app)
    return found


def _listed(cluster: Cluster, app: str) -> list[tuple[str, str]]:
    pods: list[Object] = list(cluster.list("Pod", {WORKLOAD: app}))
    return [(str(pod["metadata"]["name"]), str(pod["spec"]["containers"][0]["name"])) for pod in pods]
