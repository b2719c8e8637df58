"""Pods of images that were built here, as processes of this machine: with an address, a memory limit and a log of
their own, and all that `contained` holds them to.

Owns what a container runtime would do besides that, with Linux' own means: a network namespace and a memory cgroup,
whose out-of-memory killer is the kernel's. It needs root, and skips without.
"""

import contextlib
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bedplate.kubernetes.quantities import quantity
from cluster.builds.build_processes import Registry
from contained import Image, Surroundings, contained

_MEMORY = Path("/sys/fs/cgroup/memory")
"""Version 1 of cgroups: https://docs.kernel.org/admin-guide/cgroup-v1/memory.html."""
_NETWORK = f"10.{64 + os.getpid() % 32}"
_PREFIX = f"bp{os.getpid() % 100_000}-"
"""Of another run of the tests beside this one there are pods too, and of one that was killed."""


def can_run_pods() -> None:
    """Skips the test where this machine cannot."""
    missing = [name for name in ("ip", "unshare", "setpriv") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"pods as processes need root and {', '.join(missing) or 'nothing else'}: apt-get install iproute2")
    if not (_MEMORY / "memory.limit_in_bytes").exists():
        pytest.skip("pods as processes need memory cgroups of version 1, whose limits they are held to")


class Images:
    """Files of images, unpacked once each."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        self._settings: dict[str, tuple[Path, dict[str, Any]]] = {}

    def has(self, reference: str) -> bool:
        return reference.startswith(f"{self._registry.host}/")

    def unpacked(self, reference: str) -> tuple[Path, dict[str, Any]]:
        """The image's root, and its configuration."""
        if reference not in self._settings:
            root = self._folder / f"image-{len(self._settings)}"
            root.mkdir()
            self._settings[reference] = (root, self._registry.unpacked(reference, root))
        return self._settings[reference]


class RealPod:
    """One pod's container. number: of its own, below 250. secrets: values of variables that Secrets have."""

    def __init__(
        self, pod: Mapping[str, Any], images: Images, folder: Path, number: int, secrets: Mapping[str, str]
    ) -> None:
        self._spec, self._images, self._secrets = pod["spec"], images, secrets
        (self._container,) = self._spec["containers"]
        self._name, self._folder, self._number = f"{_PREFIX}{number}", folder, number
        self._cgroup = _MEMORY / self._name
        self._process: subprocess.Popen[bytes] | None = None
        self._starts, self._seen_kills, self._ended_at = 0, 0, 0.0
        self.address, self.log = f"{_NETWORK}.{number}.2", folder / "log"
        self.restarts, self.last_end = 0, ("", 0)
        self._lay_network()
        self._cgroup.mkdir()
        limit = int(quantity(self._container["resources"]["limits"]["memory"]))
        (self._cgroup / "memory.limit_in_bytes").write_text(str(limit))

    def _lay_network(self) -> None:
        name, host = self._name, f"{_NETWORK}.{self._number}.1"
        for command in (
            f"ip netns add {name}",
            f"ip link add {name} type veth peer name eth0 netns {name}",
            f"ip addr add {host}/30 dev {name}",
            f"ip link set {name} up",
            f"ip -n {name} addr add {self.address}/30 dev eth0",
            f"ip -n {name} link set lo up",
            f"ip -n {name} link set eth0 up",
        ):
            subprocess.run(command.split(), check=True, capture_output=True)

    def printed(self) -> list[str]:
        """Lines of the program; what starts it complains where it is killed."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if not line.startswith("unshare: ")]

    def start(self) -> None:
        """The program, once more."""
        root, settings = self._images.unpacked(self._container["image"])
        place = self._folder / f"start-{self._starts}"
        place.mkdir()
        self._starts += 1
        around = Surroundings(folder=place, image=Image(files=root, settings=settings), variables=self._secrets)
        # As a runtime reads it
        # (https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/#notes).
        container = dict(self._container)
        if not container.get("command"):
            container["command"] = settings.get("Entrypoint") or []
            container["args"] = container.get("args") or settings.get("Cmd") or []
        pod = {**self._spec, "containers": [container], "volumes": self._spec.get("volumes", [])}
        command = contained(pod, around).command
        # The namespace has another /sys.
        joins = f'echo $$ > {self._cgroup}/cgroup.procs && exec ip netns exec {self._name} "$@"'
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", joins, "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def look(self) -> str:
        """`running` or `ended`; a program that ended is started again ten seconds later, as a kubelet begins with."""
        if self._process and self._process.poll() is not None:
            code = self._process.returncode
            kills = self._kills()
            was_killed, self._seen_kills = kills > self._seen_kills, kills
            self.last_end = ("OOMKilled", 137) if was_killed else ("Error", code if code > 0 else 128 - code)
            self._process, self._ended_at = None, time.monotonic()
        if self._process is None and (not self._starts or time.monotonic() - self._ended_at > 10):
            self.restarts = self._starts
            self.start()
        return "running" if self._process else "ended"

    def _kills(self) -> int:
        words = (self._cgroup / "memory.oom_control").read_text().split()
        return int(words[words.index("oom_kill") + 1])

    def is_ready(self) -> bool:
        """What its readiness probe says."""
        asked = self._container["readinessProbe"]["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in self._container["ports"]}
        connection = http.client.HTTPConnection(self.address, ports.get(asked["port"], asked["port"]), timeout=2)
        try:
            connection.request("GET", asked["path"])
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def end(self) -> None:
        """All of it, and nothing is left."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        for line in (self._cgroup / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line), 9)
        deadline = time.monotonic() + 10
        while (self._cgroup / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._cgroup.rmdir()
        subprocess.run(["ip", "netns", "del", self._name], check=False, capture_output=True)
