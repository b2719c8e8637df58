"""Traefik's definitions out of its Go module: `make definitions` writes them into the package, a test compares.

Go takes the module from its proxy and checks it against the public list of checksums.
"""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from bedplate.services.front_door import traefik_definitions
from bedplate.services.front_door.traefik import TRAEFIK_VERSION

MODULE = f"github.com/traefik/traefik/v3@{TRAEFIK_VERSION}"
_SOURCE = "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml"
_PACKAGE = Path(str(traefik_definitions.__file__)).parent
_DOWNLOAD_SECONDS = 120


def module_folder() -> Path:
    """Where Go keeps the module of the Traefik that is installed. Raises OSError or CalledProcessError."""
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
    definitions = [without_descriptions(body) for body in YAML(typ="safe").load_all(folder / _SOURCE)]
    content = {"source": f"{MODULE}/{_SOURCE}", "version": TRAEFIK_VERSION, "definitions": definitions}
    return {
        traefik_definitions.FILE: json.dumps(content, indent=1) + "\n",
        traefik_definitions.LICENSE: (folder / "LICENSE.md").read_text(encoding="utf-8"),
    }


def without_descriptions(schema: Any, *, is_named: bool = False) -> Any:
    """is_named: whether its keys are names that somebody chose, of which one may be `description`."""
    if isinstance(schema, list):
        return [without_descriptions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_descriptions(value, is_named=key == "properties" and not is_named)
        for key, value in schema.items()
        if is_named or key != "description"
    }


if __name__ == "__main__":
    for name, text in files(module_folder()).items():
        (_PACKAGE / name).write_text(text, encoding="utf-8")
