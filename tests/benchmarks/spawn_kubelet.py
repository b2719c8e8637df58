"""A node on which pods really start a program of this machine, after what is simulated of a kubelet and a registry.

Simulated: the pull of an image that the node does not have, and what a sandbox takes to be made. Real: the program, in
an installation that stands for the image, and its probes. It deliberately contains nothing: what restrictions cost is
no part of what is measured. Volumes are folders; nothing is attached.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, ObjectWatch

NODE = "bench-0"
_MERGE = {"Content-Type": "application/merge-patch+json"}
_RENEW_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Seconds that a node takes, whoever asks for the pod."""

    pull_seconds: float
    sandbox_seconds: float


@dataclass
class Started:
    """When what happened to a pod, by the clock of `time.monotonic`."""

    bound: float
    pulled: float = 0
    ready: float = 0
    process: "subprocess.Popen[bytes] | None" = None
    is_ended: threading.Event = field(default_factory=threading.Event)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Kubelet:
    """Of one node. programs: the installation that stands for every image; address: of this machine, which all pods
    have. pods: what it has started, by name."""

    def __init__(self, api: ClusterApi, folder: Path, programs: Path, address: str, simulated: Simulated) -> None:
        self._api, self._folder, self._programs, self._address = api, folder, programs, address
        self._simulated, self._stopped = simulated, threading.Event()
        self._seen: dict[str, Started] = {}
        self.pods: dict[str, Started] = {}
        self.images: set[str] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """As long as the block lasts; its node goes with the cluster."""
        metadata = {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}}
        self._api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        self._renew()
        renewing = threading.Thread(target=self._renews, daemon=True)
        watch = ObjectWatch(self._api, "/api/v1/pods", self._see_to)
        renewing.start()
        watch.start()
        try:
            yield
        finally:
            self._stopped.set()
            watch.stop()
            renewing.join(_RENEW_SECONDS * 2)
            for started in self._seen.values():
                _end(started)

    def _renews(self) -> None:
        while not self._stopped.wait(_RENEW_SECONDS):
            with contextlib.suppress(ApiError):
                self._renew()

    def _renew(self) -> None:
        has = {"cpu": "64", "memory": "256Gi", "pods": "110", "ephemeral-storage": "500Gi"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime": now()}
        status = {"capacity": has, "allocatable": has, "conditions": [{**ready, "lastTransitionTime": now()}]}
        self._api.call("patch", f"/api/v1/nodes/{NODE}/status", body={"status": status}, headers=_MERGE)

    def _see_to(self, pod: Any) -> None:
        if pod["spec"].get("nodeName") != NODE:
            return
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        if uid not in self._seen:
            self._seen[uid] = self.pods[name] = Started(bound=time.monotonic())
            threading.Thread(target=self._start, args=[pod, self._seen[uid]], daemon=True).start()
        elif pod["metadata"].get("deletionTimestamp") and not self._seen[uid].is_ended.is_set():
            threading.Thread(target=self._stop, args=[pod, self._seen[uid]], daemon=True).start()

    def _start(self, pod: Any, started: Started) -> None:
        container = pod["spec"]["containers"][0]
        if container["image"] not in self.images:
            started.is_ended.wait(self._simulated.pull_seconds)
            self.images.add(container["image"])
        started.pulled = time.monotonic()
        started.is_ended.wait(self._simulated.sandbox_seconds)
        if started.is_ended.is_set():
            return
        folder = self._folder / pod["metadata"]["uid"]
        folder.mkdir(parents=True)
        command, environment = self._told(pod, container, folder)
        with (folder / "log").open("wb") as log:
            started.process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        probe = container.get("startupProbe") or container.get("readinessProbe")
        if probe:
            self._tell(pod, is_ready=False)
            while not self._answers(probe, container) and not started.is_ended.wait(probe["periodSeconds"]):
                pass
        started.ready = time.monotonic()
        self._tell(pod, is_ready=True)

    def _told(self, pod: Any, container: Any, folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        """Its command line and its variables, with folders of this machine where it has mounts."""
        places = {
            mount["mountPath"]: folder / f"mount-{n}" for n, mount in enumerate(container.get("volumeMounts", ()))
        }
        sources = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            place = places[mount["mountPath"]]
            place.mkdir()
            if named := sources.get(mount["name"], {}).get("configMap"):
                path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/configmaps/{named['name']}"
                data: Any = self._api.get(path).get("data", {})
                for name, text in data.items():
                    (place / name).write_text(text)

        def placed(text: str) -> str:
            for path, place in sorted(places.items(), key=lambda found: -len(found[0])):
                if text.endswith(path) or f"{path}/" in text:
                    return text.replace(path, str(place))
            return text

        words = [placed(word) for word in (*container.get("command", ()), *container.get("args", ()))]
        told = {one["name"]: placed(one.get("value", "")) for one in container.get("env", ())}
        path = f"{self._programs / 'bin'}:{os.defpath}"
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        return [*words, *as_root], {"HOME": str(folder), **told, "PATH": path}

    def _answers(self, probe: Any, container: Any) -> bool:
        asked = probe["httpGet"]
        ports = {port.get("name"): port["containerPort"] for port in container.get("ports", ())}
        url = f"http://{self._address}:{ports.get(asked['port'], asked['port'])}{asked['path']}"
        try:
            with urllib.request.urlopen(url, timeout=probe.get("timeoutSeconds", 1)) as answer:
                return 200 <= answer.status < 400
        except OSError:
            return False

    def _tell(self, pod: Any, *, is_ready: bool) -> None:
        container = pod["spec"]["containers"][0]
        condition = {"type": "Ready", "status": str(is_ready), "lastTransitionTime": now()}
        one = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "restartCount": 0,
            "ready": is_ready,
            "started": is_ready,
            "state": {"running": {"startedAt": now()}},
        }
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
        status = {
            "phase": "Running",
            "startTime": now(),
            "podIP": self._address,
            "podIPs": [{"ip": self._address}],
            "conditions": [scheduled, condition, {**condition, "type": "ContainersReady"}],
            "containerStatuses": [one],
        }
        with contextlib.suppress(ApiError):  # gone meanwhile
            self._api.call("patch", f"{_path(pod)}/status", body={"status": status}, headers=_MERGE)

    def _stop(self, pod: Any, started: Started) -> None:
        _end(started)
        with contextlib.suppress(ApiError):
            self._api.call("delete", _path(pod), body={"gracePeriodSeconds": 0})


def _path(pod: Any) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _end(started: Started) -> None:
    started.is_ended.set()
    process = started.process
    if process is None or process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
