"""The Prometheus operator's definitions out of its Go module: `make definitions` writes them into the package, a test
compares.
"""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from bedplate.services.monitoring import operator_definitions
from bedplate.services.monitoring.kube_prometheus import OPERATOR_VERSION
from traefik_definitions import without_descriptions

MODULE = f"github.com/prometheus-operator/prometheus-operator@{OPERATOR_VERSION}"
_SOURCE = "example/prometheus-operator-crd"
_PACKAGE = Path(str(operator_definitions.__file__)).parent
_DOWNLOAD_SECONDS = 120
_LEFT_OUT = ("prometheusagents", "thanosrulers")
"""Nobody here makes one; without the definition the operator does not look for any."""


def module_folder() -> Path:
    """Where Go keeps the module. Raises OSError or CalledProcessError."""
    with TemporaryDirectory() as nowhere:
        done = subprocess.run(
            ["go", "mod", "download", "-json", MODULE],
            cwd=nowhere,
            env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
            capture_output=True,
            check=True,
            timeout=_DOWNLOAD_SECONDS,
        )
    return Path(json.loads(done.stdout)["Dir"])


def files(folder: Path) -> dict[str, str]:
    """The files of the package, by name, as they follow from the module."""
    reader = YAML(typ="safe")
    # An enumeration of theirs has the value `=`, which YAML 1.1 has a type of its own for.
    reader.constructor.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)
    bodies: list[Any] = [
        without_descriptions(reader.load(path))
        for path in sorted((folder / _SOURCE).glob("*.yaml"))
        if path.stem.partition("_")[2] not in _LEFT_OUT
    ]
    content = {"source": f"{MODULE}/{_SOURCE}", "version": OPERATOR_VERSION, "definitions": bodies}
    return {
        operator_definitions.FILE: json.dumps(content, separators=(",", ":")) + "\n",
        operator_definitions.LICENSE: (folder / "LICENSE").read_text(encoding="utf-8"),
    }


if __name__ == "__main__":
    for name, text in files(module_folder()).items():
        (_PACKAGE / name).write_text(text, encoding="utf-8")
