"""Old images of a plain registry: what the guide says, with real krane and a real registry."""

import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from bedplate.labels import CACHE_TAG
from cluster.builds.build_processes import Registry, registry
from harness import ROOT
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket

BUILDS = 33
KEPT = 30


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path) as found:
        yield found


def said_by_the_guide() -> str:
    text = (ROOT / "docs" / "guides" / "images.md").read_text()
    (found,) = re.findall(r"^```sh clean-up\n(.*?)^```", text, flags=re.M | re.S)
    return found


def _layer(folder: Path, name: str) -> Path:
    file = folder / f"{name}.tar"
    with tarfile.open(file, "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(name)
        archive.addfile(member, BytesIO(name.encode()))
    return file


def _blobs(images: Registry) -> int:
    return len(list((images.folder / "docker" / "registry" / "v2" / "blobs").rglob("data")))


def test_the_newest_images_and_the_cache_stay(images: Registry, tmp_path: Path) -> None:
    krane = program_under_test("krane")
    repository = f"{images.host}/vision/scorer"
    tags = [f"202611{day:02d}-101500-{day:012x}" for day in range(1, BUILDS - 3)]
    tags = [*tags, *(f"202612{day:02d}-101500-{day:012x}" for day in range(1, 5))]
    assert len(tags) == BUILDS
    for tag in [*tags, CACHE_TAG, CACHE_TAG]:
        layer = _layer(tmp_path, f"{tag}-{len(list(tmp_path.glob('*.tar')))}")
        command = [krane, "append", "--insecure", "--new_layer", layer, "--new_tag", f"{repository}:{tag}"]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    before = _blobs(images)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "krane").symlink_to(krane)
    environment = {"PATH": f"{programs}:{os.defpath}", "HOME": str(tmp_path), "REPOSITORY": repository}
    done = subprocess.run(
        ["sh", "-euc", said_by_the_guide()], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([krane, "ls", repository], capture_output=True, text=True, timeout=30, check=True)
    assert set(listed.stdout.split()) == {*sorted(tags)[-KEPT:], CACHE_TAG}
    collect = [program_under_test("registry"), "garbage-collect", "--delete-untagged", tmp_path / "registry.yml"]
    subprocess.run(collect, check=True, capture_output=True, timeout=60)
    # Of each image that went: its layer, its configuration and its manifest; and those of the cache before.
    assert before - _blobs(images) == 3 * (BUILDS - KEPT + 1)
