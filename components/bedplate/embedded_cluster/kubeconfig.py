"""Kubeconfig files: writing one for the embedded cluster, and finding a context in those of the user.

Owns the file format (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/); sends nothing to a cluster.
Everything is written as JSON, which is YAML.
"""

import json
import os
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bedplate.embedded_cluster.cluster_api import JsonObject, field, items, text
from bedplate.errors import RehearsalError

_CLUSTER_PATHS = ("certificate-authority",)
_USER_PATHS = ("client-certificate", "client-key", "tokenFile")


def for_token(server: str, certificate_authority: Path, token: str) -> str:
    """A kubeconfig whose only context sends a token to a server, and verifies the server's certificate."""
    name = "embedded"
    cluster = {"server": server, "certificate-authority": str(certificate_authority)}
    return _kubeconfig(name, {"cluster": name, "user": name}, cluster, {"token": token})


def find_context(context: str) -> Path:
    """The file among the user's kubeconfigs that holds a context whole. Raises `RehearsalError` if there is none."""
    files = [path for path in _ambient_files() if path.exists()]
    if not files:
        raise RehearsalError(
            f"there is no kubeconfig at {', '.join(map(str, _ambient_files()))}, so no context {context!r}",
            "set KUBECONFIG to the kubeconfig of the cluster, or leave --context out to use an embedded one.",
        )
    contents = {path: _read(path) for path in files}
    names = sorted({text(entry, "name") for content in contents.values() for entry in items(content, "contexts")})
    if context not in names:
        known = f"use one of: {', '.join(names)}" if names else "add the context to one of these files"
        raise RehearsalError(
            f"no context {context!r} in {', '.join(map(str, files))}",
            f"{known}, or leave --context out to use an embedded cluster.",
        )
    for path, content in contents.items():
        if _is_whole(content, context):
            return path
    flatten = f"kubectl config view --minify --flatten --context {context} > FILE"
    raise RehearsalError(
        f"the cluster and the user of context {context!r} are not in the same file as the context",
        f"put them into one file with `{flatten}`, and set KUBECONFIG to that file.",
    )


def single_context(kubeconfig: Path, context: str) -> str:
    """A kubeconfig with that context only, as its current one, that works from any folder.

    For programs that know no `--context`. It may hold credentials: write it to a private file.
    """
    content = _read(kubeconfig)
    folder = kubeconfig.absolute().parent
    chosen = field(_entry(content, "contexts", context), "context")
    cluster = _entry(content, "clusters", text(chosen, "cluster"))["cluster"]
    user = _entry(content, "users", text(chosen, "user"))["user"]
    _make_absolute(cluster, _CLUSTER_PATHS, folder)
    _make_absolute(user, _USER_PATHS, folder)
    if os.sep in text(user, "exec", "command"):
        _make_absolute(field(user, "exec"), ("command",), folder)
    return _kubeconfig(context, chosen, cluster, user)


def _kubeconfig(name: str, context: object, cluster: object, user: object) -> str:
    references = {"cluster": text(context, "cluster"), "user": text(context, "user")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": references["cluster"], "cluster": cluster}],
            "users": [{"name": references["user"], "user": user}],
            "contexts": [{"name": name, "context": references}],
            "current-context": name,
        },
        indent=2,
    )


def _ambient_files() -> list[Path]:
    listed = [Path(part).absolute() for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def _read(path: Path) -> JsonObject:
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        # Not the error's own text: it may quote the file, and the file holds credentials.
        message = f"{path} cannot be read as a kubeconfig ({type(error).__name__})"
        raise RehearsalError(message, "correct the file, or set KUBECONFIG to another one.") from None
    return cast(JsonObject, content) if isinstance(content, dict) else {}


def _is_whole(content: JsonObject, context: str) -> bool:
    chosen = field(_entry(content, "contexts", context), "context")
    found = [_entry(content, "clusters", text(chosen, "cluster")), _entry(content, "users", text(chosen, "user"))]
    return all(found)


def _entry(content: JsonObject, section: str, name: str) -> JsonObject:
    empty: JsonObject = {}
    return next((entry for entry in items(content, section) if text(entry, "name") == name), empty)


def _make_absolute(entry: object, keys: tuple[str, ...], folder: Path) -> None:
    for key in keys:
        if text(entry, key):
            cast(JsonObject, entry)[key] = str(folder / text(entry, key))
