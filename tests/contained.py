"""Containers of rendered pods as processes of this machine: same command, user, variables and files, read-only root.

Owns what a container runtime would do of it with Linux' own means: an overlay of an image's files or of this machine's
root, remounted read-only, with the pod's volumes in it; processes of its own; no capabilities, no new privileges, the
pod's user. It needs root and mounts, and skips without. Not as in a cluster: the network is the machine's, so that a
pod listens at ports of this machine, and CPU and memory are not bounded.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from harness import objects, pod_templates

_NEEDED = ("unshare", "setpriv", "chroot", "mount")
_EMPTIED = ("/root", "/home", "/opt", "/tmp", "/run", "/mnt", "/srv")
"""Folders of this machine that hold what only tests have; of an image there is nothing in them."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """files: a folder with all of its files; this machine's own if none. settings: its configuration. folders: of this
    machine, by where they are in it. programs: which place is first in PATH."""

    files: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    folders: Mapping[str, Path] = field(default_factory=dict[str, Path])
    programs: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """folder: for this pod alone, whose containers share its volumes. objects: ConfigMaps and Secrets by name. claims:
    folders by the names of claims, an empty one if none. hosts: addresses by name. variables: those that come from
    elsewhere (Secrets, by their keys; the pod's own fields), and those that this machine has otherwise."""

    folder: Path
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    claims: Mapping[str, Path] = field(default_factory=dict[str, Path])
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    image: Image = Image()


@dataclass(frozen=True, kw_only=True)
class Contained:
    """How a container is started. command: with all around it; its own is run in the foreground. spec: its pod's.
    volumes: folders by where they are mounted. log: of all that it prints, once it is running."""

    command: list[str]
    spec: Mapping[str, Any]
    root: Path
    volumes: Mapping[str, Path]
    log: Path

    @contextmanager
    def running(self, stop_seconds: float | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Until the test is over; it then gets SIGTERM, and SIGKILL after its grace period, or after `stop_seconds`."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(stop_seconds or self.spec.get("terminationGracePeriodSeconds", 30))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def image_under_test(folder: str, program: str, made_by: str) -> Image:
    """What is installed in a folder beside the built programs; the test is skipped without it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return installed_image(cache / "bedplate" / folder, program, made_by)


def installed_image(folder: Path, program: str, made_by: str) -> Image:
    """What is installed in a virtual environment, its Python included; the test is skipped without it."""
    if not (folder / "bin" / program).exists():
        pytest.skip(f"{program} is not there: {made_by}")
    configuration = (folder / "pyvenv.cfg").read_text().splitlines()
    (home,) = (line.partition("=")[2].strip() for line in configuration if line.startswith("home"))
    pythons = [] if home.startswith("/usr") else [Path(home).parent]
    return Image(folders={str(each): each for each in (folder, *pythons)}, programs=folder / "bin")


def rendered_pod(recording: Recording, name: str) -> Mapping[str, Any]:
    """The pod of a workload."""
    (found,) = (
        template["spec"]
        for _, template in pod_templates(recording)
        if template["metadata"]["labels"].get("bedplate.dev/workload") == name
    )
    return found


def config_maps(recording: Recording) -> dict[str, Mapping[str, str]]:
    """The ConfigMaps of a stack by name."""
    return {body.inputs["metadata"]["name"]: body.inputs.get("data", {}) for body in objects(recording, "ConfigMap")}


@contextmanager
def running_pod(recording: Recording, name: str, image: Image, folder: Path, **variables: str) -> Iterator[Contained]:
    """The container of a workload, until the test is over. variables: those that come from Secrets."""
    surroundings = Surroundings(folder=folder, objects=config_maps(recording), variables=variables, image=image)
    pod = contained(rendered_pod(recording, name), surroundings)
    with pod.running():
        yield pod


def contained(pod: Mapping[str, Any], surroundings: Surroundings, name: str = "") -> Contained:
    """A container of a pod's spec, the first if no name is given. Skips the test where this machine cannot do it."""
    _can_contain(surroundings.folder)
    every = [*pod["containers"], *pod.get("initContainers", ())]
    container = next(each for each in every if name in ("", each["name"]))
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    own, user = surroundings.folder / container["name"], pod["securityContext"]["runAsUser"]
    own.mkdir(parents=True)
    root, volumes = own / "root", _volumes(pod, surroundings, user)
    places = {
        mount["mountPath"]: (volumes[mount["name"]] / mount.get("subPath", ""), bool(mount.get("readOnly")))
        for mount in sorted(container.get("volumeMounts", ()), key=lambda mount: len(mount["mountPath"]))
    }
    run = shlex.join(_within(pod, container, surroundings, root))
    # Where the pod's processes are together, another one is the first and waits for them all.
    started = f"{run} & wait" if pod.get("shareProcessNamespace") else f"exec {run}"
    script = own / "run.sh"
    script.write_text("\n".join([*_read_only_root(root, surroundings, places), started]))
    around = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-eu"]
    return Contained(
        command=[*around, str(script)],
        spec=pod,
        root=root,
        volumes={path: source for path, (source, _) in places.items()},
        log=own / "log",
    )


def _can_contain(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"containers as processes need root and {', '.join(_NEEDED)} (util-linux): sudo make test")
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {shlex.quote(str(folder))}"], capture_output=True
    )
    if tried.returncode:
        pytest.skip("containers as processes need the right to mount")


def _within(
    pod: Mapping[str, Any], container: Mapping[str, Any], surroundings: Surroundings, root: Path
) -> Iterator[str]:
    """The program itself, as a runtime starts it in the root."""
    user, image = pod["securityContext"]["runAsUser"], surroundings.image
    variables = {each["name"]: _value(each, surroundings) for each in container.get("env", ())}
    programs = [str(image.programs)] if image.programs else []
    path = [f"PATH={':'.join([*programs, os.environ['PATH']])}"]
    words = [_expanded(word, variables) for word in (*container.get("command", ()), *container.get("args", ()))]
    place = container.get("workingDir") or image.settings.get("WorkingDir") or "/"
    yield from ("chroot", str(root), "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    yield from ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "env", "-i", f"--chdir={place}")
    yield from image.settings.get("Env", path)
    yield from (f"{name}={value}" for name, value in variables.items())
    yield from words


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """As Kubernetes puts variables into a command line."""
    return re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], found[0]), text)


def _value(variable: Mapping[str, Any], surroundings: Surroundings) -> str:
    name, known = variable["name"], surroundings.variables
    if name in known or "value" in variable:
        return known.get(name, variable.get("value", ""))
    return known[variable["valueFrom"]["secretKeyRef"]["key"]]


def _read_only_root(root: Path, surroundings: Surroundings, places: Mapping[str, tuple[Path, bool]]) -> Iterator[str]:
    """The image's files below an upper folder, in which only places for volumes are made."""
    folder, image = root.parent, surroundings.image
    upper, work = folder / "upper", folder / "work"
    for each in (root, upper, work):
        each.mkdir()
    names = folder / "hosts"
    known = {"localhost": "127.0.0.1", os.uname().nodename: "127.0.0.1", **surroundings.hosts}
    names.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
    yield f"mount -t overlay overlay -o lowerdir={image.files or '/'},upperdir={upper},workdir={work} {root}"
    emptied = [] if image.files else [f"{root}{place}" for place in _EMPTIED]
    yield from (f"mkdir -p {place} && mount -t tmpfs -o mode=755 tmpfs {place}" for place in emptied)
    for within, source in image.folders.items():
        yield f"mkdir -p {root}{within} && mount --bind {source} {root}{within}"
        yield f"mount -o remount,bind,ro {root}{within}"
    for path, (source, _) in places.items():
        place = f"{root}{path}"
        yield f"mkdir -p {place}" if source.is_dir() else f"mkdir -p $(dirname {place}) && touch {place}"
    # Every image has these, or its runtime makes them.
    yield f"mkdir -p {root}/etc {root}/proc {root}/dev {root}/sys && touch {root}/etc/hosts"
    yield from (f"mount -o remount,ro {place}" for place in (*emptied, root))
    yield f"mount --bind {names} {root}/etc/hosts && mount -t proc proc {root}/proc"
    yield from (f"mount --rbind /{system} {root}/{system}" for system in ("dev", "sys"))
    for path, (source, is_read_only) in places.items():
        yield f"mount --bind {source} {root}{path}"
        if is_read_only:
            yield f"mount -o remount,ro,bind {root}{path}"


def _volumes(pod: Mapping[str, Any], surroundings: Surroundings, user: int) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for volume in pod["volumes"]:
        name, claim = volume["name"], volume.get("persistentVolumeClaim", {}).get("claimName")
        folder = surroundings.claims.get(claim, surroundings.folder / "volumes" / name)
        folder.mkdir(parents=True, exist_ok=True)
        if claim or "emptyDir" in volume:
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
