"""The rehearsal itself on a real API server: what it proves, and what it says when something falls short."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.errors import RehearsalError
from bedplate.labels import TENANT
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.rehearse import Rehearsal
from bedplate.rehearsal.report import RehearsalReport
from cluster.guardrails.guarded import image, manifest, refusal
from cluster.objects_under_test import eventually
from harness import ROOT, job, model_api, platform, program, spec, tenant

pytestmark = pytest.mark.enable_socket

POOLS = [
    SimulatedPool(name="general", nodes=3, cpu=16, memory_gib=64),
    SimulatedPool(name="l4", nodes=1, cpu=8, memory_gib=32, accelerator="nvidia-l4", gpus=1),
]


@pytest.fixture(scope="module")
def access(cluster_access: ClusterAccess) -> Generator[ClusterAccess]:
    classes = {"standard": "Delete", "standard-retained": "Retain"}
    with simulated_cluster(cluster_access, POOLS, classes, lambda _: None):
        yield cluster_access


def rehearse(access: ClusterAccess, data: dict[str, Any]) -> RehearsalReport:
    def without(name: str) -> Any:
        return program({**data, "tenants": [tenant for tenant in data["tenants"] if tenant["name"] != name]})

    return Rehearsal(
        program=program(data),
        without=without,
        spec=spec(data),
        access=access,
        progress=lambda _: None,
        stalled_seconds=4,
    ).perform()


def reasons(report: RehearsalReport) -> str:
    return "\n".join(f"{problem.object}: {problem.reason} FIX {problem.fix}" for problem in report.problems)


def await_no_guardrails(api: ApiServer) -> None:
    """Until rules that are gone are enforced no longer, which takes the API server about a second."""
    violation = manifest("Deployment", image("docker.io/evil/app:1"))
    name = violation["metadata"]["namespace"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {TENANT: name}}}
    api.apply(namespace)
    eventually(lambda: refusal(api, violation) is None, "the rules are gone")
    api.delete(namespace)


GPU = {"accelerator": "nvidia-l4", "count": 1}


@pytest.fixture(scope="module")
def report(access: ClusterAccess) -> RehearsalReport:
    keep = {"name": "keep", "sizeGib": 10, "retain": True, "access": "manyNodes"}
    drop = {"name": "drop", "sizeGib": 10, "retain": False, "access": "manyNodes"}
    mounts = [{"volume": "keep", "path": "/keep"}, {"volume": "drop", "path": "/drop"}]
    public = model_api("api", route={"access": "public"})
    vision = tenant("vision", public, job("etl", mounts=mounts, parallelism=2), volumes=[keep, drop])
    front_door = {
        "certificates": {"issuer": "internal"},
        "guardrails": {"approvedImages": ["ghcr.io/acme/"], "publicRoutes": True},
    }
    return rehearse(access, platform(vision, tenant("search", job("train", gpu=GPU)), **front_door))


class TestAStackThatIsWell:
    def test_has_no_problem(self, report: RehearsalReport) -> None:
        assert reasons(report) == ""

    def test_runs_every_pod_and_every_job_once(self, report: RehearsalReport) -> None:
        assert (report.pods.expected, report.pods.scheduled, report.pods.ready) == (5, 5, 5)

    def test_is_not_changed_by_a_second_run(self, report: RehearsalReport) -> None:
        assert report.changed == 0

    def test_loses_exactly_the_tenant_that_is_removed(self, report: RehearsalReport) -> None:
        assert report.removed_tenant == "vision"
        assert report.removed > 20
        assert report.others_changed == 0

    def test_leaves_nothing_but_the_disks_it_says(self, report: RehearsalReport) -> None:
        assert report.left == 0
        assert report.retained == ["vision/keep"]

    def test_sees_every_rollout_to_its_end(self, report: RehearsalReport) -> None:
        assert (report.rollout.workloads, report.rollout.complete) == (1, 1)


class TestWhatFallsShort:
    def test_names_the_rollout_that_finds_no_spare_gpu(self, access: ClusterAccess) -> None:
        """The pool's one GPU is taken by the pod of before, which stays until the new one is ready."""
        api = model_api("api", gpu=GPU, replicas={"min": 1, "max": 1})
        report = rehearse(access, platform(tenant("gpu", api)))
        assert (report.pods.ready, report.rollout.workloads, report.rollout.complete) == (1, 1, 0)
        assert "its rollout does not end" in reasons(report)
        assert "all 1 nodes with nvidia-l4 are full (short of nvidia.com/gpu)" in reasons(report)

    def test_names_the_quota_that_is_exceeded(self, access: ClusterAccess) -> None:
        quota = {"cpu": 4, "memoryGib": 64}
        busy = tenant("busy", model_api("api", replicas={"min": 2, "max": 2}), job("etl", cpu=3), quota=quota)
        said = reasons(rehearse(access, platform(busy)))
        assert "quota 'tenant' is exceeded: asked for" in said
        assert "requests.cpu=3" in said
        assert "raise the tenant's quota" in said

    def test_names_the_accelerators_quota(self, access: ClusterAccess) -> None:
        """The second tenant holds the quota, not the hardware, for two L4; one pool has more than the cluster."""
        quota = {"cpu": 64, "memoryGib": 256, "gpus": {"nvidia-l4": 2}}
        api = model_api("api", gpu=GPU, replicas={"min": 1, "max": 1})
        said = reasons(rehearse(access, platform(tenant("gpu", api, job("train", gpu=GPU), quota=quota))))
        assert "all 1 nodes with nvidia-l4 are full (short of nvidia.com/gpu)" in said

    def test_names_the_request_that_fits_no_node(self, access: ClusterAccess) -> None:
        large = platform(tenant("large", model_api("api", cpu=30, replicas={"min": 1, "max": 1})))
        large["nodePools"]["general"]["machine"]["cpu"] = 32
        said = reasons(rehearse(access, large))
        assert "the request of 30 cores is too large; the largest of 3 nodes without GPUs has 16 cores" in said

    def test_names_the_volume_that_is_unbound(self, access: ClusterAccess) -> None:
        volume = {"name": "data", "sizeGib": 1, "retain": False}
        data = platform(tenant("disk", job("etl", mounts=[{"volume": "data", "path": "/d"}]), volumes=[volume]))
        data["cloud"]["storageClasses"] = {"deleted": "missing", "retained": "standard-retained"}
        said = reasons(rehearse(access, data))
        assert "volume 'data' is unbound (StorageClass missing)" in said
        assert "cloud.storageClasses" in said

    def test_names_the_guardrail_that_denies(self, access: ClusterAccess) -> None:
        """Another stack owns the services, with stricter limits than this one's file says."""
        services = platform(layers=["cluster", "services"], guardrails={"approvedImages": ["registry.example.com/"]})
        api = ApiServer(access)
        applied = apply(api, run(program(services), RecordingBackend(), is_preview=False).resources)
        try:
            said = reasons(rehearse(access, platform(tenant("lax", model_api("api")), layers=["tenants"])))
        finally:
            delete(api, applied.resources)
            await_no_guardrails(api)
        assert "denied by guardrail approved-images: image ghcr.io/acme/scorer:1.0.0" in said

    def test_names_the_class_that_is_missing(self, access: ClusterAccess) -> None:
        data = platform(tenant("early", model_api("api", gpu=GPU, replicas={"min": 1, "max": 1})), layers=["tenants"])
        said = reasons(rehearse(access, data))
        assert "its PriorityClass bedplate-nvidia-l4 does not exist" in said


class TestAClusterInUse:
    def test_is_refused_where_an_object_of_the_stack_exists(self, access: ClusterAccess) -> None:
        api = ApiServer(access)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "taken"}}
        api.apply(namespace)
        with pytest.raises(RehearsalError, match="already has 1 object of this stack, such as Namespace taken"):
            rehearse(access, platform(tenant("taken")))
        assert api.get(namespace) is not None
        api.delete(namespace)


def counts_in_the_readme() -> dict[str, str]:
    """What the README shows of a rehearsal of the local stack, without its times."""
    (shown,) = re.findall(r"Rehearsal of local on .*\n((?:.+\n)+?)in all", (ROOT / "README.md").read_text())
    return dict(re.findall(r"^(\S.*?) {2,}(\d+(?: of \d+)?)(?: .*)?$", shown, re.MULTILINE))


class TestTheCommand:
    def test_reports_in_json_with_stable_names(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bedplate.cli", "rehearse", "local", "-o", "json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        report = json.loads(done.stdout)
        assert report["problems"] == []
        assert done.returncode == 0
        assert report["ok"] is True
        assert report["cluster"]["source"] == "embedded"
        pods, rollout, removal = report["pods"], report["rollout"], report["tenantRemoval"]
        assert pods["ready"] == pods["scheduled"] == pods["expected"] > 60
        assert counts_in_the_readme() == {
            "definitions accepted": str(report["definitions"]),
            "objects accepted": str(report["applied"]),
            "pods ready or finished": f"{pods['ready']} of {pods['expected']}",
            "changed by a second run": "0",
            "rollouts complete": f"{rollout['complete']} of {rollout['workloads']}",
            f"removed with tenant {removal['tenant']}": str(removal["removed"]),
            "changed for other tenants": "0",
            "left after teardown": "0",
            "disks kept, as the stack says": str(len(report["teardown"]["retained"])),
            "operators that did not run": str(len(report["operators"])),
        }
        assert report["secondRun"] == {"changed": 0}
        assert report["tenantRemoval"]["othersChanged"] == 0
        assert report["tenantRemoval"]["removed"] > 30
        assert report["teardown"]["left"] == 0
        assert {one["release"]: one["ran"] for one in report["operators"]} == {
            "cert-manager": False,
            "keda": False,
            "external-secrets": False,
            "reloader": False,
            "eck-operator": False,
            "kube-prometheus-stack": False,
            "grafana": False,
            "traefik": False,
        }
        assert report["seconds"]["total"] < 240
