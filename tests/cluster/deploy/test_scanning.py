"""A whole scan where only what has passed may run: a folder built in the cluster with a real BuildKit, pushed to a real
registry, looked through by real Grype with a database of one entry, judged and written by the platform's program, and
admitted or refused by the guardrail. On a cluster of its own: the stack of the other tests here scans nothing.
"""

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from cluster.builds.build_processes import Registry, base_image, buildkit, registry
from cluster.builds.vulnerabilities import MENDED, NAME, PACKAGE, VULNERABLE
from cluster.deploy.conftest import SECRETS, WEBSOCKETS, stack
from cluster.deploy.kubelet import Kubelet, running_kubelet
from cluster.deploy.people import Person, write
from cluster.deploy.real_pods import Images, can_run_pods
from cluster.deploy.scan_pod import Scans
from cluster.deploy.test_json import matches
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from harness import program
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def cluster_access(
    programs: None, progress: Callable[[str], None], authority: tuple[Path, Path]
) -> Generator[ClusterAccess]:
    can_run_pods()
    program_under_test("grype")
    with embedded_cluster(progress, [f"--client-ca-file={authority[0]}", WEBSOCKETS]) as access:
        yield access


@pytest.fixture(scope="module")
def kubelet(cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Generator[Kubelet]:
    calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
    with running_kubelet(calls, tmp_path_factory.mktemp("kubelet")) as running:
        yield running


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Generator[Registry]:
    with registry(tmp_path_factory.mktemp("images"), free_ports("scanned")["scanned"]) as found:
        yield found


@pytest.fixture(scope="module")
def base(
    images: Registry, kubelet: Kubelet, cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What apps are made from; pods and scans run from now on."""
    folder = tmp_path_factory.mktemp("base")
    with buildkit(folder / "buildkit", images.host) as builder:
        reference = base_image(builder, images.host, folder / "image")
    kubelet.serve_images(Images(images, folder), images.host)
    scans = folder / "scans"
    scans.mkdir()
    kubelet.scans = Scans(cluster_access, images, reference, scans)
    return reference


@pytest.fixture(scope="module")
def platform_up(cluster_access: ClusterAccess, images: Registry, base: str) -> ApiServer:
    """The stack, in which what tenants build must have passed."""
    assert base
    asked = stack(int(images.host.rpartition(":")[2]))
    asked["guardrails"] |= {"scannedBuilds": True}
    asked["images"]["builds"] |= {"scan": {"failOn": "high"}}
    api = ApiServer(cluster_access)
    recording = run(program(asked, SECRETS), RecordingBackend(), is_preview=False)
    Definitions(api).create(recording)
    assert apply(api, recording.resources).problems == []
    return api


def with_package(folder: Path, base: str, version: str) -> None:
    """The app's image has one package of Python more."""
    place = f"/usr/lib/python3/site-packages/{PACKAGE}-{version}.dist-info/METADATA"
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n")
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nCOPY METADATA {place}\nCOPY METADATA /app/index.html\nWORKDIR /app\nUSER 65532\n"
        'CMD ["python3", "-m", "http.server", "8000"]\n'
    )


def test_what_was_built_runs_once_a_scan_has_passed_it(
    alice: Person, app_name: str, base: str, images: Registry, tmp_path: Path
) -> None:
    folder = write(tmp_path / "app", app_name, healthPath='"/index.html"')
    with_package(folder, base, VULNERABLE)
    failed = alice.runs("deploy", str(folder), "--wait", "-o", "json")
    assert failed.code == 1, failed.said
    matches("failed", failed.json)
    (problem,) = failed.json["problems"]
    assert f"high: {NAME} in {PACKAGE} {VULNERABLE}, mended in {MENDED}" in problem["reason"], failed.said
    assert "newer versions" in problem["fix"]
    vulnerable = re.search(rf"{re.escape(images.host)}/\S+@sha256:[0-9a-f]{{64}}", problem["reason"])
    assert vulnerable is not None, problem
    assert alice.runs("deploy", "get", app_name).code == 1, "nothing of it is there"

    def refused() -> str:
        return alice.runs("deploy", str(folder), "--image", vulnerable[0], "-o", "json").out

    # Policies are enforced about a second after they are there.
    eventually(lambda: "scanned-builds: no scan has passed" in refused(), "the guardrail")
    assert f"bedplate scan {vulnerable[0]}" in refused(), "it says what to do"

    with_package(folder, base, MENDED)
    done = alice.runs("deploy", str(folder), "--wait", "-o", "json")
    assert done.code == 0, done.said
    assert (done.json["status"], done.json["progress"]) == ("Healthy", 100)

    scanned = alice.runs("-o", "json", "scan", done.json["image"])
    assert scanned.code == 0, scanned.said
    matches("scan", scanned.json)
    assert scanned.json["has_passed"] is True
    assert scanned.json["counts"]["high"] == 0
