"""Two nodes whose kubelet is this process: it writes the status of pods as a kubelet would, and has their logs.

Pods of images in the tests' registry run (`real_pods`), and so do builds, with a real BuildKit, by what is sent to
their standard input, and scans. Of all others the image's tag says what becomes of them: `hungry` needs a gibibyte,
`missing` is in no registry, `crash` and `offline` end, `lost` has no page at the probe's path, `slow` never gets ready;
every other tag serves.
"""

import asyncio
import base64
import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from aiohttp import WSMsgType, web

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.kubernetes.quantities import quantity
from bedplate.labels import BUILD_HEADER_BYTES, NAME, SCAN
from cluster.builds.build_pod import BuildPod
from cluster.deploy.real_pods import Images, RealPod
from cluster.deploy.scan_pod import Scan, Scans
from cluster.traefik_under_test import certificate

NODES = ("desk-0", "desk-1")
LOGS = {
    "hungry": "loading weights\nallocating 900 MiB\n",
    "crash": "starting\nTraceback (most recent call last):\nModuleNotFoundError: No module named 'torch'\n",
    "offline": "starting\nrequests.exceptions.ConnectTimeout: HTTPConnectionPool(host='10.1.2.3', port=5432)\n",
}
_HEADER_BYTES, _STDIN = BUILD_HEADER_BYTES, 0
_MERGE = {"Content-Type": "application/merge-patch+json"}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Build:
    """A pod that builds, from what is sent to it to what it printed. host: of the registry."""

    def __init__(self, spec: Any, folder: Path, host: str) -> None:
        self._pod, self._sent, self._is_whole = BuildPod(folder, host, spec), b"", False
        self.is_over = threading.Event()
        self.printed = ""
        self.code = 0

    def receive(self, data: bytes) -> None:
        """Of its standard input: how many bytes there will be, and those."""
        self._sent += data
        header = self._sent[:_HEADER_BYTES]
        if len(header) == _HEADER_BYTES and len(self._sent) >= int(header) + _HEADER_BYTES and not self._is_whole:
            self._is_whole = True
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            done = self._pod.run(self._sent)
            self.printed, self.code = done.stderr + done.stdout, done.returncode
        finally:
            self.is_over.set()


class Kubelet:
    """Of both nodes. images: what is really run, once a registry is there. pods: the image's tag of each other pod that
    it has seen, by name."""

    def __init__(self, api: ClusterApi, folder: Path) -> None:
        self._api, self._folder, self.port = api, folder, 0
        self._stopped = threading.Event()
        self._real: dict[str, RealPod] = {}
        self._builds: dict[str, Build] = {}
        self._scans: dict[str, Scan] = {}
        self._ending: dict[str, float] = {}
        self._made = 0
        self.host, self.images = "", cast(Images | None, None)
        self.scans: Scans | None = None
        self.pods: dict[str, str] = {}

    def serve_images(self, images: Images | None, host: str) -> None:
        """From now on pods of these images run."""
        self.host, self.images = host, images

    def log_of(self, pod: str, container: str) -> list[str]:
        """Lines that the container's program wrote."""
        if scan := self._scans.get(pod):
            return scan.printed.get(container, [])
        if real := self._real.get(pod):
            return real.printed()
        if build := self._builds.get(pod):
            build.is_over.wait(300)
            return build.printed.splitlines()
        return LOGS.get(self.pods.get(pod, ""), "serving\nGET /health 200\n").splitlines()

    def build_of(self, pod: str) -> Build:
        return self._builds[pod]

    def run(self) -> None:
        """Until it is stopped."""
        renewed = 0.0
        while not self._stopped.is_set():
            if time.monotonic() - renewed > 5:
                renewed = time.monotonic()
                for node in NODES:
                    self._renew(node)
            there = cast(list[Any], list(self._api.items("/api/v1/pods")))
            for pod in there:
                with contextlib.suppress(ApiError):  # gone meanwhile, or changed by somebody else: seen again
                    self._see_to(pod)
            names = {str(pod["metadata"]["name"]) for pod in there}
            for name in set(self._real) - names:
                self._real.pop(name).end()
            self._stopped.wait(0.1)

    def stop(self) -> None:
        """Ends `run`."""
        self._stopped.set()

    def end_pods(self) -> None:
        """After it has ended."""
        for real in self._real.values():
            real.end()

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
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
        }
        self._api.call("patch", f"/api/v1/nodes/{node}/status", body={"status": status}, headers=_MERGE)

    def _see_to(self, pod: Any) -> None:
        metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
        if spec.get("nodeName") not in NODES:
            return
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            since = self._ending.setdefault(metadata["name"], time.monotonic())
            if metadata["name"] in self._real and time.monotonic() - since < _pause_seconds(spec):
                return
            if real := self._real.pop(metadata["name"], None):
                real.end()
            self._api.call("delete", path, body={"gracePeriodSeconds": 0})
        elif metadata["namespace"].startswith("bedplate-builds-") and metadata["labels"].get(NAME) == SCAN:
            self._see_to_scan(path, pod)
        elif metadata["namespace"].startswith("bedplate-builds-"):
            if metadata["name"] not in self._builds:
                self._made += 1
                folder = self._folder / f"build-{self._made}"
                folder.mkdir()
                self._builds[metadata["name"]] = Build(spec, folder, self.host)
                self._tell(path, pod, {"state": {"running": {"startedAt": now()}}, "ready": True})
        elif self.images and self.images.has(spec["containers"][0]["image"]):
            self._see_to_real(path, pod)
        elif not status.get("containerStatuses"):
            self.pods[metadata["name"]] = str(spec["containers"][0]["image"]).rpartition(":")[2]
            self._tell(path, pod, self._state(pod, spec["containers"][0]))

    def _see_to_scan(self, path: str, pod: Any) -> None:
        name = pod["metadata"]["name"]
        if name not in self._scans:
            assert self.scans
            self._scans[name] = self.scans.start(pod)
        phase = self._scans[name].phase
        if pod.get("status", {}).get("phase") != phase:
            self._api.call("patch", f"{path}/status", body={"status": {"phase": phase}}, headers=_MERGE)

    def _see_to_real(self, path: str, pod: Any) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        if name not in self._real:
            if missing := self._missing_secret(pod, container):
                self._tell(path, pod, _waiting("CreateContainerConfigError", f'secret "{missing}" not found'))
                return
            self._made += 1
            folder = self._folder / f"pod-{self._made}"
            folder.mkdir()
            assert self.images
            self._real[name] = RealPod(pod, self.images, folder, self._made, self._secret_values(pod, container))
        real = self._real[name]
        if real.look() == "running":
            state = {"ready": real.is_ready(), "started": True, "state": {"running": {"startedAt": now()}}}
        else:
            state = _waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
        ended = _ended(*real.last_end) if real.last_end[0] else {}
        state |= {**ended, "restartCount": real.restarts}
        before = (pod.get("status", {}).get("containerStatuses") or [{}])[0]
        looked = [
            (one.get("ready", False), set(one.get("state", {})), one.get("restartCount")) for one in (before, state)
        ]
        if looked[0] != looked[1]:
            self._tell(path, pod, state, real.address)

    def _secret_values(self, pod: Any, container: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for variable in container.get("env", []):
            if named := variable.get("valueFrom", {}).get("secretKeyRef"):
                path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets/{named['name']}"
                data: Any = self._api.get(path)["data"]
                found[variable["name"]] = base64.b64decode(data[named["key"]]).decode()
        return found

    def _tell(self, path: str, pod: Any, state: dict[str, Any], address: str = "") -> None:
        status = self._status(pod, state)
        if address:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        self._api.call("patch", f"{path}/status", body={"status": status}, headers=_MERGE)

    @staticmethod
    def _status(pod: Any, state: dict[str, Any]) -> dict[str, Any]:
        container, state = pod["spec"]["containers"][0], dict(state)
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
        needed = 2**30 if tag == "hungry" else 0
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


def _pause_seconds(spec: Any) -> float:
    """How long a pod that ends goes on serving, for those who have not heard of it."""
    before = spec["containers"][0].get("lifecycle", {}).get("preStop", {})
    return float(before.get("sleep", {}).get("seconds", 0))


def _waiting(reason: str, message: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, "started": False}


def _ended(reason: str, code: int) -> dict[str, Any]:
    return {"lastState": {"terminated": {"reason": reason, "exitCode": code, "startedAt": now(), "finishedAt": now()}}}


class _Server:
    """What the API server asks a kubelet for: logs, and ways to a pod's standard input
    (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/server/server.go)."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    def application(self) -> web.Application:
        made = web.Application()
        made.add_routes(
            [
                web.get("/containerLogs/{namespace}/{pod}/{container}", self._log),
                web.get("/attach/{namespace}/{pod}/{container}", self._attach),
            ]
        )
        return made

    async def _log(self, request: web.Request) -> web.Response:
        lines = await asyncio.to_thread(
            self._kubelet.log_of, *(request.match_info[key] for key in ("pod", "container"))
        )
        if tail := request.query.get("tailLines"):
            lines = lines[-int(tail) :]
        if request.query.get("timestamps") == "true":
            lines = [f"{now()} {line}" for line in lines]
        return web.Response(text="".join(f"{line}\n" for line in lines))

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        """The first byte of a message is its channel
        (https://pkg.go.dev/k8s.io/apimachinery/pkg/util/remotecommand)."""
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io", "v4.channel.k8s.io"], max_msg_size=0)
        await socket.prepare(request)
        build = self._kubelet.build_of(request.match_info["pod"])
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data[0] == _STDIN:
                build.receive(message.data[1:])
        return socket


async def _closed(runner: web.AppRunner) -> None:
    """With TLS, a connection is over when both sides have said so."""
    await runner.cleanup()
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)


@contextlib.contextmanager
def running_kubelet(api: ClusterApi, folder: Path) -> Iterator[Kubelet]:
    """As long as the block lasts; its nodes go with it."""
    found, key = certificate(folder, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(found, key)
    kubelet, loop = Kubelet(api, folder), asyncio.new_event_loop()
    runner = web.AppRunner(_Server(kubelet).application(), access_log=None)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start())
    kubelet.port = runner.addresses[0][1]
    kubelet.register()
    threads = [threading.Thread(target=each, daemon=True) for each in (kubelet.run, loop.run_forever)]
    for thread in threads:
        thread.start()
    try:
        yield kubelet
    finally:
        kubelet.stop()
        threads[0].join(60)
        kubelet.end_pods()
        asyncio.run_coroutine_threadsafe(_closed(runner), loop).result(70)
        loop.call_soon_threadsafe(loop.stop)
        threads[1].join(20)
        loop.close()
        for node in NODES:
            api.delete(f"/api/v1/nodes/{node}")
