"""The pod of a build as it is rendered: its script, as its user, on a root that is read-only, with a real BuildKit.

What a kubelet would do is done with Linux' own means: the machine's root below an overlay, the pod's mounts, its user
without rights but those that it names. BuildKit is the built one, its starter upstream's own, rootlesskit the
distribution's. What would come over `attach` comes over standard input.
"""

import json
import os
import shlex
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.build import Order
from bedplate.builds.context import context_of
from bedplate.builds.failures import BuildError
from bedplate.builds.in_cluster import stream_of
from bedplate.builds.progress import Progress
from bedplate.builds.spec import BuildSpec
from bedplate.services.images.pod import PUSH_SECRET
from cluster.builds.build_processes import Registry, registry
from harness import objects, platform, record, tenant
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket

TOKEN = "hf_seenByTheBuildAlone"
_OF_THE_IMAGE = {"HOME": "/home/user", "USER": "user", "XDG_RUNTIME_DIR": "/run/user/1000", "PATH": "/usr/bin:/bin"}
"""https://github.com/moby/buildkit/blob/v0.34.2/Dockerfile, stage `rootless`."""


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


def _template() -> dict[str, Any]:
    images = {
        "registry": "ghcr.io/acme/",
        "builds": {"credentials": {"vision": {"username": "vision", "passwordRef": "push"}}},
    }
    recording = record(platform(tenant("vision"), images=images), frozenset({"push"}))
    (found,) = objects(recording, "PodTemplate")
    return found.inputs["template"]["spec"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


class BuildPod:
    """A pod's only container, and what it printed."""

    def __init__(self, folder: Path, host: str) -> None:
        self.pod = _template()
        (self.container,) = self.pod["containers"]
        self.folder, self.host = folder, host
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
        insecure = f'[registry."{self.host}"]\nhttp = true\n'
        yield f"printf %s {shlex.quote(insecure)} > {home}/.config/buildkit/buildkitd.toml"
        places = self._places()
        for path in places:
            yield f"mkdir -p {root}{path}"
        assert self.container["securityContext"]["readOnlyRootFilesystem"] is True
        yield f"mount -o remount,ro {root}"
        for path, place in places.items():
            yield f"mkdir -p {root}{path} && mount --bind {place} {root}{path}"
        yield f"mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc && mount --rbind /sys {root}/sys"

    def _places(self) -> dict[str, Path]:
        sources = {volume["name"]: volume for volume in self.pod["volumes"]}
        found: dict[str, Path] = {}
        for mount in sorted(self.container["volumeMounts"], key=lambda mount: len(mount["mountPath"])):
            place = self.folder / "volumes" / mount["name"]
            place.mkdir(parents=True)
            if mount["name"] == PUSH_SECRET:
                (place / "config.json").write_text(json.dumps({"auths": {}}))
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
        variables = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
        run = f"env -i {variables} {shlex.join(self.container['command'])}"
        # Who was only chrooted makes no user namespace (https://man7.org/linux/man-pages/man2/clone.2.html).
        pivot = f"cd {self.folder}/root && pivot_root . . && umount -l . && cd /"
        return f"{pivot} && exec setpriv {user} --bounding-set=-all{added} --inh-caps=-all {run}"


def _order(folder: Path, host: str, name: str) -> Order:
    project = folder / "project"
    project.mkdir()
    (project / ("a-long-name-" * 12)).write_text("long")
    (project / "left.log").write_text("left out")
    (project / ".dockerignore").write_text("*.log\n")
    dockerfile = "FROM scratch\nCOPY . /app/\n"
    return Order(
        context=context_of(project, BuildSpec()),
        dockerfile=dockerfile,
        image=f"{host}/vision/{name}:1",
        cache=f"{host}/vision/{name}:buildcache",
        secrets={"HF_TOKEN": TOKEN},
    )


def _sent(order: Order, file: Path) -> bytes:
    with file.open("w+b") as output:
        stream_of(order, output)
        return output.read()


class TestThePodOfABuild:
    def test_builds_and_pushes_as_its_user_with_a_root_that_is_read_only(
        self, images: Registry, tmp_path: Path
    ) -> None:
        order = _order(tmp_path, images.host, "pod")
        done = BuildPod(tmp_path, images.host).run(_sent(order, tmp_path / "sent"))
        progress = Progress(print)
        # As the API server gives it: both together.
        for line in [*done.stderr.splitlines(), *done.stdout.splitlines()]:
            progress.read(line)
        digest = progress.pushed()
        assert images.manifest(f"vision/pod@{digest}")["layers"]
        assert progress.steps == 1
        assert done.returncode == 0

    def test_ends_where_what_was_sent_is_cut_off(self, images: Registry, tmp_path: Path) -> None:
        order = _order(tmp_path, images.host, "cut")
        done = BuildPod(tmp_path, images.host).run(_sent(order, tmp_path / "sent")[:5000])
        assert done.returncode == 65
        progress = Progress(print)
        for line in done.stderr.splitlines():
            progress.read(line)
        with pytest.raises(BuildError) as found:
            progress.pushed()
        assert "what was sent is not whole" in "".join(found.value.lines)

    def test_ends_where_nothing_was_sent(self, images: Registry, tmp_path: Path) -> None:
        done = BuildPod(tmp_path, images.host).run(b"")
        assert done.returncode == 64
        assert "nobody sent anything" in done.stderr
