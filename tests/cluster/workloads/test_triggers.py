"""An account that triggers a job, at the API server: runs of that job as it stands, and nothing else."""

import copy
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.objects_under_test import eventually
from harness import job, platform, program, tenant

pytestmark = pytest.mark.enable_socket

TENANT = "triggers"
JOBS = f"/apis/batch/v1/namespaces/{TENANT}/jobs"
Manifest = dict[str, Any]


class Account:
    """Somebody with the token of a job's account."""

    def __init__(self, calls: ClusterApi, job_name: str) -> None:
        self.calls = calls
        self.headers = {
            "Impersonate-User": f"system:serviceaccount:{TENANT}:{job_name}-trigger",
            "Impersonate-Group": f"system:serviceaccounts:{TENANT}",
        }

    def told(self, body: Manifest) -> str:
        """Why it may not create the Job; empty if it may."""
        try:
            self.calls.call("post", JOBS, body=body, query={"dryRun": "All"}, headers=self.headers)
        except ApiError as error:
            return error.reason
        return ""

    def refused(self, method: str, path: str, body: Manifest | None = None) -> bool:
        try:
            self.calls.call(method, path, body=body, headers=self.headers)
        except ApiError as error:
            return error.status == 403
        return False


@pytest.fixture(scope="module")
def access(programs: None, progress: Callable[[str], None]) -> Generator[ClusterAccess]:
    """A cluster of its own: an API server keeps what it read for bindings that went and came back (ADR 0008)."""
    with embedded_cluster(progress) as found:
        yield found


@pytest.fixture(scope="module")
def calls(access: ClusterAccess) -> Generator[ClusterApi]:
    api = ApiServer(access)
    quota = {"cpu": 99, "memoryGib": 999, "jobs": 50}
    jobs = [job("etl", trigger=True, schedule="0 1 1 1 *"), job("other", trigger=True), job("plain")]
    recording = run(program(platform(tenant(TENANT, *jobs, quota=quota))), RecordingBackend(), is_preview=False)
    applied = apply(api, recording.resources)
    assert applied.problems == []
    calls = ClusterApi(access.kubeconfig, access.context)
    changed = run_of(calls, "etl")
    changed["spec"]["template"]["spec"]["containers"][0]["command"] = ["true"]
    eventually(lambda: "trigger:" in Account(calls, "etl").told(changed), "triggers are held to their jobs")
    yield calls
    assert delete(api, applied.resources) == []


def run_of(calls: ClusterApi, name: str) -> Manifest:
    """What `kubectl create job --from=cronjob/NAME` sends."""
    cron_job: Any = calls.get(f"/apis/batch/v1/namespaces/{TENANT}/cronjobs/{name}")
    template: Manifest = copy.deepcopy(cron_job["spec"]["jobTemplate"])
    uid = cron_job["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": uid}
    annotations = {**template["metadata"].get("annotations", {}), "cronjob.kubernetes.io/instantiate": "manual"}
    metadata = {**template["metadata"], "annotations": annotations, "name": f"{name}-now", "ownerReferences": [owner]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def pod(body: Manifest) -> Manifest:
    return body["spec"]["template"]["spec"]


CHANGES: dict[str, Callable[[Manifest], Any]] = {
    "the image": lambda body: pod(body)["containers"][0].update(image="ghcr.io/acme/another:1.0.0"),
    "the command": lambda body: pod(body)["containers"][0].update(command=["sh", "-c", "env"]),
    "the environment": lambda body: pod(body)["containers"][0].update(env=[{"name": "DEBUG", "value": "1"}]),
    "the cores": lambda body: pod(body)["containers"][0]["resources"]["requests"].update(cpu="100m"),
    "a second container": lambda body: pod(body)["containers"].append({**pod(body)["containers"][0], "name": "two"}),
    "the account": lambda body: pod(body).update(serviceAccountName="plain", serviceAccount="plain"),
    "how many pods": lambda body: body["spec"].update(parallelism=2, completions=2),
    "the longest time": lambda body: body["spec"].update(activeDeadlineSeconds=7200),
    "the tries": lambda body: body["spec"].update(backoffLimit=20),
    "how long it stays": lambda body: body["spec"].update(ttlSecondsAfterFinished=60),
    "what ends it well": lambda body: body["spec"].update(successPolicy={"rules": [{"succeededCount": 1}]}),
    "who pays": lambda body: body["metadata"]["labels"].update({"bedplate.dev/workload": "plain"}),
    "a label of its pods": lambda body: body["spec"]["template"]["metadata"]["labels"].update(app="other"),
    "an annotation of its pods": lambda body: body["spec"]["template"]["metadata"].update(annotations={}),
    "no owner": lambda body: body["metadata"].pop("ownerReferences"),
    "another owner": lambda body: body["metadata"]["ownerReferences"][0].update(uid="0"),
}


def test_it_creates_a_run_as_the_job_stands(calls: ClusterApi) -> None:
    assert Account(calls, "etl").told(run_of(calls, "etl")) == ""
    assert Account(calls, "other").told(run_of(calls, "other")) == ""


@pytest.mark.parametrize("change", CHANGES)
def test_it_creates_no_other_run(calls: ClusterApi, change: str) -> None:
    body = run_of(calls, "etl")
    CHANGES[change](body)
    assert "trigger: this account creates runs of its job" in Account(calls, "etl").told(body)


def test_it_creates_no_run_of_another_job(calls: ClusterApi) -> None:
    assert "trigger:" in Account(calls, "etl").told(run_of(calls, "other"))
    assert "trigger:" in Account(calls, "etl").told(run_of(calls, "plain"))


def test_it_does_nothing_else(calls: ClusterApi) -> None:
    account = Account(calls, "etl")
    batch, core = f"/apis/batch/v1/namespaces/{TENANT}", f"/api/v1/namespaces/{TENANT}"
    assert not account.refused("get", f"{batch}/cronjobs/etl")
    for method, path in (
        *(("get", f"{batch}/cronjobs"), ("get", f"{batch}/cronjobs/plain"), ("get", JOBS), ("delete", f"{JOBS}/any")),
        *(("get", f"{core}/pods"), ("get", f"{core}/secrets"), ("get", "/api/v1/namespaces")),
        ("delete", f"{batch}/cronjobs/etl"),
    ):
        assert account.refused(method, path), (method, path)


def test_a_job_without_it_has_no_account(calls: ClusterApi) -> None:
    assert "trigger:" not in Account(calls, "plain").told(run_of(calls, "plain"))
    assert Account(calls, "plain").told(run_of(calls, "plain"))


def test_others_create_jobs_as_before(calls: ClusterApi) -> None:
    member = Account(calls, "etl")
    member.headers = {"Impersonate-User": "ines@example.com", "Impersonate-Group": f"ml-{TENANT}"}
    body = run_of(calls, "etl")
    body["spec"]["backoffLimit"] = 1
    assert member.told(body) == ""
