"""Which cluster, as whom, and in which namespace: the user's kubeconfig, as `kubectl` reads it.

Owns the reading of what a request needs. It is read here and not by the Kubernetes client, which takes as long to
import as a command may take (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
"""

import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bedplate.deploy.errors import DeployError
from bedplate.labels import ACCOUNT_FOLDER

_PLUGIN_SECONDS = 60
ACCOUNT = Path(ACCOUNT_FOLDER)
NOTHING: Mapping[str, Any] = {}
NONE: Sequence[Any] = ()
_SET_UP = "ask your platform team for a kubeconfig, and set KUBECONFIG to it"


@dataclass(frozen=True, kw_only=True)
class Access:
    """server: its address. namespace: of the context, '' where it says none. token, certificate: who asks, as far as
    given; certificate and authority are files."""

    server: str
    context: str
    namespace: str
    token: str = ""
    certificate: tuple[str, str] | None = None
    authority: str | None = None
    is_verified: bool = True
    acts_as: str = ""
    groups: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Access({self.server})"


def find_access(context: str | None = None) -> Access:
    """Of the context, or of the current one; in a pod without a kubeconfig, of its ServiceAccount. Raises DeployError
    without one that is whole."""
    files = _files()
    if not any(path.exists() for path in files):
        if context is None and (own := _of_pod()):
            return own
        raise DeployError(f"there is no kubeconfig at {', '.join(map(str, files))}", _SET_UP)
    try:
        return _access(files, context)
    except (OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        # Not the error's own text: it may quote the file, and the file holds credentials.
        said = f"{', '.join(map(str, files))} holds what no kubeconfig holds ({type(error).__name__})"
        raise DeployError(said, _SET_UP) from None


def _access(files: Sequence[Path], context: str | None) -> Access:
    content = _merged([path for path in files if path.exists()])
    name = context or str(content.get("current-context") or "")
    if not name or name not in content["contexts"]:
        known = ", ".join(sorted(content["contexts"]))
        what = f"there is no context '{name}'" if name else "no context is chosen"
        fix = f"choose one with --context or `kubectl config use-context`: {known}" if known else _SET_UP
        raise DeployError(f"{what} in {', '.join(map(str, files))}", fix)
    chosen = content["contexts"][name]
    cluster, user = (
        content[kind].get(str(chosen.get(key))) for kind, key in (("clusters", "cluster"), ("users", "user"))
    )
    if cluster is None or user is None or not cluster.get("server"):
        raise DeployError(f"the context '{name}' names a cluster or a user that is not there", _SET_UP)
    if not re.match("https?://[^/]", str(cluster["server"])):
        raise DeployError(f"the server of the context '{name}' is no address that begins with https://", _SET_UP)
    shown = _credentials(user)
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        context=name,
        namespace=str(chosen.get("namespace") or ""),
        token=_token(shown),
        certificate=_pair(shown),
        authority=_file(cluster, "certificate-authority"),
        is_verified=not cluster.get("insecure-skip-tls-verify", False),
        acts_as=str(user.get("as") or ""),
        groups=tuple(map(str, user.get("as-groups") or ())),
    )


def _of_pod() -> Access | None:
    """As a pod's ServiceAccount, where that has a token
    (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/)."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (ACCOUNT / "token").exists():
        return None
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        context="of this pod",
        namespace=(ACCOUNT / "namespace").read_text(encoding="utf-8").strip(),
        token=(ACCOUNT / "token").read_text(encoding="utf-8").strip(),
        authority=str(ACCOUNT / "ca.crt"),
    )


def _files() -> list[Path]:
    listed = [Path(part).absolute() for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def _merged(files: list[Path]) -> dict[str, Any]:
    """All files as one: the first that names something decides it. Paths in them are made absolute."""
    whole: dict[str, Any] = {"contexts": {}, "clusters": {}, "users": {}}
    for file in files:
        read = _read(file)
        whole.setdefault("current-context", read.get("current-context") or None)
        whole["current-context"] = whole["current-context"] or read.get("current-context")
        for kind in ("contexts", "clusters", "users"):
            for entry in cast(list[dict[str, Any]], read.get(kind) or NONE):
                found = {**(entry.get(kind[:-1]) or NOTHING), "folder": file.parent}
                whole[kind].setdefault(str(entry.get("name")), found)
    return whole


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        if text.lstrip().startswith("{"):
            return cast(dict[str, Any], json.loads(text))
        from ruamel.yaml import YAML

        read: Any = YAML(typ="safe", pure=True)
        content = read.load(text)
    except Exception as error:
        # Not the error's own text: it may quote the file, and the file holds credentials.
        raise DeployError(f"{file} cannot be read as a kubeconfig ({type(error).__name__})", _SET_UP) from None
    return cast(dict[str, Any], content) if isinstance(content, dict) else {}


def _credentials(user: Mapping[str, Any]) -> dict[str, Any]:
    """What the user shows; a program is asked where the kubeconfig says so
    (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins)."""
    plugin = cast(dict[str, Any] | None, user.get("exec"))
    if not plugin:
        return dict(user)
    version = str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    asked = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {str(each["name"]): str(each["value"]) for each in plugin.get("env") or NONE}
    command = str(plugin.get("command"))
    if os.sep in command:
        command = str(Path(str(user["folder"])) / command)
    try:
        done = subprocess.run(
            [command, *map(str, plugin.get("args") or NONE)],
            env={**os.environ, **environment, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
            capture_output=True,
            timeout=_PLUGIN_SECONDS,
            check=True,
        )
        status = cast(dict[str, str], json.loads(done.stdout)["status"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        message = f"the program '{command}' of the kubeconfig gives no credentials ({type(error).__name__})"
        raise DeployError(message, f"sign in again until `{command}` works by itself") from None
    texts = {"token": status.get("token", "")}
    for ours, theirs in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
        if status.get(theirs):
            texts[ours] = base64.b64encode(status[theirs].encode()).decode()
    return {**texts, "folder": user["folder"]}


def _token(user: Mapping[str, Any]) -> str:
    if user.get("tokenFile"):
        return (Path(str(user["folder"])) / str(user["tokenFile"])).read_text(encoding="utf-8").strip()
    return str(user.get("token") or "")


def _pair(user: Mapping[str, Any]) -> tuple[str, str] | None:
    certificate, key = _file(user, "client-certificate"), _file(user, "client-key")
    return (certificate, key) if certificate and key else None


def _file(entry: Mapping[str, Any], key: str) -> str | None:
    """Of what stands in the entry as a path, or as data; TLS takes files alone. Only the user may read it."""
    if data := entry.get(f"{key}-data"):
        handle, name = tempfile.mkstemp(prefix="bedplate-")
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64decode(str(data)))
        import atexit

        atexit.register(lambda: Path(name).unlink(missing_ok=True))
        return name
    return str(Path(str(entry["folder"])) / str(entry[key])) if entry.get(key) else None
