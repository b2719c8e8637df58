"""What a scan's container runs, with real Grype, a real registry, and a database of one entry."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from bedplate.services.images.programs.scans import findings
from cluster.builds.build_processes import Registry, registry
from cluster.builds.test_scans import STACK
from cluster.builds.vulnerabilities import MENDED, NAME, PACKAGE, VULNERABLE, database
from harness import objects, record
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path) as found:
        yield found


def grype_of_a_scan() -> dict[str, Any]:
    """The container as it is rendered."""
    templates = objects(record(STACK, frozenset({"push"})), "PodTemplate")
    (scan,) = [
        each
        for each in templates
        if (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]) == ("bedplate-builds-vision", "scan")
    ]
    (found,) = [each for each in scan.inputs["template"]["spec"]["initContainers"] if each["name"] == "scan"]
    return dict(found)


def pushed(images: Registry, version: str, folder: Path) -> str:
    """An image with one package of Python; its reference with its digest."""
    layer = folder / f"{version}.tar"
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n".encode()
    with tarfile.open(layer, "w") as archive:
        member = tarfile.TarInfo(f"usr/lib/python3/site-packages/{PACKAGE}-{version}.dist-info/METADATA")
        member.size = len(metadata)
        archive.addfile(member, BytesIO(metadata))
    krane, tag = program_under_test("krane"), f"{images.host}/vision/app:{version}"
    append = [krane, "append", "--insecure", "--new_layer", layer, "--new_tag", tag]
    subprocess.run(append, check=True, capture_output=True, timeout=30)
    digest = subprocess.run([krane, "digest", tag], check=True, capture_output=True, text=True, timeout=30)
    return f"{images.host}/vision/app@{digest.stdout.strip()}"


def scanned(reference: str, archive: Path, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Runs the container's script where its paths are folders here."""
    container, grype = grype_of_a_scan(), program_under_test("grype")
    work = folder / reference.rpartition(":")[2][:12]
    work.mkdir()
    (work / "reference").write_text(reference)
    written = {each["name"]: each["value"] for each in container["env"]}
    assert written["GRYPE_DB_CACHE_DIR"] == "/database"
    environment = {
        **written,
        **{"GRYPE_DB_CACHE_DIR": str(folder / "database"), "HOME": str(folder), "TMPDIR": str(folder)},
        # Where the real one is fetched is outside; what is fetched is imported here.
        **{"GRYPE_DB_AUTO_UPDATE": "false", "GRYPE_REGISTRY_INSECURE_USE_HTTP": "true", "PATH": os.defpath},
    }
    subprocess.run([grype, "db", "import", archive], env=environment, check=True, capture_output=True, timeout=60)
    shell, option, script = container["command"]
    assert (shell, option) == ("/busybox/sh", "-c")
    here = script.replace("/grype", str(grype)).replace("/work/", f"{work}/")
    done = subprocess.run(["sh", "-c", here], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return findings(json.loads((work / "report.json").read_text()), "high", only_fixed=True)


def test_an_image_with_a_package_that_could_be_mended_does_not_pass(images: Registry, tmp_path: Path) -> None:
    archive = database(tmp_path)
    counts, failing = scanned(pushed(images, VULNERABLE, tmp_path), archive, tmp_path)
    assert counts["high"] == 1
    assert failing == [f"high: {NAME} in {PACKAGE} {VULNERABLE}, mended in {MENDED}"]
    counts, failing = scanned(pushed(images, MENDED, tmp_path), archive, tmp_path)
    assert (counts["high"], failing) == (0, [])
