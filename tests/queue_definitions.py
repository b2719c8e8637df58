"""Kueue's and JobSet's definitions out of their Go modules: `make definitions` writes them into the package, a test
compares.
"""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from bedplate.labels import QUEUE_NAMESPACE
from bedplate.services.queue import queue_definitions
from bedplate.services.queue.controllers import JOBSET, JOBSET_VERSION, KUEUE, KUEUE_VERSION, webhook_service
from bedplate.services.queue.rights import CONVERTED
from traefik_definitions import without_descriptions

VERSIONS = {KUEUE: KUEUE_VERSION, JOBSET: JOBSET_VERSION}
MODULES = {name: f"sigs.k8s.io/{name}@{version}" for name, version in VERSIONS.items()}
_SOURCES = {KUEUE: "config/components/crd/bases", JOBSET: "charts/jobset/crds"}
_PACKAGE = Path(str(queue_definitions.__file__)).parent
_DOWNLOAD_SECONDS = 120


def module_folders() -> dict[str, Path]:
    """Where Go keeps the two modules. Raises OSError or CalledProcessError."""
    return {name: _folder(module) for name, module in MODULES.items()}


def _folder(module: str) -> Path:
    with TemporaryDirectory() as nowhere:
        done = subprocess.run(
            ["go", "mod", "download", "-json", module],
            cwd=nowhere,
            env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
            capture_output=True,
            check=True,
            timeout=_DOWNLOAD_SECONDS,
        )
    return Path(json.loads(done.stdout)["Dir"])


def files(folders: dict[str, Path]) -> dict[str, str]:
    """The files of the package, by name, as they follow from the modules."""
    bodies: list[Any] = [
        _served(without_descriptions(YAML(typ="safe").load(path)))
        for name, folder in folders.items()
        for path in sorted((folder / _SOURCES[name]).glob("*.yaml"))
    ]
    sources = [f"{MODULES[name]}/{_SOURCES[name]}" for name in folders]
    content = {"sources": sources, "versions": VERSIONS, "definitions": bodies}
    return {
        queue_definitions.FILE: json.dumps(content, separators=(",", ":")) + "\n",
        queue_definitions.LICENSE: (folders[KUEUE] / "LICENSE").read_text(encoding="utf-8"),
    }


def _served(body: dict[str, Any]) -> dict[str, Any]:
    """With the stored version alone: nothing here writes an older one. Kueue insists on a place to write what vouches
    for its certificate, although nothing is ever converted
    (https://github.com/kubernetes-sigs/kueue/blob/v0.19.2/config/components/crd/patches/webhook_in_workloads.yaml)."""
    spec = body["spec"]
    spec["versions"] = [version for version in spec["versions"] if version["storage"]]
    if spec["names"]["plural"] in CONVERTED:
        service = {"namespace": QUEUE_NAMESPACE, "name": webhook_service(KUEUE), "path": "/convert"}
        webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}
        spec["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return body


if __name__ == "__main__":
    for name, text in files(module_folders()).items():
        (_PACKAGE / name).write_text(text, encoding="utf-8")
