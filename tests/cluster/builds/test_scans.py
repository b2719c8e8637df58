"""Scans of images, and the guardrail that asks for them, at the API server: what passes is written by the platform's
program as the ServiceAccount of scans, and nobody else.

Grype's report is given here; the program that judges it and the API server are real (`test_grype` runs Grype).
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.in_cluster import job_of
from bedplate.builds.scanning import scan_job
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, text
from bedplate.labels import SCANNED
from bedplate.services.images import programs
from cluster.builds.applied import cluster_with
from cluster.builds.test_members import Body, Member
from cluster.objects_under_test import eventually
from harness import platform, tenant

pytestmark = pytest.mark.enable_socket

PLACE, REPOSITORY = "bedplate-builds-vision", "ghcr.io/acme/vision"
JOBS = f"/apis/batch/v1/namespaces/{PLACE}/jobs"
DIGEST, OTHER = "a" * 64, "b" * 64
STACK = platform(
    tenant("vision", groups=["ml-vision"]),
    tenant("search", groups=["ml-search"]),
    guardrails={"approvedImages": ["ghcr.io/acme/", "quay.io/tools/"], "imageDigests": True, "scannedBuilds": True},
    images={
        "registry": "ghcr.io/acme/",
        "builds": {
            "credentials": {name: {"username": name, "passwordRef": "push"} for name in ("vision", "search")},
            "scan": {"failOn": "high"},
        },
    },
)
FOUND = {"vulnerability": {"id": "CVE-2026-1", "severity": "High", "fix": {"versions": ["1.2.4"]}}}
PACKAGE = {"artifact": {"name": "libpng", "version": "1.2.3"}}


@pytest.fixture(scope="module")
def access(programs: None, progress: Callable[[str], None]) -> Generator[ClusterAccess]:
    with cluster_with(STACK, progress, "push") as found:
        yield found


@pytest.fixture(scope="module")
def calls(access: ClusterAccess) -> ClusterApi:
    found = ClusterApi(access.kubeconfig, access.context)
    eventually(lambda: "image-digests" in told(found, f"{REPOSITORY}/app:1"), "the policies are enforced")
    return found


def deployment(image: str) -> Body:
    labels = {
        **{"app": "app", "bedplate.dev/tenant": "vision", "bedplate.dev/project": "vision"},
        "bedplate.dev/owner": "vision_at_example.com",
    }
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    sizes = {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "64Mi"}
    container = {"name": "main", "image": image, "resources": {"requests": sizes, "limits": sizes}}
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "containers": [{**container, "securityContext": security}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def told(calls: ClusterApi, image: str, namespace: str = "vision") -> str:
    """Why a Deployment of the image is refused to the platform's team; '' if it is not."""
    body = deployment(image)
    for labels in (body["metadata"]["labels"], body["spec"]["template"]["metadata"]["labels"]):
        labels.update({key: value.replace("vision", namespace) for key, value in labels.items()})
    try:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        calls.call("post", path, body=body, query={"dryRun": "All"})
    except ApiError as error:
        return error.reason
    return ""


def a_scan(calls: ClusterApi, reference: str) -> Body:
    template = calls.call("get", f"/api/v1/namespaces/{PLACE}/podtemplates/scan")
    return scan_job(copy.deepcopy(template), reference)


class Scan:
    """A scan's two programs, run here with what its pod gives them, as its ServiceAccount."""

    def __init__(self, access: ClusterAccess, calls: ClusterApi, folder: Path, reference: str) -> None:
        member = Member(calls, "ml-vision")
        made = calls.call("post", JOBS, body=a_scan(calls, reference), headers=member.headers)
        self.job, self.folder = text(made, "metadata", "name"), folder
        found: Body = calls.call("get", f"/api/v1/namespaces/{PLACE}/podtemplates/scan")
        template = found["template"]["spec"]
        (record,) = template["containers"]
        own = {each["name"]: each["value"] for each in record["env"] if "value" in each}
        account = folder / "account"
        account.mkdir()
        (account / "token").write_text(_token(calls, PLACE, "scan"))
        cluster = json.loads(access.kubeconfig.read_text()) if access.kubeconfig.suffix == ".json" else _yaml(access)
        server = cluster["clusters"][0]["cluster"]
        (account / "ca.crt").write_bytes(_authority(server))
        self.environment = {
            **{**own, "KUBERNETES": server["server"], "ACCOUNT": str(account), "WORK": str(folder)},
            **{"JOB": self.job, "NAMESPACE": PLACE, "PATH": os.defpath},
        }

    def run(self, what: str) -> "subprocess.CompletedProcess[str]":
        file = Path(str(programs.__file__)).parent / "scans.py"
        command = [sys.executable, str(file), what]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def report(self, *matches: Body) -> None:
        (self.folder / "report.json").write_text(json.dumps({"matches": list(matches)}))


def _yaml(access: ClusterAccess) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(access.kubeconfig.read_text())


def _authority(server: Body) -> bytes:
    import base64

    inline = server.get("certificate-authority-data")
    return base64.b64decode(inline) if inline else Path(server["certificate-authority"]).read_bytes()


def _token(calls: ClusterApi, namespace: str, account: str) -> str:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    made = calls.call("post", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body=body)
    return text(made, "status", "token")


@pytest.fixture
def scan(access: ClusterAccess, calls: ClusterApi, tmp_path: Path) -> Generator[Callable[[str], Scan]]:
    made: list[Scan] = []

    def start(reference: str) -> Scan:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Scan(access, calls, folder, reference))
        return made[-1]

    yield start
    for one in made:
        calls.call("delete", f"{JOBS}/{one.job}", query={"propagationPolicy": "Background"})


class TestWhatRuns:
    def test_is_named_by_its_digest(self, calls: ClusterApi) -> None:
        assert "may be another image tomorrow" in told(calls, "quay.io/tools/etl:1")
        assert told(calls, f"quay.io/tools/etl@sha256:{DIGEST}") == ""

    def test_has_passed_a_scan_where_a_tenant_built_it(self, calls: ClusterApi, scan: Callable[[str], Scan]) -> None:
        reference = f"{REPOSITORY}/app@sha256:{DIGEST}"
        assert "no scan has passed" in told(calls, reference)
        one = scan(reference)
        assert one.run("request").returncode == 0
        assert (one.folder / "reference").read_text() == reference
        one.report()
        done = one.run("record")
        assert '"passed": true' in done.stdout, done.stderr
        eventually(lambda: told(calls, reference) == "", "the scan counts")
        assert "no scan has passed" in told(calls, f"{REPOSITORY}/app@sha256:{OTHER}")
        assert "no scan has passed" in told(calls, reference, "search")

    def test_does_not_pass_with_what_could_be_mended(self, calls: ClusterApi, scan: Callable[[str], Scan]) -> None:
        one = scan(f"{REPOSITORY}/bad@sha256:{OTHER}")
        one.run("request")
        one.report({**FOUND, **PACKAGE})
        done = one.run("record")
        assert "high: CVE-2026-1 in libpng 1.2.3, mended in 1.2.4" in done.stdout
        assert '"passed": false' in done.stdout
        assert OTHER not in str(calls.call("get", "/api/v1/namespaces/vision"))

    def test_passes_with_what_nobody_can_mend_yet(self, scan: Callable[[str], Scan]) -> None:
        one = scan(f"{REPOSITORY}/old@sha256:{'c' * 64}")
        one.run("request")
        unfixed = {"id": "CVE-2026-2", "severity": "Critical", "fix": {"versions": []}}
        one.report({"vulnerability": unfixed, **PACKAGE})
        assert '"passed": true' in one.run("record").stdout


class TestAScan:
    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            (f"ghcr.io/acme/search/app@sha256:{DIGEST}", "is not below ghcr.io/acme/vision/"),
            (f"{REPOSITORY}/app:latest", "is no image by its digest"),
            (f"{REPOSITORY}/app;id@sha256:{DIGEST}", "is no image by its digest"),
        ],
    )
    def test_is_of_the_tenants_own_images(self, scan: Callable[[str], Scan], reference: str, said: str) -> None:
        done = scan(reference).run("request")
        assert done.returncode == 65
        assert said in done.stdout

    def test_is_a_copy_of_the_platforms(self, calls: ClusterApi) -> None:
        member, job = Member(calls, "ml-vision"), a_scan(calls, f"{REPOSITORY}/app@sha256:{DIGEST}")
        assert member.told("post", JOBS, job, dryRun="All") == ""
        changed = copy.deepcopy(job)
        changed["spec"]["template"]["spec"]["containers"][0]["command"] = ["true"]
        assert "builds:" in member.told("post", JOBS, changed, dryRun="All")

    def test_is_no_build_that_says_so(self, calls: ClusterApi) -> None:
        """Nor the other way round: each is held to its own template. A Job without labels has those of its pods."""
        member = Member(calls, "ml-vision")
        build = job_of(calls.call("get", f"/api/v1/namespaces/{PLACE}/podtemplates/build"), "app")
        assert member.told("post", JOBS, build, dryRun="All") == ""
        build["metadata"]["labels"] = {"app.kubernetes.io/name": "scan"}
        assert "builds:" in member.told("post", JOBS, build, dryRun="All")
        scan = a_scan(calls, f"{REPOSITORY}/app@sha256:{DIGEST}")
        scan["metadata"]["labels"] = {"app.kubernetes.io/name": "build"}
        assert "builds:" in member.told("post", JOBS, scan, dryRun="All")

    def test_writes_nothing_but_what_has_passed(self, access: ClusterAccess, calls: ClusterApi) -> None:
        path, account = "/api/v1/namespaces/vision", f"system:serviceaccount:{PLACE}:scan"
        for wrong in (
            {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
            {"annotations": {"bedplate.dev/budgets-exhausted-until": "2030-01-01T00:00:00Z"}},
        ):
            assert "they write nothing else" in _patched(calls, path, {"metadata": wrong}, account)
        other = {"metadata": {"annotations": {SCANNED: f"{OTHER}=2026-11-28"}}}
        assert "forbidden" in _patched(calls, "/api/v1/namespaces/search", other, account).lower()
        admin = _patched(calls, path, other, "kubernetes-admin", "system:masters")
        assert "is written by the scans of this tenant" in admin


def _patched(calls: ClusterApi, path: str, body: Body, user: str, group: str = "system:authenticated") -> str:
    headers = {
        **{"Impersonate-User": user, "Impersonate-Group": group},
        "Content-Type": "application/merge-patch+json",
    }
    try:
        calls.call("patch", path, body=body, query={"dryRun": "All"}, headers=headers)
    except ApiError as error:
        return error.reason
    return ""
