"""The audit policy on a real API server: a day's work is played, and what it leaves in the log is read.

Its server is its own: nobody else's tests ask for a log.
"""

import base64
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from bedplate.cli.reference import pages
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from cluster.guardrails.guarded import MEMBERS, in_namespace, manifest, nothing
from cluster.objects_under_test import eventually
from harness import job, model_api, platform, program, tenant

pytestmark = [pytest.mark.enable_socket, pytest.mark.usefixtures("programs")]
CANARY = "canary-6b1f-of-a-tenants-secret"
ALICE = {"Impersonate-User": "alice@example.com", "Impersonate-Group": f"ml-{MEMBERS}"}
POOLS = [SimulatedPool(name="general", nodes=2, cpu=16, memory_gib=64)]
CLASSES = {"standard": "Delete", "standard-retained": "Retain"}
_QUIET_SECONDS = 12
"""Nodes and controllers renew their leases meanwhile."""
Event = dict[str, Any]


@dataclass
class Day:
    """What was asked, and what of it was written; and the same of a while in which nobody worked."""

    requests: int
    lines: list[str]
    quiet_requests: int
    quiet_lines: list[str]

    @property
    def events(self) -> list[Event]:
        return [json.loads(line) for line in self.lines]

    def of(self, resource: str, *verbs: str, user: str = "") -> list[Event]:
        """Events of a resource, by somebody where that is asked."""
        return [event for event in self.events if _is(event, resource, verbs, user)]


def _is(event: Event, resource: str, verbs: tuple[str, ...], user: str) -> bool:
    found = event.get("objectRef", {})
    name = "/".join(part for part in (found.get("resource"), found.get("subresource")) if part)
    who = event.get("impersonatedUser", event["user"]).get("username")
    return name == resource and (not verbs or event["verb"] in verbs) and (not user or who == user)


def _quietly(act: Callable[[], object]) -> None:
    with suppress(ApiError):
        act()


def _work(api: ApiServer, calls: ClusterApi) -> None:
    """What people and programs do, refusals included."""
    inside = f"/api/v1/namespaces/{MEMBERS}"
    secret = {"metadata": {"name": "database"}, "stringData": {"password": CANARY}}
    calls.call("post", f"{inside}/secrets", body={"apiVersion": "v1", "kind": "Secret", **secret})
    calls.call("get", f"{inside}/secrets/database")
    calls.call("get", f"{inside}/secrets")
    text = {"metadata": {"name": "settings"}, "data": {"url": f"postgres://reader:{CANARY}@db/scores"}}
    calls.call("post", f"{inside}/configmaps", body={"apiVersion": "v1", "kind": "ConfigMap", **text})
    _quietly(lambda: calls.call("get", f"{inside}/secrets/database", headers=ALICE))
    body = in_namespace(manifest("Job", nothing), MEMBERS)
    body["metadata"]["name"] = "by-hand"
    calls.call("post", f"/apis/batch/v1/namespaces/{MEMBERS}/jobs", body=body, headers=ALICE)
    eventually(lambda: api.objects("v1", "Pod", MEMBERS, "job-name=by-hand"), "its pod")
    (pod,) = api.objects("v1", "Pod", MEMBERS, "job-name=by-hand")
    name = pod["metadata"]["name"]
    for _ in range(100):
        calls.call("get", f"{inside}/pods", headers=ALICE)
    _quietly(lambda: calls.call("get", f"{inside}/pods/{name}/log", headers=ALICE))
    _quietly(lambda: calls.call("post", f"{inside}/pods/{name}/exec", query={"command": "id"}))
    api.token(MEMBERS, "default", 600)
    policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/bedplate-orphans"
    merge = {"Content-Type": "application/merge-patch+json"}
    calls.call("patch", policy, body={"spec": {"failurePolicy": "Ignore"}}, headers=merge)
    background = {"propagationPolicy": "Background"}
    calls.call("delete", f"/apis/batch/v1/namespaces/{MEMBERS}/jobs/by-hand", body=background, headers=ALICE)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("audit")
    policy, log = folder / "policy.yaml", folder / "audit.log"
    policy.write_text(pages()["audit-policy.yaml"])
    flags = [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]
    workloads = [model_api("api", secretEnv={"TOKEN": "token"}), job("etl", secretEnv={"TOKEN": "token"})]
    stack = program(platform(tenant(MEMBERS, *workloads), tenantSecrets={MEMBERS: ["token"]}), frozenset({"token"}))
    with embedded_cluster(lambda _: None, flags) as access, simulated_cluster(access, POOLS, CLASSES, lambda _: None):
        api, calls = ApiServer(access), ClusterApi(access.kubeconfig, access.context)
        applied = apply(api, run(stack, RecordingBackend(), is_preview=False).resources)
        assert applied.problems == []
        _work(api, calls)
        before, lines = _requests(access), _written(log)
        time.sleep(_QUIET_SECONDS)
        yield Day(before, lines, _requests(access) - before, _written(log)[len(lines) :])


def _requests(access: ClusterAccess) -> int:
    """All that the server was asked, by its own count."""
    way = json.loads(access.kubeconfig.read_text())
    cluster, user = way["clusters"][0]["cluster"], way["users"][0]["user"]
    asked = Request(f"{cluster['server']}/metrics", headers={"Authorization": f"Bearer {user['token']}"})
    trusting = ssl.create_default_context(cafile=cluster["certificate-authority"])
    with build_opener(ProxyHandler({}), HTTPSHandler(context=trusting)).open(asked) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("apiserver_request_total{")]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def _written(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_no_body_of_a_secret_is_in_it(day: Day) -> None:
    """Neither as it was written nor as Kubernetes keeps it; of config secrets, whose value is known here, neither."""
    for value in (CANARY, "placeholder for the config secret token"):
        for form in (value, base64.b64encode(value.encode()).decode()):
            assert [line for line in day.lines if form in line] == []
    assert not [event for event in day.of("secrets") if {"requestObject", "responseObject"} & event.keys()]
    assert not [event for event in day.of("configmaps") if "requestObject" in event]


def test_who_read_which_secret_is_in_it_and_who_was_refused(day: Day) -> None:
    read = {event["objectRef"].get("name") for event in day.of("secrets", "get", user="bedplate-admin")}
    assert "database" in read
    assert day.of("secrets", "list", user="bedplate-admin")
    (refused,) = day.of("secrets", "get", user="alice@example.com")
    assert (refused["objectRef"]["name"], refused["responseStatus"]["code"]) == ("database", 403)


def test_who_launched_what_with_which_resources_is_in_it(day: Day) -> None:
    (launched,) = day.of("jobs", "create", user="alice@example.com")
    containers = launched["requestObject"]["spec"]["template"]["spec"]["containers"]
    assert containers[0]["resources"]["requests"]["cpu"] == "1"
    assert launched["stageTimestamp"]
    pods = [event for event in day.of("pods", "create") if event["objectRef"]["namespace"] == MEMBERS]
    assert pods
    assert all(event["requestObject"]["spec"]["containers"][0]["resources"] for event in pods)
    assert day.of("jobs", "delete", user="alice@example.com")


def test_what_falco_looks_for_is_in_it(day: Day) -> None:
    assert day.of("serviceaccounts/token", "create")
    assert day.of("pods/exec", "create")
    assert day.of("pods/log", "get", user="alice@example.com")
    (changed,) = [
        event
        for event in day.of("validatingadmissionpolicies", "patch")
        if event.get("requestObject", {}).get("spec") == {"failurePolicy": "Ignore"}
    ]
    assert changed["objectRef"]["name"] == "bedplate-orphans"


def test_noise_is_not(day: Day) -> None:
    assert [
        event for event in day.events if event["verb"] == "watch" and event["objectRef"]["resource"] != "secrets"
    ] == []
    for resource in ("leases", "events", "endpointslices", "nodes/status", "pods/status", "pods/binding"):
        assert day.of(resource) == []
    assert day.of("pods", "list") == []
    assert not [event for event in day.events if event["requestURI"].startswith(("/healthz", "/readyz", "/metrics"))]


def test_a_quiet_while_leaves_nothing(day: Day) -> None:
    assert day.quiet_requests > 5
    told = [event for event in map(json.loads, day.quiet_lines) if event["verb"] not in ("create", "delete", "patch")]
    assert told == []
    assert len(day.quiet_lines) < day.quiet_requests / 5, day.quiet_lines


def test_a_day_on_which_a_whole_stack_came_is_counted(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """Most of that day is changes, each of which is written; an everyday's requests are reads."""
    verbs = Counter(str(event["verb"]) for event in day.events)
    size: Counter[str] = Counter()
    for line in day.lines:
        size[str(json.loads(line)["verb"])] += len(line)
    with capsys.disabled():
        print(f"\n{len(day.lines)} of {day.requests} requests, {sum(size.values()) // 1024} KiB:", end=" ")
        print(", ".join(f"{verb} {count} ({size[verb] // 1024} KiB)" for verb, count in verbs.most_common()))
        print(f"in a quiet while {len(day.quiet_lines)} of {day.quiet_requests}")
    assert len(day.lines) < day.requests / 2
    # The policies of the guardrails are the longest that anybody writes.
    longest = json.loads(max(day.lines, key=len))
    assert longest["objectRef"]["resource"] == "validatingadmissionpolicies", longest["objectRef"]
    assert max(map(len, day.lines)) < 192 * 1024
