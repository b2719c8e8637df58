"""What the kubeconfig of whoever runs the program has, as far as it can be read here.

Owns the look at names of contexts. It deliberately reads nothing else of the file, which holds credentials, says
nothing of what it cannot read, and asks no cluster.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

CONTEXT_FIX = "correct `cloud.context`, or set KUBECONFIG to the file that has it"
_SHOWN = 8


def missing_context(context: str) -> str | None:
    """Why the context is not to be had on this machine; None where it is there, or nobody can tell.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#the-kubeconfig-environment-variable
    """
    files = [file for file in _files() if file.is_file()]
    contents = [_names(file) for file in files]
    if not files or None in contents:
        return None
    names = sorted({name for found in contents for name in found or ()})
    if context in names:
        return None
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    there = f"it has {', '.join(names[:_SHOWN])}{more}" if names else "it has none"
    return f"no context {context!r} in {', '.join(map(str, files))}; {there}"


def _files() -> Iterator[Path]:
    written = os.environ.get("KUBECONFIG", "")
    if not written:
        yield Path.home() / ".kube" / "config"
    yield from (Path(part) for part in written.split(os.pathsep) if part)


def _names(file: Path) -> list[str] | None:
    """Of the file's contexts; None where it is no kubeconfig."""
    try:
        content: Any = cast(Any, YAML(typ="safe")).load(file)
    except (OSError, UnicodeDecodeError, YAMLError):
        return None
    entries: Any = cast(dict[str, Any], content).get("contexts") if isinstance(content, dict) else None
    if entries is None:
        return [] if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return None
    named = [cast(dict[str, Any], entry).get("name") for entry in cast(list[Any], entries) if isinstance(entry, dict)]
    return [name for name in named if isinstance(name, str)]
