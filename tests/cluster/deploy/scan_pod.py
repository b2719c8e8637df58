"""The pod of a scan as it is rendered, its containers one after the other as processes of this machine.

Real are the platform's programs, Grype, and the token of the pod's ServiceAccount. The images are one: the tests' base
image, with Grype where its own image has it. Not as in a cluster: the API server's address, a registry without TLS, and
the database of vulnerabilities, which was imported and not fetched.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.labels import SCAN
from bedplate.services.images.pod import PUSH_SECRET, USER
from cluster.builds.build_processes import Registry
from cluster.builds.vulnerabilities import database
from contained import Image, Surroundings, contained
from programs_under_test import program_under_test

_SECONDS = 120
_HERE = ["GRYPE_DB_AUTO_UPDATE=false", "GRYPE_REGISTRY_INSECURE_USE_HTTP=true"]


def cluster_of(access: ClusterAccess) -> Any:
    """The API server, as the kubeconfig has it."""
    return json.loads(access.kubeconfig.read_text())["clusters"][0]["cluster"]


def token_of(calls: ClusterApi, namespace: str, account: str) -> str:
    """Of a ServiceAccount, as a kubelet asks for it."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    made: Any = calls.call("post", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body=asked)
    return str(made["status"]["token"])


class Scans:
    """What runs scans. base: of the image that they run in."""

    def __init__(self, access: ClusterAccess, registry: Registry, base: str, folder: Path) -> None:
        self._calls, self._folder, self._number = ClusterApi(access.kubeconfig, access.context), folder, 0
        self._cluster = cluster_of(access)
        root, self._database = folder / "root", folder / "database"
        settings = registry.unpacked(base, root)
        grype = program_under_test("grype")
        shutil.copy(grype, root / "grype")
        (root / "busybox").mkdir()
        (root / "busybox" / "sh").symlink_to("/usr/bin/sh")
        self._image = Image(files=root, settings={**settings, "Env": [*settings.get("Env", []), *_HERE]})
        environment = {"GRYPE_DB_CACHE_DIR": str(self._database), "HOME": str(folder), "PATH": os.defpath}
        imported = [str(grype), "db", "import", str(database(folder))]
        subprocess.run(imported, env=environment, check=True, capture_output=True, timeout=_SECONDS)

    def start(self, pod: Any) -> "Scan":
        """A pod that scans."""
        self._number += 1
        folder = self._folder / f"scan-{self._number}"
        shutil.copytree(self._database, folder / "volumes" / "database")
        for path in (folder / "volumes" / "database").rglob("*"):
            os.chown(path, USER, USER)
        return Scan(pod, self._around(pod["metadata"], folder))

    def _around(self, metadata: Any, folder: Path) -> Surroundings:
        path = f"/api/v1/namespaces/{metadata['namespace']}"
        programs: Any = self._calls.get(f"{path}/configmaps/{SCAN}")
        authority = Path(self._cluster["certificate-authority"]).read_text()
        return Surroundings(
            folder=folder,
            objects={
                SCAN: programs["data"],
                PUSH_SECRET: {"config.json": "{}"},
                "token": {"token": token_of(self._calls, metadata["namespace"], SCAN), "ca.crt": authority},
            },
            variables={
                "JOB": metadata["labels"]["batch.kubernetes.io/job-name"],
                "NAMESPACE": metadata["namespace"],
                "KUBERNETES": self._cluster["server"],
            },
            image=self._image,
        )


class Scan:
    """One pod of a scan. printed: by container."""

    def __init__(self, pod: Any, around: Surroundings) -> None:
        self._spec, self._around = _with_token(pod["spec"]), around
        self.printed: dict[str, list[str]] = {}
        self.phase = "Running"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for container in (*self._spec["initContainers"], *self._spec["containers"]):
            started = contained(self._spec, self._around, container["name"])
            with started.running() as process:
                try:
                    code = process.wait(_SECONDS)
                except subprocess.TimeoutExpired:
                    code = -1
            self.printed[container["name"]] = started.log.read_text(errors="replace").splitlines()
            if code:
                self.phase = "Failed"
                return
        self.phase = "Succeeded"


def _with_token(spec: Mapping[str, Any]) -> dict[str, Any]:
    """As a kubelet lays the files of the token down; every container has the same user."""
    volumes = [
        {"name": each["name"], "secret": {"secretName": "token"}} if "projected" in each else each
        for each in spec["volumes"]
    ]
    return {**spec, "securityContext": {**spec["securityContext"], "runAsUser": USER}, "volumes": volumes}
