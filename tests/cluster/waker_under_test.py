"""The program that wakes what is asked for, as a process of this machine with the rights of its account."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.labels import IDLE_NAMESPACE, WAKER, WAKER_URL
from bedplate.services.idle import programs
from bedplate.services.idle.waker import PROGRAM, parts
from cluster.idle_processes import Running
from cluster.processes_under_test import free_ports

_RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")


def at_waker(body: dict[str, Any], url: str) -> dict[str, Any]:
    """The object, where it is the middleware that tells the waker, with one that is elsewhere; nowhere if empty."""
    plugin: Mapping[str, Any] = body.get("spec", {}).get("plugin", {}).get("starting", {})
    if plugin.get("waker") != WAKER_URL:
        return body
    return {**body, "spec": {"plugin": {"starting": {**plugin, "waker": url}}}}


def rights() -> list[dict[str, Any]]:
    """What it may, as the platform grants it, and its namespace."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": IDLE_NAMESPACE}}
    return [space, *(dict(part) for _, part in parts() if part["kind"] in _RIGHTS)]


@contextmanager
def running_waker(
    access: ClusterAccess, api: ApiServer, folder: Path, held_seconds: float
) -> Iterator[tuple[Running, str]]:
    """With where it is told of hosts. Its rights must be there."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = YAML(typ="safe").load(access.kubeconfig)["clusters"][0]["cluster"]
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(api.token(IDLE_NAMESPACE, WAKER, 3600))
    (folder / "ca.crt").write_bytes(Path(cluster["certificate-authority"]).read_bytes())
    port = free_ports("http")["http"]
    program = resources.files(programs).joinpath(PROGRAM)
    told = {"KUBERNETES": cluster["server"], "ACCOUNT": str(folder), "HELD_SECONDS": f"{held_seconds}"}
    environment = {**told, "ADDRESS": "127.0.0.1", "PATH": os.defpath}
    url = f"http://127.0.0.1:{port}"
    running = Running(WAKER, [sys.executable, "-I", str(program), str(port)], folder, f"{url}/health", environment)
    running.start()
    try:
        yield running, url
    finally:
        running.stop()
