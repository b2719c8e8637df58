"""Containers of rendered pods as processes of this machine: same command, user, variables and files, read-only root.

Owns what a container runtime would do of it with Linux' own means: an overlay of this machine's root, remounted
read-only, with the pod's volumes in it; no capabilities, no new privileges, the pod's user. It needs root and mounts,
and skips without. Not as in a cluster: processes and network are the machine's, and CPU and memory are not bounded.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_NEEDED = ("unshare", "setpriv", "chroot", "mount")


@dataclass(frozen=True, kw_only=True)
class Contained:
    """How a container is started. command: with all around it; its own is run in the foreground."""

    command: list[str]
    root: Path


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """folder: empty, for this container alone. objects: ConfigMaps and Secrets by name. claims: folders by the names of
    claims. hosts: addresses by name. secrets: values of variables that come from Secrets. image: a folder with the
    files of an image, this machine's own if none; image_settings: its configuration."""

    folder: Path
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    claims: Mapping[str, Path] = field(default_factory=dict[str, Path])
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    image: Path = Path("/")
    image_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def contained(pod: Mapping[str, Any], surroundings: Surroundings, name: str = "") -> Contained:
    """A container of a pod's spec, the first if no name is given. Skips the test where this machine cannot do it."""
    _can_contain(surroundings.folder)
    container = next(each for each in pod["containers"] if name in ("", each["name"]))
    user, folder = pod["securityContext"]["runAsUser"], surroundings.folder
    root = folder / "root"
    lines = ["set -e", *_read_only_root(root, surroundings, container, _volumes(pod, surroundings, user))]
    environment = [f"{each['name']}={_value(each, surroundings)}" for each in container.get("env", ())]
    settings = surroundings.image_settings
    path = [f"PATH={os.environ['PATH']}"] if not settings else settings.get("Env", [])
    within = (
        ["cd", container.get("workingDir") or settings.get("WorkingDir") or "/"],
        ["exec", *container.get("command", ()), *container.get("args", ())],
    )
    run = [
        *("chroot", str(root), "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
        *("--bounding-set=-all", "--inh-caps=-all", "env", "-i", *path, *environment),
        *("sh", "-c", " && ".join(shlex.join(part) for part in within)),
    ]
    script = folder / "run.sh"
    script.write_text("\n".join([*lines, f"exec {shlex.join(run)}"]))
    return Contained(command=["unshare", "--mount", "--propagation", "private", "sh", str(script)], root=root)


def _can_contain(folder: Path) -> None:
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"containers as processes need root and {', '.join(_NEEDED)}")
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {shlex.quote(str(folder))}"], capture_output=True
    )
    if tried.returncode:
        pytest.skip("containers as processes need the right to mount")


def _read_only_root(
    root: Path, surroundings: Surroundings, container: Mapping[str, Any], volumes: Mapping[str, Path]
) -> list[str]:
    """The image's files below an upper folder, in which only places for volumes are made."""
    folder, hosts = surroundings.folder, surroundings.hosts
    upper, work = folder / "upper", folder / "work"
    for each in (root, upper, work):
        each.mkdir()
    names = folder / "hosts"
    names.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in hosts.items()))
    lines = [f"mount -t overlay overlay -o lowerdir={surroundings.image},upperdir={upper},workdir={work} {root}"]
    mounts = sorted(container.get("volumeMounts", ()), key=lambda mount: len(mount["mountPath"]))
    places = [(mount, volumes[mount["name"]] / mount.get("subPath", "")) for mount in mounts]
    for mount, source in places:
        place = f"{root}{mount['mountPath']}"
        lines.append(f"mkdir -p {place}" if source.is_dir() else f"mkdir -p $(dirname {place}) && touch {place}")
    # Every image has these, or its runtime makes them.
    lines.append(f"mkdir -p {root}/etc {root}/proc {root}/dev {root}/sys && touch {root}/etc/hosts")
    lines += [f"mount -o remount,ro {root}", f"mount --bind {names} {root}/etc/hosts"]
    for system in ("proc", "dev", "sys"):
        lines.append(f"mount --rbind /{system} {root}/{system}")
    for mount, source in places:
        place = f"{root}{mount['mountPath']}"
        lines.append(f"mount --bind {source} {place}")
        if mount.get("readOnly"):
            lines.append(f"mount -o remount,ro,bind {place}")
    return lines


def _volumes(pod: Mapping[str, Any], surroundings: Surroundings, user: int) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for volume in pod["volumes"]:
        name = volume["name"]
        if "persistentVolumeClaim" in volume:
            folder = surroundings.claims[volume["persistentVolumeClaim"]["claimName"]]
            os.chown(folder, user, user)
        else:
            folder = surroundings.folder / "volumes" / name
            folder.mkdir(parents=True)
            if "emptyDir" in volume:
                os.chown(folder, user, user)
            else:
                source = volume.get("configMap") or volume["secret"]
                _files(folder, surroundings.objects[source.get("name") or source["secretName"]], source, user)
        folders[name] = folder
    return folders


def _files(folder: Path, data: Mapping[str, str], source: Mapping[str, Any], group: int) -> None:
    """Kubernetes' files are root's, and the pod's group may read them."""
    for key, text in data.items():
        file = folder / key
        file.write_text(text)
        file.chmod(source.get("defaultMode", 0o644) | 0o040)
        os.chown(file, 0, group)


def _value(variable: Mapping[str, Any], surroundings: Surroundings) -> str:
    return variable["value"] if "value" in variable else surroundings.secrets[variable["name"]]
