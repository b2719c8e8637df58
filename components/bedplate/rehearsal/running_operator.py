"""One operator as a process beside the API server: its folder, its credentials, its start and its end.

Owns what is started. What it is started with is said by its concern (`services/operator.py`).
"""

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.kubeconfig import for_token
from bedplate.embedded_cluster.objects import Object
from bedplate.errors import RehearsalError
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from bedplate.rehearsal.webhooks import on_loopback, serving_certificate
from bedplate.services.operator import GrowingPool, Launch, OperatorProgram, Ready, Surroundings

READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PROBE_SECONDS = 2.0
_TOKEN_SECONDS = 6 * 3600
"""For longer than a rehearsal lasts."""
_LOG_LINES = 10


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What operators have in common. objects: of the stack. network: an HTTP proxy that leads into the cluster."""

    api: ApiServer
    access: ClusterAccess
    objects: Sequence[Object]
    folder: Path
    network: str
    pools: Sequence[GrowingPool] = ()


@dataclass
class RunningOperator:
    """An operator from its start to its end. values, namespace: of the chart in whose place it runs."""

    operator: OperatorProgram
    program: Path
    setting: Setting
    values: Mapping[str, Any]
    namespace: str
    surroundings: Surroundings = field(init=False)
    seconds: float = field(init=False, default=0.0)
    _process: BackgroundProcess | None = field(init=False, default=None)
    _made: list[Object] = field(init=False, default_factory=list[Object])

    def __post_init__(self) -> None:
        folder = self.setting.folder / self.operator.name
        folder.mkdir(mode=0o700)
        self.surroundings = Surroundings(
            objects=self.setting.objects,
            values=self.values,
            namespace=self.namespace,
            server=_cluster_of(self.setting.access)["server"],
            authority=Path(_cluster_of(self.setting.access)["certificate-authority"]),
            token=folder / "token",
            kubeconfig=folder / "kubeconfig" if self.operator.account else self.setting.access.kubeconfig,
            folder=folder,
            ports=_free_ports(self.operator.ports),
            network=self.setting.network,
            pools=self.setting.pools,
        )

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.surroundings.folder / "log"

    def start(self) -> None:
        """Starts it and returns when it is ready. Raises RehearsalError with the end of its log."""
        started = time.monotonic()
        if self.operator.account:
            self._take_account()
        launch = self.operator.launch(self.surroundings)
        for name, content in launch.files.items():
            _write(self.surroundings.folder / name, content)
        for body in launch.objects:
            self._make(body)
        self._launch(launch)
        self._wait(started)
        self.seconds = time.monotonic() - started

    def failure(self) -> RehearsalError | None:
        """Why it runs no more, with the end of its log; None while it runs."""
        code = self._process.exit_code if self._process else None
        return None if code is None else self._failed(f"ended with exit code {code}")

    def remove_objects(self) -> list[Object]:
        """Asks for the deletion of the objects that came with it; returns those, the newest first."""
        for body in self._made[::-1]:
            self.setting.api.delete(body)
        return self._made[::-1]

    def stop(self) -> None:
        """Returns when it is gone."""
        if self._process is not None:
            stop([self._process])

    def _take_account(self) -> None:
        """A token and a kubeconfig with the rights of its ServiceAccount, which its chart would make."""
        namespace, _, name = self.operator.account.partition("/")
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        if self.setting.api.get(account) is None:
            self.setting.api.create(account)
        token = self.setting.api.token(namespace, name, _TOKEN_SECONDS)
        found = self.surroundings
        _write(found.token, token)
        _write(found.kubeconfig, for_token(found.server, found.authority, token))

    def _launch(self, launch: Launch) -> None:
        folder, network = self.surroundings.folder, self.surroundings.network
        if "webhook" in self.surroundings.ports:
            authority = serving_certificate(folder / "webhook")
            for body in launch.webhooks:
                self._make(on_loopback(body, self.surroundings.ports["webhook"], authority))
        environment = {"PATH": os.defpath, "HOME": str(folder), "HTTP_PROXY": network, "HTTPS_PROXY": network}
        self._process = BackgroundProcess(
            self.operator.name,
            guarded([str(self.program), *launch.arguments]),
            log=self.log,
            folder=folder,
            environment={**environment, **launch.environment},
        )

    def _make(self, body: Mapping[str, Any]) -> None:
        self.setting.api.apply(body)
        self._made.append(dict(body))

    def _wait(self, started: float) -> None:
        while not is_ready(self.operator.ready, self.surroundings.ports, self.log):
            if failure := self.failure():
                raise failure
            if time.monotonic() - started > READY_SECONDS:
                raise self._failed(f"was not ready within {READY_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _failed(self, what: str) -> RehearsalError:
        tail = self._process.log_tail(_LOG_LINES) if self._process else "  (empty)"
        return RehearsalError(
            f"{self.operator.name} {what}. The end of its log:\n{tail}",
            "correct what its log says; without --operators it is left out",
        )


def is_ready(ready: Ready, ports: Mapping[str, int], log: Path) -> bool:
    """Whether it is so now."""
    if ready.log:
        return ready.log in log.read_text(encoding="utf-8", errors="replace")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{ports[ready.port]}{ready.path}", timeout=_PROBE_SECONDS) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def address_of(access: ClusterAccess) -> str:
    """The API server as `host:port` on this machine."""
    return urlsplit(_cluster_of(access)["server"]).netloc


def _cluster_of(access: ClusterAccess) -> Mapping[str, str]:
    """How the embedded cluster is reached; its kubeconfig is JSON with one entry."""
    return json.loads(access.kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]


def _free_ports(names: Sequence[str]) -> dict[str, int]:
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: int(probe.getsockname()[1]) for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports


def _write(file: Path, content: str) -> None:
    """A file that only this user can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as target:
        target.write(content)
