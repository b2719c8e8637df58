"""A real Traefik on this machine, started with the flags that the platform's values make, on a real API server."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bedplate.clouds import ClusterFacts
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi, text
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from bedplate.services.front_door.command_line import NEWER_THAN_BUILT, at_ports, flags, way_to_api_server
from bedplate.services.front_door.traefik import values
from bedplate.services.front_door.traefik_plugins import sources
from cluster.processes_under_test import free_ports

FACTS = ClusterFacts(kubernetes_version="1.35", deleted_storage_class="a", retained_storage_class="b")
NAMESPACE = "bedplate-front-door"


@dataclass(frozen=True)
class RunningTraefik:
    """What runs, and where."""

    https: int
    http: int
    metrics: int
    log: Path


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    found, key = folder / f"{host}.crt", folder / f"{host}.key"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(found)),
        ],
        check=True,
        capture_output=True,
    )
    return found, key


def wildcard_secret(found: Path, key: Path, name: str = "wildcard") -> dict[str, Any]:
    """The Secret that cert-manager would make."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": found.read_text(), "tls.key": key.read_text()},
    }


@contextmanager
def running_traefik(
    program: Path, access: ClusterAccess, api: ApiServer, folder: Path, told: Mapping[str, Any] | None = None
) -> Iterator[RunningTraefik]:
    """Traefik with the rights of its ServiceAccount, in a folder of its own. told: values of its chart."""
    told = told or values()
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "traefik", "namespace": NAMESPACE}})
    for module, files in sources().items():
        place = folder / "plugins-local" / "src" / module
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).write_text(content)
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    is_new = bool(re.search(r"Version: +v?3\.(7\.[1-9]\d|[89]\.|[1-9]\d\.)", version))
    ports = free_ports("websecure", "web", "metrics", "traefik")
    command = guarded([str(program), *_flags(told, ports, is_new), *_api_server(access, folder, told)])
    environment = {"PATH": os.defpath, "HOME": str(folder)}
    process = BackgroundProcess("traefik", command, log=folder / "traefik.log", folder=folder, environment=environment)
    try:
        yield RunningTraefik(ports["websecure"], ports["web"], ports["metrics"], folder / "traefik.log")
    finally:
        stop([process])


def _flags(told: Mapping[str, Any], ports: dict[str, int], is_new: bool) -> list[str]:
    """The platform's own, on this machine's ports."""
    ours = [flag for flag in flags(told) if is_new or not flag.startswith(NEWER_THAN_BUILT)]
    assert is_new or len(ours) == len(flags(told)) - len(NEWER_THAN_BUILT)
    return at_ports(ours, ports)


def _api_server(access: ClusterAccess, folder: Path, told: Mapping[str, Any]) -> list[str]:
    """In a cluster Traefik finds all this by itself."""
    config = YAML(typ="safe").load(access.kubeconfig)
    cluster = config["clusters"][0]["cluster"]
    api = ClusterApi(access.kubeconfig, access.context)
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/traefik/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(text(api.create(path, request), "status", "token"))
    return way_to_api_server(told, cluster["server"], token, cluster["certificate-authority"])
