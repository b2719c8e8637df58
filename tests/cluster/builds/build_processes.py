"""A registry and a BuildKit as processes of this machine, and a base image that is made of its Python.

BuildKit runs as root with runc, or as an ordinary user with rootlesskit, as it does in the cluster. Images are read as
the registry gives them.
"""

import ensurepip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.at_address import AtAddress
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from programs_under_test import program_under_test

_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
_TOOLS = ("sh", "bash", "env", "cat", "mkdir", "rm", "ls", "id", "sha256sum", "sleep", "touch", "find", "setpriv")


_GRANTED = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libc.so.6", "libm.so.6", "librt.so.1", "libdl.so.2", "libpthread.so.0"),
    *("libutil.so.1", "libresolv.so.2"),
)


@dataclass(frozen=True)
class Registry:
    """host: with its port. folder: where it keeps everything."""

    host: str
    folder: Path

    def manifest(self, reference: str) -> dict[str, Any]:
        """Of an image, by `NAME@DIGEST` or `NAME:TAG` behind the host."""
        name, _, version = reference.removeprefix(f"{self.host}/").partition("@" if "@" in reference else ":")
        request = urllib.request.Request(f"http://{self.host}/v2/{name}/manifests/{version}")
        request.add_header("Accept", _MANIFESTS)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def blob(self, digest: str) -> bytes:
        algorithm, _, value = digest.partition(":")
        blobs = self.folder / "docker" / "registry" / "v2" / "blobs"
        return (blobs / algorithm / value[:2] / value / "data").read_bytes()

    def unpacked(self, reference: str, folder: Path) -> dict[str, Any]:
        """The image's files in a folder; returns its configuration."""
        manifest = self.manifest(reference)
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.blob(layer["digest"]))) as archive:
                archive.extractall(folder, filter="fully_trusted")
        return json.loads(self.blob(manifest["config"]["digest"]))["config"]


@contextmanager
def registry(folder: Path, port: int = 0) -> Iterator[Registry]:
    """port: any free one if none."""
    program = program_under_test("registry")
    port = port or free_ports("registry")["registry"]
    store = folder / "registry"
    store.mkdir()
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(store)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "log": {"level": "warn"},
    }
    file = folder / "registry.yml"
    file.write_text(json.dumps(settings))
    process = BackgroundProcess(
        "registry",
        guarded([str(program), "serve", str(file)]),
        log=folder / "registry.log",
        folder=folder,
        environment={"PATH": os.defpath, "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"},
    )
    try:
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/v2/"), f"the registry, whose log is {process.log}", 20)
        yield Registry(f"127.0.0.1:{port}", store)
    finally:
        stop([process])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def settings(folder: Path, host: str) -> Path:
    """BuildKit's configuration file. host: of a registry without TLS."""
    file = folder / "buildkitd.toml"
    file.write_text(f"""
root = "{folder}/state"
[grpc]
address = ["unix://{folder}/buildkit.sock"]
[worker.oci]
enabled = true
networkMode = "host"
snapshotter = "overlayfs"
binary = "runc"
[worker.containerd]
enabled = false
[registry."{host}"]
http = true
""")
    return file


@contextmanager
def buildkit(folder: Path, host: str) -> Iterator[AtAddress]:
    """A BuildKit without anything in its cache; as root, with runc."""
    daemon, client = program_under_test("buildkitd"), program_under_test("buildctl")
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("BuildKit beside tests needs root and runc: apt-get install runc")
    folder.mkdir(parents=True, exist_ok=True)
    process = BackgroundProcess(
        "buildkitd",
        guarded([str(daemon), "--config", str(settings(folder, host))]),
        log=folder / "buildkitd.log",
        folder=folder,
        environment={"PATH": f"{os.defpath}:/usr/sbin:/sbin", "HOME": str(folder)},
    )
    address = f"unix://{folder}/buildkit.sock"
    try:
        eventually(lambda: _has_workers(client, address), f"BuildKit, whose log is {process.log}", 30)
        yield AtAddress(address=address, client=client)
    finally:
        stop([process])


def _has_workers(client: Path, address: str) -> bool:
    asked = subprocess.run(
        [client, "--addr", address, "debug", "workers"], capture_output=True, timeout=15, check=False
    )
    return asked.returncode == 0


def base_image(builder: AtAddress, host: str, folder: Path) -> str:
    """An image with this machine's Python, a shell and little else; its reference."""
    root = folder / "base"
    root.mkdir(parents=True)
    _python(root)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY base/ /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n")
    reference = f"{host}/base/python:1"
    output = f"type=image,name={reference},push=true"
    command = [
        *(str(builder.client), "--addr", builder.address, "build", "--frontend", "dockerfile.v0", "--local"),
        *(f"context={folder}", "--local", f"dockerfile={folder}", "--output", output),
    ]
    made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stderr
    return reference


def _python(root: Path) -> None:
    prefix, version = Path(sys.base_prefix), f"python3.{sys.version_info.minor}"
    left_out = shutil.ignore_patterns("__pycache__", "test", "tests", "site-packages", "idlelib", "tkinter", "config-*")
    library = prefix / "lib" / version
    shutil.copytree(library, root / str(library).lstrip("/"), ignore=left_out, symlinks=True)
    packages = root / str(library).lstrip("/") / "site-packages"
    packages.mkdir()
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.unpack_archive(pip, packages, "zip")
    program = prefix / "bin" / version
    _place(program.resolve(), root / "usr/local/bin" / "python3")
    tools = [Path(found) for name in _TOOLS if (found := shutil.which(name, path="/usr/bin:/bin"))]
    for tool in tools:
        _place(tool.resolve(), root / "usr/bin" / tool.name)
    for name in ("bin", "lib64"):
        (root / name).mkdir(exist_ok=True)
    (root / "bin" / "sh").symlink_to("/usr/bin/sh")
    needed = [program.resolve(), *tools, *(library / "lib-dynload").glob("*.so")]
    # Wheels take these for granted (https://peps.python.org/pep-0599/#the-manylinux2014-policy).
    granted = [file for name in _GRANTED for file in Path("/usr/lib").glob(f"*-gnu/{name}")]
    for file in {*_libraries([*needed, *granted]), *granted}:
        _place(file, root / str(file).lstrip("/"))
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    _place(certificates, root / str(certificates).lstrip("/"))
    (root / "tmp").mkdir(mode=0o1777)
    (root / "etc" / "pip.conf").write_text(f"[global]\ncert = {certificates}\n")
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    # Where Python was built to be is where it looks for its library.
    home = root / "usr/local/bin" / "python3"
    wrapped = home.with_name("python3.real")
    home.rename(wrapped)
    home.write_text(
        f'#!/bin/sh\nPYTHONHOME={prefix} LD_LIBRARY_PATH={prefix}/lib exec /usr/local/bin/python3.real "$@"\n'
    )
    home.chmod(0o755)


def _libraries(files: list[Path]) -> list[Path]:
    said = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    words = [word for line in said.splitlines() for word in line.split() if word.startswith("/") and ":" not in word]
    return sorted({Path(word) for word in words})


def _place(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)
