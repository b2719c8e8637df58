"""A pod's container as a process of this machine: its command, variables and user, on a root that is read-only.

What a kubelet and a runtime do is done by a namespace of mounts: the machine's own root without any right to write, and
in it what the pod mounts, empty at first. The programs of an image are a folder of this machine, first in PATH. No
network of its own: the process listens at the pod's ports, of this machine. It needs root, as making mounts does.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from harness import objects, pod_templates

_ROOT = "root"


@dataclass(frozen=True)
class Image:
    """bin: where its programs are. folders: of this machine that they need beside what every machine has."""

    bin: Path
    folders: Sequence[Path]


def image_under_test(name: str, program: str) -> Image:
    """The environment of an interface beside the built programs; the test is skipped without it, or without root."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "bedplate" / "interfaces" / name
    if not (folder / "bin" / program).exists():
        pytest.skip(f"{program} is not there: make interfaces")
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("a read-only root of its own needs root, unshare and setpriv (util-linux)")
    found = [folder]
    if (configuration := folder / "pyvenv.cfg").exists():
        (home,) = (line.partition("=")[2] for line in configuration.read_text().splitlines() if line.startswith("home"))
        found.append(Path(home.strip()).parent)
    return Image(bin=folder / "bin", folders=found)


@dataclass(frozen=True)
class RunningPod:
    """spec: as it was rendered. volumes: what it wrote, by where it is mounted. log: of all that it printed."""

    spec: Mapping[str, Any]
    volumes: Mapping[str, Path]
    log: Path


def rendered_pod(recording: Recording, name: str) -> Mapping[str, Any]:
    """The pod of a workload."""
    (found,) = (
        template["spec"]
        for _, template in pod_templates(recording)
        if template["metadata"]["labels"].get("bedplate.dev/workload") == name
    )
    return found


@contextmanager
def running_pod(recording: Recording, name: str, image: Image, folder: Path) -> Iterator[RunningPod]:
    """The workload's container, until the test is over; it then gets SIGTERM, and SIGKILL after its grace period."""
    spec = rendered_pod(recording, name)
    volumes = _volumes(recording, spec, folder / "volumes")
    pod = RunningPod(spec, volumes, folder / "log")
    script = folder / "start.sh"
    script.write_text("\n".join(_script(spec, volumes, image, folder / _ROOT)))
    with pod.log.open("wb") as log:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-eu", str(script)]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield pod
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(spec["terminationGracePeriodSeconds"])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _volumes(recording: Recording, spec: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """A folder for each mount: with the files of a ConfigMap, or empty and the user's."""
    user = spec["securityContext"]["runAsUser"]
    kinds = {volume["name"]: volume for volume in spec["volumes"]}
    found: dict[str, Path] = {}
    for mount in spec["containers"][0]["volumeMounts"]:
        place = folder / mount["name"]
        place.mkdir(parents=True, exist_ok=True)
        source = kinds[mount["name"]]
        if "configMap" in source:
            (made,) = (
                body.inputs
                for body in objects(recording, "ConfigMap")
                if body.inputs["metadata"]["name"] == source["configMap"]["name"]
            )
            for name, text in made["data"].items():
                (place / name).write_text(text)
        else:
            shutil.chown(place, user, user)
        found[mount["mountPath"]] = place
    return found


def _script(spec: Mapping[str, Any], volumes: Mapping[str, Path], image: Image, root: Path) -> Iterator[str]:
    """Only paths of tests and what the templates render stand in it."""
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    user = spec["securityContext"]["runAsUser"]
    root.mkdir()
    yield "mount --make-rprivate /"
    yield f"mount --bind / {root}"
    # Folders that hold what only tests have; of an image there is nothing in them.
    for empty in ("/root", "/home", "/opt", "/tmp", "/run"):
        yield f"mount -t tmpfs -o mode=755 tmpfs {root}{empty}"
    for folder in image.folders:
        yield f"mkdir -p {root}{folder} && mount --bind {folder} {root}{folder}"
        yield f"mount -o remount,bind,ro {root}{folder}"
    for path, place in volumes.items():
        yield f"mkdir -p {root}{path} && mount --bind {place} {root}{path}"
    read_only = [mount["mountPath"] for mount in container["volumeMounts"] if mount.get("readOnly")]
    for path in (*read_only, "/root", "/home", "/opt", "/run", ""):
        yield f"mount -o remount,bind,ro {root}{path}"
    yield f"mount --bind /dev {root}/dev && mount -t proc proc {root}/proc"
    variables = [f"{entry['name']}='{entry['value']}'" for entry in container["env"] if "value" in entry]
    words = [f"'{word}'" for word in (*container.get("command", ()), *container.get("args", ()))]
    dropped = f"setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
    path = f"PATH={image.bin}:/usr/local/bin:/usr/bin:/bin"
    is_first = not spec.get("shareProcessNamespace", False)
    yield " ".join(
        [
            *(["exec"] if is_first else []),
            f"chroot {root}",
            f"env -i --chdir={container['workingDir']} {path}",
            *variables,
            dropped,
            *words,
        ]
        # Where the pod's processes are together, another one is the first and waits for them all.
        + ([] if is_first else ["&", "wait"])
    )
