"""What nodes would tell of simulated pods: processor, network and GPU figures, and where their workload answers.

Owns the exporter that Prometheus scrapes in place of cAdvisor and the DCGM exporter, with their names of series and
labels, and the endpoints of Services, because nothing answers at a simulated pod's address.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.labels import WORKLOAD
from cluster.objects_under_test import endpoint_slice
from cluster.processes_under_test import serving


@dataclass
class Use:
    """What a workload's pods do. gpu_percent: None where no GPU is measured."""

    cpu_cores: float = 0.001
    bytes_per_second: float = 50
    gpu_percent: float | None = None


@dataclass
class _Counters:
    cpu_seconds: float = 0
    bytes: float = 0
    counted: float = 0


class SimulatedUse:
    """Figures of every pod that is ready, by what its workload does. answering: where it is served, as address and
    port; its Service has an endpoint as long as a pod is ready."""

    def __init__(
        self,
        api: ApiServer,
        namespaces: Sequence[str],
        answering: tuple[str, int] | None = None,
        look_seconds: float = 0.5,
    ) -> None:
        self.uses: dict[tuple[str, str], Use] = {}
        self.ready: set[tuple[str, str, str]] = set()
        """Namespace, workload and pod."""
        self._api, self._namespaces, self._answering, self._look_seconds = api, namespaces, answering, look_seconds
        self._counters: dict[tuple[str, str, str], _Counters] = {}
        self._served: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def of(self, namespace: str, workload: str) -> Use:
        """What a workload does from now on; to be changed in place."""
        return self.uses.setdefault((namespace, workload), Use())

    def text(self, path: str) -> str:
        """As the exporter answers."""
        lines = list[str]()
        with self._lock:
            for key in sorted(self.ready):
                namespace, workload, pod = key
                use, counters = self.of(namespace, workload), self._counters[key]
                self._count(use, counters)
                labels = f'namespace="{namespace}",pod="{pod}"'
                if path == "/dcgm":
                    if use.gpu_percent is not None:
                        lines.append(f'DCGM_FI_DEV_GPU_UTIL{{{labels},gpu="0",container="main"}} {use.gpu_percent}')
                    continue
                for way in ("receive", "transmit"):
                    name = f"container_network_{way}_bytes_total"
                    lines.append(f'{name}{{{labels},interface="eth0"}} {counters.bytes / 2}')
                lines.append(f'container_cpu_usage_seconds_total{{{labels},container="main"}} {counters.cpu_seconds}')
        return "\n".join([*lines, ""])

    def _count(self, use: Use, counters: _Counters) -> None:
        now = time.monotonic()
        passed, counters.counted = now - counters.counted, now
        counters.cpu_seconds += use.cpu_cores * passed
        counters.bytes += use.bytes_per_second * passed

    @contextmanager
    def told(self) -> Iterator[int]:
        """The port of the exporter, while the block lasts."""
        told = self

        class Exporter(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = told.text(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                pass

        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=[ended], daemon=True)
        with serving(Exporter, "127.0.0.1") as port:
            thread.start()
            try:
                yield port
            finally:
                ended.set()
                thread.join()

    def _follow(self, ended: threading.Event) -> None:
        while not ended.wait(self._look_seconds):
            found = {key for name in self._namespaces for key in self._ready_pods(name)}
            with self._lock:
                for key in found - self.ready:
                    self._counters[key] = _Counters(counted=time.monotonic())
                self.ready = found
            self._serve({(namespace, workload) for namespace, workload, _ in found})

    def _ready_pods(self, namespace: str) -> Iterator[tuple[str, str, str]]:
        for pod in self._api.objects("v1", "Pod", namespace):
            metadata: dict[str, Any] = pod["metadata"]
            workload = metadata.get("labels", {}).get(WORKLOAD)
            conditions = pod.get("status", {}).get("conditions", [])
            is_ready = any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
            if workload and is_ready and "deletionTimestamp" not in metadata:
                yield namespace, workload, metadata["name"]

    def _serve(self, served: set[tuple[str, str]]) -> None:
        if self._answering is None:
            return
        address, port = self._answering
        for namespace, workload in served ^ self._served:
            there = address if (namespace, workload) in served else None
            self._api.apply(endpoint_slice(workload, namespace, there, port))
        self._served = served
