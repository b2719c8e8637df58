"""Budgets at the API server: the real program marks, the real policy denies, and nothing of it stays."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.services.cost.programs import budget_marks
from cluster.guardrails.guarded import GUARDED, LIMITS, MEMBERS, gpus, image, in_namespace, manifest, refusal
from cluster.objects_under_test import eventually
from harness import job, platform, program, tenant

pytestmark = pytest.mark.enable_socket

PRICES = {"accelerators": {"nvidia-l4": 0.7}, "cpuCoreHour": 0.03, "memoryGibHour": 0.004}
BUDGETS = {
    "tenants": {GUARDED: {"gpuHoursPerMonth": 100, "dollarsPerMonth": 400, "whenExhausted": "denyGpus"}},
    "projects": {MEMBERS: {"gpuHoursPerMonth": 5, "whenExhausted": "warn"}},
    "people": {f"{MEMBERS}@example.com": {"gpuHoursPerMonth": 10, "whenExhausted": "denyGpus"}},
}
COST = {"contact": "ml-platform@example.com", "prices": PRICES, "budgets": BUDGETS}
GPU_JOB, CPU_JOB = manifest("Job", gpus(1)), manifest("Job", image("ghcr.io/acme/app:1.0"))
GPU_POD = manifest("Pod", gpus(1, idle_minutes="30"))


@dataclass
class Counted:
    """What Prometheus answers: shares by scope, name and unit; None for no series at all."""

    url: str = ""
    shares: dict[tuple[str, str, str], float] | None = field(default_factory=dict[tuple[str, str, str], float])


@pytest.fixture(scope="module")
def counted() -> Generator[Counted]:
    """Prometheus' API with one answer (https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries)."""
    state = Counted()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            result = [
                {"metric": dict(zip(("scope", "name", "unit"), key, strict=True)), "value": [time.time(), str(value)]}
                for key, value in (state.shares or {}).items()
            ]
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name is the library's
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()


def recorded(*names: str, cost: dict[str, Any] | None = COST) -> Recording:
    quota = {"cpu": 99, "memoryGib": 999, "gpus": {"nvidia-l4": 9}, "jobs": 6}
    tenants = [tenant(name, job("etl"), quota=quota) for name in names]
    section = {"cost": cost, "monitoring": {"retentionDays": 45}} if cost else {}
    return run(program(platform(*tenants, guardrails=LIMITS, **section)), RecordingBackend(), is_preview=False)


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    """The API server with the guardrails, two tenants and their budgets, enforced."""
    api = ApiServer(cluster_access)
    stack = recorded(GUARDED, MEMBERS)
    definitions = Definitions(api)
    definitions.create(stack)
    applied = apply(api, stack.resources)
    assert applied.problems == []
    eventually(lambda: refusal(api, manifest("Pod", image("docker.io/evil/app:1"))), "the rules are enforced")
    mark(api, GUARDED, seconds=60)
    eventually(lambda: refusal(api, GPU_JOB), "budgets are enforced")
    unmark(api, GUARDED)
    yield api
    assert [*delete(api, applied.resources), *definitions.remove()] == []


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def mark(api: ApiServer, name: str, *, seconds: float, projects: str = "*", owners: str = "") -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    keys = {"-until": until, "-projects": projects, "-owners": owners, "": "tenant guarded: 100 GPU hours a month"}
    annotations = {f"{budget_marks.DOMAIN}{key}": text for key, text in keys.items()}
    api.merge(namespace(name), {"metadata": {"annotations": annotations}})


def unmark(api: ApiServer, name: str) -> None:
    keys = ("-until", "-projects", "-owners", "")
    api.merge(namespace(name), {"metadata": {"annotations": {f"{budget_marks.DOMAIN}{key}": None for key in keys}}})
    eventually(lambda: refusal(api, in_namespace(GPU_JOB, name)) is None, "the mark is gone")


@pytest.fixture
def clean(api: ApiServer) -> Iterator[ApiServer]:
    yield api
    for name in (GUARDED, MEMBERS):
        unmark(api, name)


class Counter:
    """The program as its CronJob runs it: its environment, and the token of its own ServiceAccount."""

    def __init__(self, api: ApiServer, access: ClusterAccess, counted: Counted, folder: Path) -> None:
        cluster = YAML(typ="safe").load(access.kubeconfig)["clusters"][0]["cluster"]
        self._folder, self._server = folder, cluster["server"]
        (folder / "token").write_text(api.token("bedplate-cost", "budget-marker", 600))
        authority = cluster.get("certificate-authority")
        text = Path(authority).read_text() if authority else _decoded(cluster["certificate-authority-data"])
        (folder / "ca.crt").write_text(text)
        (job,) = [
            one for one in api.objects("batch/v1", "CronJob", "bedplate-cost") if "marks" in one["metadata"]["name"]
        ]
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        self._own = {one["name"]: one["value"] for one in container["env"]}
        self._counted = counted

    def round(self) -> "subprocess.CompletedProcess[str]":
        here = {"PROMETHEUS": self._counted.url, "KUBERNETES": self._server, "ACCOUNT": str(self._folder)}
        return subprocess.run(
            [sys.executable, budget_marks.__file__],
            env={**os.environ, **self._own, **here},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()


@pytest.fixture
def counter(clean: ApiServer, cluster_access: ClusterAccess, counted: Counted, tmp_path: Path) -> Counter:
    return Counter(clean, cluster_access, counted, tmp_path)


class TestAMark:
    def test_denies_gpus_with_the_reason_and_whom_to_ask(self, clean: ApiServer) -> None:
        mark(clean, GUARDED, seconds=60)
        eventually(lambda: refusal(clean, GPU_JOB), "the mark is seen")
        for body in (GPU_JOB, GPU_POD):
            said = refusal(clean, body) or ""
            assert "tenant guarded: 100 GPU hours a month" in said
            assert "ask ml-platform@example.com" in said

    def test_denies_nothing_else_and_nobody_else(self, clean: ApiServer) -> None:
        mark(clean, GUARDED, seconds=60)
        eventually(lambda: refusal(clean, GPU_JOB), "the mark is seen")
        assert refusal(clean, CPU_JOB) is None
        assert refusal(clean, in_namespace(GPU_JOB, MEMBERS)) is None
        # An update of the stack passes; its pods are judged.
        assert refusal(clean, manifest("CronJob", gpus(1))) is None

    def test_ends_by_itself(self, clean: ApiServer) -> None:
        """As it does when nobody counts any more, and when the next month begins."""
        mark(clean, GUARDED, seconds=5)
        eventually(lambda: refusal(clean, GPU_JOB), "the mark is seen")
        eventually(lambda: refusal(clean, GPU_JOB) is None, "the mark has ended", seconds=15)
        left = clean.get(namespace(GUARDED)) or {}
        assert left["metadata"]["annotations"][f"{budget_marks.DOMAIN}-until"]

    def test_that_cannot_be_read_denies_nothing(self, clean: ApiServer) -> None:
        mark(clean, GUARDED, seconds=60)
        eventually(lambda: refusal(clean, GPU_JOB), "the mark is seen")
        broken = {f"{budget_marks.DOMAIN}-until": "next week"}
        clean.merge(namespace(GUARDED), {"metadata": {"annotations": broken}})
        eventually(lambda: refusal(clean, GPU_JOB) is None, "a time that is none is not believed")

    @pytest.mark.parametrize("scope", ["projects", "owners"])
    def test_of_a_project_or_a_person_is_theirs_alone(self, clean: ApiServer, scope: str) -> None:
        whose = {"projects": GUARDED, "owners": f"{GUARDED}_at_example.com"}[scope]
        mark(clean, GUARDED, seconds=60, **{"projects": "", "owners": "", scope: f"other,{whose}"})
        eventually(lambda: refusal(clean, GPU_JOB), "the mark is seen")
        mark(clean, GUARDED, seconds=60, **{"projects": "", "owners": "", scope: "other"})
        eventually(lambda: refusal(clean, GPU_JOB) is None, "it is somebody else's")


class TestTheCounter:
    def test_denies_who_has_used_a_budget_up_and_lets_go_when_it_is_raised(
        self, counter: Counter, clean: ApiServer, counted: Counted
    ) -> None:
        counted.shares = {("tenant", GUARDED, "gpu_hours"): 1.01, ("tenant", GUARDED, "money"): 0.3}
        done = counter.round()
        assert done.returncode == 0, done.stderr
        eventually(lambda: refusal(clean, GPU_JOB), "GPUs are denied")
        assert "tenant guarded: 100 GPU hours a month;" in (refusal(clean, GPU_JOB) or "")
        assert refusal(clean, in_namespace(GPU_JOB, MEMBERS)) is None
        counted.shares = {("tenant", GUARDED, "gpu_hours"): 0.6, ("tenant", GUARDED, "money"): 0.3}
        assert counter.round().returncode == 0
        eventually(lambda: refusal(clean, GPU_JOB) is None, "GPUs are given again")

    def test_denies_a_person_and_not_a_budget_that_only_warns(
        self, counter: Counter, clean: ApiServer, counted: Counted
    ) -> None:
        counted.shares = {("project", MEMBERS, "gpu_hours"): 4.0}
        assert counter.round().returncode == 0
        assert refusal(clean, in_namespace(GPU_JOB, MEMBERS)) is None
        counted.shares[("person", f"{MEMBERS}_at_example.com", "gpu_hours")] = 1.0
        assert counter.round().returncode == 0
        eventually(lambda: refusal(clean, in_namespace(GPU_JOB, MEMBERS)), "the person is denied")
        assert refusal(clean, GPU_JOB) is None

    def test_without_costs_it_fails_and_marks_nobody(
        self, counter: Counter, clean: ApiServer, counted: Counted
    ) -> None:
        counted.shares = None
        done = counter.round()
        assert done.returncode != 0
        assert "costs are not counted" in done.stderr
        assert refusal(clean, GPU_JOB) is None

    def test_may_write_nothing_else_of_a_namespace(
        self, clean: ApiServer, cluster_access: ClusterAccess, counter: Counter, tmp_path: Path
    ) -> None:
        del counter  # Its ServiceAccount is there.
        as_counter = as_account(clean, cluster_access, tmp_path)
        for change in (
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
            {"metadata": {"annotations": {"bedplate.dev/owners": "somebody"}}},
            {"metadata": {"annotations": {"bedplate.dev/owners": None}}},
        ):
            with pytest.raises(ApiError, match="nothing else of a namespace"):
                as_counter.merge(namespace(GUARDED), change)
        for other in ("default", "bedplate-cost"):
            with pytest.raises(ApiError, match="forbidden"):
                as_counter.merge(namespace(other), {"metadata": {"annotations": {budget_marks.DOMAIN: "x"}}})


def as_account(api: ApiServer, access: ClusterAccess, folder: Path) -> ApiServer:
    """The API server as the counter sees it."""
    config = YAML(typ="safe").load(access.kubeconfig)
    for user in config["users"]:
        user["user"] = {"token": api.token("bedplate-cost", "budget-marker", 600)}
    path = folder / "kubeconfig"
    with path.open("w") as file:
        YAML(typ="safe").dump(config, file)
    return ApiServer(ClusterAccess(kubeconfig=path, context=access.context, version=access.version, source="counter"))


def test_a_mark_holds_no_longer_than_the_month() -> None:
    assert time.gmtime(budget_marks.end_of_month(1_798_761_599))[:6] == (2027, 1, 1, 0, 0, 0)
    assert time.gmtime(budget_marks.end_of_month(1_772_236_800))[:6] == (2026, 3, 1, 0, 0, 0)
