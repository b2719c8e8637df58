"""Two nodes whose kubelet is this process: it writes the status of pods as a kubelet would, and has their logs.

What becomes of a pod follows from its image's tag: `hungry` needs a gibibyte (the guide's app half of one), `missing`
is in no registry, `crash` and `offline` end, `lost` has no page at the probe's path, `slow` never gets ready; every
other tag serves.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.kubernetes.quantities import quantity
from cluster.traefik_under_test import certificate

NODES = ("desk-0", "desk-1")
LOGS = {
    "hungry": "loading weights\nallocating 900 MiB\n",
    "crash": "starting\nTraceback (most recent call last):\nModuleNotFoundError: No module named 'torch'\n",
    "offline": "starting\nrequests.exceptions.ConnectTimeout: HTTPConnectionPool(host='10.1.2.3', port=5432)\n",
}
_MERGE = {"Content-Type": "application/merge-patch+json"}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Logs(BaseHTTPRequestHandler):
    """https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/server/server.go, `/containerLogs`."""

    kubelet: "Kubelet"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        pod = url.path.split("/")[3]
        tail = int(asked.get("tailLines", ["100"])[0])
        lines = self.kubelet.log_of(pod)[-tail:]
        if asked.get("timestamps") == ["true"]:
            lines = [f"{now()} {line}" for line in lines]
        self.send_response(200)
        self.end_headers()
        self.wfile.write("".join(f"{line}\n" for line in lines).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the interface
        """Says nothing."""


class Kubelet:
    """Of both nodes. pods: the image's tag of each that it has seen, by name."""

    def __init__(self, api: ClusterApi, port: int) -> None:
        self._api, self._port = api, port
        self._stopped = threading.Event()
        self.pods: dict[str, str] = {}

    def log_of(self, pod: str) -> list[str]:
        """Lines that the pod's program wrote."""
        return LOGS.get(self.pods.get(pod, ""), "serving\nGET /health 200\n").splitlines()

    def run(self) -> None:
        """Until it is stopped."""
        renewed = 0.0
        while not self._stopped.is_set():
            if time.monotonic() - renewed > 5:
                renewed = time.monotonic()
                for node in NODES:
                    self._renew(node)
            for pod in self._api.items("/api/v1/pods"):
                with contextlib.suppress(ApiError):  # gone meanwhile, or changed by somebody else: seen again
                    self._see_to(pod)
            self._stopped.wait(0.1)

    def stop(self) -> None:
        """Ends `run`."""
        self._stopped.set()

    def register(self) -> None:
        """Makes the nodes."""
        for node in NODES:
            metadata = {"name": node, "labels": {"kubernetes.io/hostname": node, "kubernetes.io/os": "linux"}}
            self._api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
            self._renew(node)
            self._api.call("patch", f"/api/v1/nodes/{node}", body={"spec": {"taints": None}}, headers=_MERGE)

    def _renew(self, node: str) -> None:
        has = {"cpu": "6", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime": now()}
        status = {
            "capacity": has,
            "allocatable": has,
            "conditions": [{**ready, "lastTransitionTime": now()}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
        }
        self._api.call("patch", f"/api/v1/nodes/{node}/status", body={"status": status}, headers=_MERGE)

    def _see_to(self, pod: Any) -> None:
        metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
        if spec.get("nodeName") not in NODES:
            return
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            self._api.call("delete", path, body={"gracePeriodSeconds": 0})
        elif not status.get("containerStatuses"):
            self.pods[metadata["name"]] = str(spec["containers"][0]["image"]).rpartition(":")[2]
            self._api.call("patch", f"{path}/status", body={"status": self._status(pod)}, headers=_MERGE)

    def _status(self, pod: Any) -> dict[str, Any]:
        container = pod["spec"]["containers"][0]
        state = self._state(pod, container)
        is_ready = bool(state.pop("ready", False))
        condition = {"type": "Ready", "status": str(is_ready), "lastTransitionTime": now()}
        one = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0, **state}
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
        return {
            "phase": "Running",
            "startTime": now(),
            "conditions": [scheduled, condition, {**condition, "type": "ContainersReady"}],
            "containerStatuses": [{**one, "ready": is_ready}],
        }

    def _state(self, pod: Any, container: Any) -> dict[str, Any]:
        tag = self.pods[pod["metadata"]["name"]]
        if missing := self._missing_secret(pod, container):
            return _waiting("CreateContainerConfigError", f'secret "{missing}" not found')
        needed = 2**30 if tag == "hungry" else 2**29 if "/fraud:" in container["image"] else 0
        if quantity(container["resources"]["limits"]["memory"]) < needed:
            return {**_waiting("CrashLoopBackOff", "back-off 40s"), **_ended("OOMKilled", 137), "restartCount": 3}
        if tag == "missing":
            said = f'Back-off pulling image "{container["image"]}": rpc error: code = NotFound: not found'
            return _waiting("ImagePullBackOff", said)
        if tag in ("crash", "offline"):
            return {**_waiting("CrashLoopBackOff", "back-off 40s"), **_ended("Error", 1), "restartCount": 4}
        if tag == "lost":
            self._say(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
        is_ready = tag not in ("lost", "slow")
        return {"ready": is_ready, "started": True, "state": {"running": {"startedAt": now()}}}

    def _missing_secret(self, pod: Any, container: Any) -> str:
        for variable in container.get("env", []):
            name = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name", "")
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets/{name}"
            if name and not self._api.answers(path):
                return name
        return ""

    def _say(self, pod: Any, reason: str, message: str) -> None:
        metadata = pod["metadata"]
        of = {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]}
        event = {"involvedObject": of, "reason": reason, "message": message, "type": "Warning", "lastTimestamp": now()}
        body = {"metadata": {"generateName": f"{metadata['name']}."}, **event}
        self._api.create(f"/api/v1/namespaces/{metadata['namespace']}/events", body)


def _waiting(reason: str, message: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, "started": False}


def _ended(reason: str, code: int) -> dict[str, Any]:
    return {"lastState": {"terminated": {"reason": reason, "exitCode": code, "startedAt": now(), "finishedAt": now()}}}


@contextlib.contextmanager
def running_kubelet(api: ClusterApi, folder: Path) -> Iterator[Kubelet]:
    """As long as the block lasts; its nodes go with it."""
    found, key = certificate(folder, "localhost")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Logs)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(found, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    kubelet = Kubelet(api, server.server_port)
    server.RequestHandlerClass = type("Logs", (_Logs,), {"kubelet": kubelet})
    kubelet.register()
    runs: list[Callable[[], None]] = [kubelet.run, server.serve_forever]
    threads = [threading.Thread(target=each, daemon=True) for each in runs]
    for thread in threads:
        thread.start()
    try:
        yield kubelet
    finally:
        kubelet.stop()
        server.shutdown()
        for thread in threads:
            thread.join(10)
        server.server_close()
        for node in NODES:
            api.delete(f"/api/v1/nodes/{node}")
