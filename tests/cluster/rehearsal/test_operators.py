"""Operators beside the API server of a rehearsal: those of the platform, and what is said of one that fails.

What fails is played by a program of this file, because no operator of the platform has a webhook that could be run.
"""

import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.kubernetes import Manifest
from bedplate.labels import CERT_MANAGER
from bedplate.programs import found
from bedplate.rehearsal.operator_programs import Programs, programs_of
from bedplate.rehearsal.operators import Operators, all_operators, brings_nodes
from bedplate.rehearsal.rehearse import Rehearsal, growing_pools, simulated_pools
from bedplate.rehearsal.report import RehearsalReport
from bedplate.services.operator import Launch, OperatorProgram, Ready, Sight, Surroundings, Work
from harness import LOGIN, job, model_api, platform, program, spec, tenant

pytestmark = pytest.mark.enable_socket
GPU = {"accelerator": "nvidia-l4", "count": 1}
CLASSES = {"standard": "Delete", "standard-retained": "Retain"}
_SERVER = """
import http.server, json, ssl, sys
port, way = int(sys.argv[1]), sys.argv[2]
class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        print("asked about", asked["name"], flush=True)
        response = {"uid": asked["uid"], "allowed": way != "deny", "status": {"message": "not on a Friday"}}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_request(self, *_):
        pass
print("runs", flush=True)
if way == "down":
    print("no license: giving up", flush=True)
    sys.exit(3)
server = http.server.HTTPServer(("127.0.0.1", port), Webhook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("webhook/tls.crt", "webhook/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
"""An operator with a webhook: its port, and what it does: allow, deny or go down."""


def webhook_configuration() -> Manifest:
    """As upstream's manifests have them, in front of a Service."""
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "a-webhook"},
        "webhooks": [
            {
                "name": "jobs.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 5,
                "clientConfig": {"service": {"name": "webhook", "namespace": "kube-system", "path": "/judge"}},
                "rules": [rule],
            }
        ],
    }


def operator_that(way: str) -> OperatorProgram:
    def launch(surroundings: Surroundings) -> Launch:
        return Launch(arguments=[str(surroundings.ports["webhook"]), way], webhooks=[webhook_configuration()])

    def work(sight: Sight) -> Work:
        judged = sight.log.count("asked about")
        return Work(text=f"{judged} objects judged", counts={"objectsJudged": judged})

    return OperatorProgram(
        name="judge",
        program="judge",
        release=CERT_MANAGER,
        launch=launch,
        work=work,
        ready=Ready(log="runs"),
        ports=("webhook",),
    )


@pytest.fixture
def judge(tmp_path: Path) -> Programs:
    """The program of this file."""
    file = tmp_path / "judge"
    file.write_text(f"#!{sys.executable}{_SERVER}")
    file.chmod(stat.S_IRWXU)
    return Programs(paths={"judge": file})


def rehearse(
    access: ClusterAccess,
    data: dict[str, Any],
    programs: Programs,
    operators: Sequence[OperatorProgram],
    stalled_seconds: float = 4,
    most: int | None = None,
) -> RehearsalReport:
    """most: nodes of a pool, in place of those that the stack's `max` says."""
    if not access.is_disposable:
        pytest.skip("operators run beside the embedded control plane only")
    read = spec(data)
    growing = growing_pools(read) if brings_nodes(programs) else []
    lowered = [pool if most is None else replace(pool, nodes=most) for pool in growing]
    running = Operators(ApiServer(access), access, programs, lowered, print, stalled_seconds, operators)
    with simulated_cluster(access, simulated_pools(read, growing), CLASSES, lambda _: None):
        return Rehearsal(
            program=program(data),
            without=lambda name: program({**data, "tenants": [one for one in data["tenants"] if one["name"] != name]}),
            spec=read,
            access=access,
            progress=lambda _: None,
            stalled_seconds=stalled_seconds,
            operators=running,
        ).perform()


def reasons(report: RehearsalReport) -> str:
    return "\n".join(f"{problem.object}: {problem.reason} FIX {problem.fix}" for problem in report.problems)


def small(*workloads: dict[str, Any]) -> dict[str, Any]:
    return platform(tenant("vision", *workloads), certificates={"issuer": "internal"})


class TestAWebhook:
    def test_is_asked_where_its_operator_runs(self, cluster_access: ClusterAccess, judge: Programs) -> None:
        report = rehearse(cluster_access, small(job("etl")), judge, [operator_that("allow")])
        assert reasons(report) == ""
        (ran,) = report.ran
        assert ran.counts["objectsJudged"] >= 1
        assert "cert-manager" not in {operator.release for operator in report.operators}

    def test_denies_what_it_denies(self, cluster_access: ClusterAccess, judge: Programs) -> None:
        said = reasons(rehearse(cluster_access, small(job("etl")), judge, [operator_that("deny")]))
        assert "Job vision/etl-rehearsal" in said
        assert "not on a Friday" in said

    def test_that_is_down_is_named_with_the_end_of_its_log(
        self, cluster_access: ClusterAccess, judge: Programs
    ) -> None:
        report = rehearse(cluster_access, small(job("etl")), judge, [operator_that("down")])
        said = reasons(report)
        assert "judge: judge ended with exit code 3. The end of its log:" in said
        assert "no license: giving up" in said
        assert "Job vision/etl-rehearsal: webhook 'jobs.example.com' does not answer" in said
        assert [operator.reason for operator in report.operators if operator.release == CERT_MANAGER] == [
            "it ended by itself"
        ]
        assert report.left == 0


def needed(*names: str) -> Sequence[OperatorProgram]:
    """Operators whose programs are there; the test is skipped where one is not."""
    for name in names:
        if found(name) is None:
            pytest.skip(f"{name} is not built: bedplate programs build {name}")
    return [operator for operator in all_operators() if operator.program in names]


@pytest.fixture(scope="module")
def platform_report(cluster_access: ClusterAccess) -> RehearsalReport:
    operators = needed("cert-manager", "traefik", "oauth2-proxy")
    data = platform(
        tenant("vision", model_api("web", route={"access": "browser"}), model_api("open", route={"access": "public"})),
        certificates={"issuer": "internal"},
        login=LOGIN,
        guardrails={"approvedImages": ["ghcr.io/acme/"], "publicRoutes": True},
    )
    return rehearse(cluster_access, data, programs_of(operators, lambda _: None), operators, stalled_seconds=20)


class TestTheFrontDoor:
    def test_has_no_problem(self, platform_report: RehearsalReport) -> None:
        assert reasons(platform_report) == ""

    def test_serves_with_the_certificate_that_was_issued(self, platform_report: RehearsalReport) -> None:
        """The authority's own and the wildcard; the hosts are the two workloads' and that of the sign-in."""
        counts = {ran.name: ran.counts for ran in platform_report.ran}
        assert counts["cert-manager"] == {"certificatesIssued": 2}
        assert counts["Traefik"]["hostsServed"] == 3
        assert counts["Traefik"]["answered.200"] == 1

    def test_sends_people_to_sign_in(self, platform_report: RehearsalReport) -> None:
        counts = {ran.name: ran.counts for ran in platform_report.ran}
        # By the check of the stack's route, and by that of what members open.
        assert counts["oauth2-proxy"]["sentToSignIn"] == 2
        assert counts["Traefik"]["answered.302"] >= 1

    def test_leaves_no_chart_without_its_operator(self, platform_report: RehearsalReport) -> None:
        """Everything of this stack did; Karpenter was not asked for."""
        assert platform_report.operators == []


class TestNodes:
    def test_come_from_zero_and_go(self, cluster_access: ClusterAccess) -> None:
        operators = needed("karpenter")
        data = platform(tenant("vision", job("train", gpu=GPU, parallelism=2)))
        report = rehearse(cluster_access, data, programs_of(operators, lambda _: None), operators, stalled_seconds=45)
        assert reasons(report) == ""
        (ran,) = report.ran
        assert ran.counts["nodesCame"] == ran.counts["nodesWent"] == ran.counts["mostAtOnce.l4"] == 2

    def test_that_max_leaves_no_room_for_leave_pods_waiting_by_name(self, cluster_access: ClusterAccess) -> None:
        operators = needed("karpenter")
        quota = {"cpu": 64, "memoryGib": 256, "gpus": {"nvidia-l4": 3}}
        api = model_api("api", gpu=GPU, replicas={"min": 2, "max": 2})
        data = platform(tenant("vision", api, quota=quota))
        data["nodePools"]["l4"]["max"] = 3
        programs = programs_of(operators, lambda _: None)
        report = rehearse(cluster_access, data, programs, operators, stalled_seconds=20, most=1)
        said = reasons(report)
        assert "Deployment vision/api" in said
        assert "all 1 nodes with nvidia-l4 are full" in said
        (ran,) = report.ran
        assert ran.counts["mostAtOnce.l4"] == 1


@pytest.fixture(scope="module")
def monitored_report(cluster_access: ClusterAccess) -> RehearsalReport:
    operators = needed("prometheus-operator", "kube-state-metrics", "prometheus", "keda")
    asleep = model_api("web", route={"access": "browser"}, idle={"afterMinutes": 60})
    data = platform(
        tenant("vision", asleep),
        certificates={"issuer": "internal"},
        login=LOGIN,
        guardrails={"approvedImages": ["ghcr.io/acme/"], "idle": {"maxMinutes": 120}},
        monitoring={"retentionDays": 7, "diskGib": 50},
        idle={},
    )
    return rehearse(cluster_access, data, programs_of(operators, lambda _: None), operators, stalled_seconds=60)


class TestMonitoring:
    def test_has_no_problem(self, monitored_report: RehearsalReport) -> None:
        assert reasons(monitored_report) == ""

    def test_renders_what_the_stack_says(self, monitored_report: RehearsalReport) -> None:
        counts = {ran.name: ran.counts for ran in monitored_report.ran}["prometheus-operator"]
        assert counts["scrapeJobsRendered"] >= 5
        assert counts["ruleFilesRendered"] >= 2
        assert counts["alertmanagersConfigured"] == 1

    def test_loads_every_group_of_rules(self, monitored_report: RehearsalReport) -> None:
        counts = {ran.name: ran.counts for ran in monitored_report.ran}
        assert counts["Prometheus"]["groupsLoaded"] == counts["prometheus-operator"]["ruleFilesRendered"]
        assert counts["Prometheus"]["rulesLoaded"] > 30
        assert counts["kube-state-metrics"]["samplesTold"] > 100

    def test_is_asked_by_keda_which_takes_the_scaled_object(self, monitored_report: RehearsalReport) -> None:
        """With the rules' answer: without a sample its trigger fails, and it is not ready."""
        counts = {ran.name: ran.counts for ran in monitored_report.ran}
        assert counts["keda"] == {"scaledObjectsReady": 1}
