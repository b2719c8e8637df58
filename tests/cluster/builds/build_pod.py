"""The pod of a build as it is rendered, as a process of this machine with a real BuildKit.

What a kubelet would do is done with Linux' own means: the machine's root below an overlay, the pod's mounts, its user
without rights but those that it has there. BuildKit is the built one, its starter upstream's own, rootlesskit the
distribution's. What would come over `attach` comes over standard input.
"""

import json
import os
import shlex
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.build import Order
from bedplate.builds.in_cluster import stream_of
from bedplate.services.images.pod import HELPER, PUSH_SECRET
from harness import objects, platform, record, tenant
from programs_under_test import program_under_test

_OF_THE_IMAGE = {"HOME": "/home/user", "USER": "user", "XDG_RUNTIME_DIR": "/run/user/1000", "PATH": "/usr/bin:/bin"}
"""https://github.com/moby/buildkit/blob/v0.34.2/Dockerfile, stage `rootless`."""


_TOKEN = "/var/run/secrets/token"
_SETGID, _SETUID = 6, 7
_OF_THE_RUNTIME = (
    *("chown", "dac_override", "fsetid", "fowner", "mknod", "net_raw", "setgid", "setuid", "setfcap", "setpcap"),
    *("net_bind_service", "sys_chroot", "kill", "audit_write"),
)
"""Capabilities that containerd leaves to a container:
https://github.com/containerd/containerd/blob/v2.1.4/pkg/oci/spec.go."""


def _with_capability(program: Path, place: Path, capability: int) -> None:
    """A program that has one capability by its file, as the image's; Debian's become root, which needs more than a
    container has. The form: https://man7.org/linux/man-pages/man7/capabilities.7.html, version 2."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(program, place)
    place.chmod(0o755)
    os.setxattr(place, "security.capability", struct.pack("<5I", 0x02000001, 1 << capability, 0, 0, 0))


def pod_template() -> dict[str, Any]:
    """What the platform puts where builds run."""
    images = {
        "registry": "ghcr.io/acme/",
        "builds": {"credentials": {"vision": {"username": "vision", "passwordRef": "push"}}},
    }
    recording = record(platform(tenant("vision"), images=images), frozenset({"push"}))
    (found,) = objects(recording, "PodTemplate")
    return dict(found.inputs)


@dataclass(frozen=True)
class Cloud:
    """What is around a pod that acts as an identity. host: of the registry. token: of the pod, in a file that
    `variables` are told of: what the cloud puts into the pod. hosts: addresses by name. authority: whose certificates
    are believed."""

    host: str
    token: str
    variables: Callable[[str], dict[str, str]]
    hosts: dict[str, str]
    authority: Path


def sent(order: Order, file: Path) -> bytes:
    """What a build reads over its standard input."""
    with file.open("w+b") as output:
        stream_of(order, output)
        return output.read()


class BuildPod:
    """A pod's containers, one after the other, and what the last printed. pod: its spec, as it is rendered if none."""

    def __init__(self, folder: Path, host: str, pod: Any = None, cloud: Cloud | None = None) -> None:
        self.pod = pod or pod_template()["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.folder, self.host, self.cloud = folder, host, cloud
        self.programs = self._programs()

    def run(self, sent: bytes) -> "subprocess.CompletedProcess[str]":
        script = self.folder / "run.sh"
        script.write_text("\n".join(["set -e", *self._root(), self._command()]))
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", str(script)],
            input=sent,
            capture_output=True,
            timeout=180,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def _programs(self) -> dict[str, Path]:
        found = {name: program_under_test(name) for name in ("buildkitd", "buildctl")}
        missing = [
            name for name in ("runc", "rootlesskit", "newuidmap", "unshare", "setpriv") if not shutil.which(name)
        ]
        if missing or os.geteuid() != 0:
            pytest.skip(f"a pod of builds needs root and {', '.join(missing) or 'nothing else'}: apt-get install it")
        cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=False).stdout.strip()
        starters = Path(cache or "/nowhere").glob("github.com/moby/buildkit@v*/examples/buildctl-daemonless/*.sh")
        starter = next((path for path in starters), None)
        if starter is None:
            pytest.skip("buildctl-daemonless.sh is not there: Go has BuildKit's sources once they are built")
        return {**found, "buildctl-daemonless.sh": starter}

    def _root(self) -> Iterator[str]:
        """The image, as far as a build sees it, with the pod's mounts in it."""
        root, upper, work = (self.folder / name for name in ("root", "upper", "work"))
        for each in (root, upper, work):
            each.mkdir()
        yield f"mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}"
        home = f"{root}/home/user"
        yield f"mkdir -p {home}/.local/share {home}/.config/buildkit {root}/run/user && chown -R 1000:1000 {home}"
        for name, capability in (("newuidmap", _SETUID), ("newgidmap", _SETGID)):
            _with_capability(Path(str(shutil.which(name))), upper / "usr/bin" / name, capability)
        for name, program in self.programs.items():
            yield f"cp {program} {root}/usr/bin/{name} && chmod 755 {root}/usr/bin/{name}"
        yield f"cp {shutil.which('runc')} {root}/usr/bin/buildkit-runc"
        users = "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"
        yield f"printf %s {shlex.quote(users)} > {root}/etc/passwd"
        for name in ("subuid", "subgid"):
            yield f"echo user:100000:65536 > {root}/etc/{name}"
        yield from self._around(root, home)
        insecure = f'[registry."{self.host}"]\nhttp = true\n'
        yield f"printf %s {shlex.quote(insecure)} > {home}/.config/buildkit/buildkitd.toml"
        places = self._places()
        for path in places:
            yield f"mkdir -p {root}{path}"
        assert self.container["securityContext"]["readOnlyRootFilesystem"] is True
        yield from self._helper(root)
        yield f"mount -o remount,ro {root}"
        for path, place in places.items():
            yield f"mkdir -p {root}{path} && mount --bind {place} {root}{path}"
        yield f"mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc && mount --rbind /sys {root}/sys"

    def _around(self, root: Path, home: str) -> Iterator[str]:
        """What a cloud's node and the pod's names are."""
        if self.cloud is None:
            return
        hosts = "".join(f"{address} {name}\n" for name, address in self.cloud.hosts.items())
        yield f"printf %s {shlex.quote(hosts)} >> {root}/etc/hosts"
        yield f"cat {self.cloud.authority} >> {root}/etc/ssl/certs/ca-certificates.crt"
        yield f"mkdir -p {root}/var/run/secrets && printf %s {self.cloud.token} > {root}{_TOKEN}"

    def _helper(self, root: Path) -> Iterator[str]:
        """The container before the build, in an image that has a program and a shell."""
        for container in self.pod.get("initContainers", []):
            yield f"mkdir -p {root}/ko-app {root}/busybox && cp {program_under_test('krane')} {root}/ko-app/krane"
            yield f"ln -s /bin/sh {root}/busybox/sh && mkdir -p {root}/tools"
            yield f"mount --bind {self.folder}/volumes/tools {root}/tools"
            yield f"chroot --userspec=1000:1000 {root} {shlex.join(container['command'])}"
            yield f"umount {root}/tools"

    def _places(self) -> dict[str, Path]:
        sources = {volume["name"]: volume for volume in self.pod["volumes"]}
        found: dict[str, Path] = {}
        for mount in sorted(self.container["volumeMounts"], key=lambda mount: len(mount["mountPath"])):
            place = self.folder / "volumes" / mount["name"]
            place.mkdir(parents=True)
            if mount["name"] == PUSH_SECRET:
                signed_in = {"credHelpers": {self.cloud.host: HELPER}} if self.cloud else {"auths": {}}
                (place / "config.json").write_text(json.dumps(signed_in))
            else:
                assert "emptyDir" in sources[mount["name"]]
                shutil.chown(place, 1000, 1000)
            found[mount["mountPath"]] = place
        return found

    def _command(self) -> str:
        security = self.container["securityContext"]
        assert "capabilities" not in security
        added = "".join(f",+{name}" for name in _OF_THE_RUNTIME)
        user = f"--reuid {security['runAsUser']} --regid {security['runAsGroup']} --clear-groups"
        env = {**_OF_THE_IMAGE, **{each["name"]: each["value"] for each in self.container["env"]}}
        env |= self.cloud.variables(_TOKEN) if self.cloud else {}
        variables = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
        run = f"env -i {variables} {shlex.join(self.container['command'])}"
        # Who was only chrooted makes no user namespace (https://man7.org/linux/man-pages/man2/clone.2.html).
        pivot = f"cd {self.folder}/root && pivot_root . . && umount -l . && cd /"
        return f"{pivot} && exec setpriv {user} --bounding-set=-all{added} --inh-caps=-all {run}"
