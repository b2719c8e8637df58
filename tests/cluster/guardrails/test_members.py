"""What a member of a tenant may make, by impersonation, and what becomes of it."""

import contextlib
import copy
import json
import re
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, items, text
from bedplate.engine.resources import revealed
from cluster.guardrails.guarded import (
    GUARDED,
    LABELS,
    MEMBERS,
    Change,
    Manifest,
    all_of,
    anti_affinity,
    in_namespace,
    inner_pod,
    manifest,
    nothing,
    owned_by,
    refusal,
    resources,
    template_labels,
    ttl,
)
from cluster.objects_under_test import eventually
from harness import ROOT, STACKS, objects, record_stack

pytestmark = pytest.mark.enable_socket

JOBS = f"/apis/batch/v1/namespaces/{MEMBERS}/jobs"
PODS = f"/api/v1/namespaces/{MEMBERS}/pods"
ALICE = {"Impersonate-User": "alice@example.com", "Impersonate-Group": f"ml-{MEMBERS}"}


class Member:
    """Alice of the tenant `members`; whatever she made is gone after the test."""

    def __init__(self, calls: ClusterApi) -> None:
        self.calls = calls

    def create(self, body: Manifest, *, is_dry_run: bool = False) -> dict[str, Any]:
        query = {"dryRun": "All"} if is_dry_run else {}
        return self.calls.call("post", JOBS, body=body, query=query, headers=ALICE)

    def told(self, body: Manifest) -> str:
        """Why she may not make it; empty if she may."""
        try:
            self.create(body, is_dry_run=True)
        except ApiError as error:
            return error.reason
        return ""

    def pods_of(self, name: str) -> list[dict[str, Any]]:
        return items(self.calls.get(PODS, labelSelector=f"job-name={name}"))


@pytest.fixture
def alice(api: ApiServer, cluster_access: ClusterAccess) -> Generator[Member]:
    assert api.objects("v1", "Namespace")
    member = Member(ClusterApi(cluster_access.kubeconfig, cluster_access.context))
    yield member
    for found in items(member.calls.get(JOBS)):
        path = f"{JOBS}/{text(found, 'metadata', 'name')}"
        with contextlib.suppress(ApiError):  # on its way out already
            member.calls.call("delete", path, body={"propagationPolicy": "Background"}, headers=ALICE)
    eventually(lambda: not items(member.calls.get(JOBS)), "the jobs are gone")
    quota = f"/api/v1/namespaces/{MEMBERS}/resourcequotas/tenant"
    eventually(lambda: text(member.calls.get(quota), "status", "used", "count/jobs.batch") == "0", "none is counted")


def a_job(change: Change = nothing) -> Manifest:
    body = in_namespace(manifest("Job", change), MEMBERS)
    body["metadata"]["name"] = f"run-{uuid.uuid4().hex[:8]}"
    return body


class TestAJobOfAMember:
    def test_is_told_everything_that_is_wrong_at_once(self, alice: Member) -> None:
        """A first try as people make it: two GPUs, an image of Docker Hub, and nothing else."""
        limits = {"limits": {"nvidia.com/gpu": "2"}}
        container = {"name": "main", "image": "python:3.12", "resources": limits}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        metadata = {"name": "first-try", "namespace": MEMBERS}
        told = alice.told(
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
        )
        rules = ("approved-images", "ownership-labels", "job-run-time", "job-cleanup", "no-root", "pod-security")
        assert [rule for rule in (*rules, "gpu-placement") if f"{rule}: " not in told] == []

    def test_that_requests_cpu_without_a_limit_gets_its_pod(self, alice: Member) -> None:
        body = a_job(resources(requests={"cpu": "4", "memory": "1Gi"}, limits={"memory": "1Gi"}))
        alice.create(body)
        eventually(lambda: alice.pods_of(body["metadata"]["name"]), "its pod is there")
        (pod,) = alice.pods_of(body["metadata"]["name"])
        assert pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "4"

    def test_that_states_nothing_gets_its_pod(self, alice: Member) -> None:
        body = a_job(resources())
        alice.create(body)
        eventually(lambda: alice.pods_of(body["metadata"]["name"]), "its pod is there")

    def test_may_name_its_maker_as_the_owner(self, alice: Member) -> None:
        own = template_labels(owner="alice_at_example.com")
        body = a_job(own)
        body["metadata"]["labels"]["bedplate.dev/owner"] = "alice_at_example.com"
        assert alice.told(body) == ""
        alice.create(body)
        eventually(lambda: alice.pods_of(body["metadata"]["name"]), "its pod is there")
        assert "bob_at_example.com is none of the tenant" in alice.told(
            a_job(template_labels(owner="bob_at_example.com"))
        )

    def test_is_made_of_a_job_of_the_stack_as_it_is(self, api: ApiServer, alice: Member) -> None:
        """`kubectl create job --from=cronjob/etl`."""
        (etl,) = api.objects("batch/v1", "CronJob", MEMBERS)
        form = etl["spec"]["jobTemplate"]
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "etl", "uid": etl["metadata"]["uid"]}
        metadata = {**form["metadata"], "name": "by-hand", "namespace": MEMBERS, "ownerReferences": [owner]}
        alice.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": form["spec"]})
        eventually(lambda: alice.pods_of("by-hand"), "its pod is there")

    @pytest.mark.parametrize("maker", ["kube-system:cronjob-controller", f"{MEMBERS}:etl"])
    def test_is_a_run_of_a_cron_job_only_if_its_controller_made_it(self, alice: Member, maker: str) -> None:
        body = a_job(owned_by("CronJob", "batch/v1"))
        assert "metadata.ownerReferences[].controller" in alice.told(body)
        somebody = {"Impersonate-User": f"system:serviceaccount:{maker}", "Impersonate-Group": "system:masters"}
        try:
            alice.calls.call("post", JOBS, body=body, query={"dryRun": "All"}, headers=somebody)
            told = ""
        except ApiError as error:
            told = error.reason
        assert (told == "") is maker.startswith("kube-system:"), told

    def test_is_counted_even_if_it_never_runs(self, alice: Member) -> None:
        told = ""
        for _ in range(8):
            body = a_job()
            body["spec"]["suspend"] = True
            try:
                alice.create(body)
            except ApiError as error:
                told = error.reason
        assert "exceeded quota: tenant" in told
        assert "count/jobs.batch" in told
        assert len(items(alice.calls.get(JOBS))) == 6


class TestTheEndOfAJob:
    """Its limits are the job's: pods that outlive it would have none, and no member can delete pods."""

    @pytest.fixture
    def job(self, alice: Member) -> str:
        body = a_job()
        alice.create(body)
        name = body["metadata"]["name"]
        eventually(lambda: alice.pods_of(name), "its pod is there")
        return name

    @pytest.mark.parametrize("options", [{}, {"propagationPolicy": "Orphan"}, {"orphanDependents": True}], ids=str)
    def test_never_leaves_pods_behind(self, alice: Member, job: str, options: dict[str, Any]) -> None:
        with pytest.raises(ApiError, match="pods would run on without its time limit"):
            alice.calls.call("delete", f"{JOBS}/{job}", body=options, headers=ALICE)
        assert alice.pods_of(job)[0]["metadata"]["ownerReferences"]

    @pytest.mark.parametrize("policy", ["Background", "Foreground"])
    def test_takes_them_with_it(self, alice: Member, job: str, policy: str) -> None:
        alice.calls.call("delete", f"{JOBS}/{job}", body={"propagationPolicy": policy}, headers=ALICE)
        eventually(lambda: not alice.pods_of(job), "its pods are gone")


class TestAPod:
    def test_never_chooses_its_node_by_pods_of_others(self, api: ApiServer) -> None:
        """Also where no policy sees it: the quota counts what a controller or an injector writes."""
        for term in ({"namespaceSelector": {}}, {"namespaces": [GUARDED]}):
            body = in_namespace(manifest("Pod", all_of(anti_affinity(**term), owned_by("Job", "batch/v1"))), MEMBERS)
            assert "exceeded quota: other-namespaces" in (refusal(api, body) or "")
        assert refusal(api, in_namespace(manifest("Pod", anti_affinity()), MEMBERS)) is None

    @pytest.mark.parametrize("resource", ["cpu", "memory", "ephemeral-storage"])
    def test_never_states_nothing(self, api: ApiServer, resource: str) -> None:
        """Also what a controller makes: a limit of 0 is none on a node, and counts as 0."""
        body = manifest("Pod", all_of(resources(limits={resource: "0"}), owned_by("Job", "batch/v1")))
        told = refusal(api, in_namespace(body, MEMBERS)) or ""
        assert f"minimum {resource} usage per Container is 1M" in told.replace("is 1m", "is 1M")

    def test_does_not_grow_in_place_past_the_largest(self, api: ApiServer, alice: Member) -> None:
        body = in_namespace(manifest("Pod", nothing), MEMBERS)
        api.apply(body)
        try:
            told = [resized(alice, body, cpu) for cpu in ("9", "2")]
        finally:
            api.delete(body)
        assert "max-pod-size: " in told[0]
        assert told[1] == ""


def resized(member: Member, body: Manifest, cpu: str) -> str:
    container = {"name": "main", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    try:
        path = f"{PODS}/{body['metadata']['name']}/resize"
        member.calls.call("patch", path, body={"spec": {"containers": [container]}}, headers=headers)
    except ApiError as error:
        return error.reason
    return ""


class TestAJobSet:
    """Its operator makes Jobs, and a Job that is refused shows nothing at the JobSet."""

    @pytest.fixture
    def jobset(self, api: ApiServer) -> Generator[Manifest]:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1alpha2", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"kind": "JobSet", "plural": "jobsets", "singular": "jobset"}
        definition: Manifest = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "jobsets.jobset.x-k8s.io"},
            "spec": {"group": "jobset.x-k8s.io", "scope": "Namespaced", "names": names, "versions": [version]},
        }
        api.apply(definition)
        eventually(lambda: api.knows("jobset.x-k8s.io/v1alpha2", "JobSet"), "the kind is served")
        spec = manifest("Job", nothing)["spec"]
        del spec["ttlSecondsAfterFinished"]
        replicated = {"name": "workers", "replicas": 2, "template": {"spec": spec}}
        yield {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "metadata": {"name": "train", "namespace": GUARDED, "labels": LABELS},
            "spec": {"ttlSecondsAfterFinished": 600, "replicatedJobs": [replicated]},
        }
        api.delete(definition)
        eventually(lambda: api.get(definition) is None, "the kind is gone")

    @pytest.mark.parametrize(
        ("name", "is_believed"),
        [
            ("alice@example.com", False),
            (f"system:serviceaccount:{MEMBERS}:etl", False),
            ("system:serviceaccount:jobset-system:jobset-controller-manager", True),
        ],
    )
    def test_makes_jobs_in_its_name_and_nobody_else_does(self, alice: Member, name: str, is_believed: bool) -> None:
        """What a JobSet makes was judged with it; what somebody says it made is judged all the same."""
        body = a_job(all_of(owned_by("JobSet", "jobset.x-k8s.io/v1alpha2"), ttl(None)))
        somebody = {"Impersonate-User": name, "Impersonate-Group": "system:masters"}
        try:
            alice.calls.call("post", JOBS, body=body, query={"dryRun": "All"}, headers=somebody)
            told = ""
        except ApiError as error:
            told = error.reason
        assert (told == "") is is_believed, told
        assert "job-cleanup: " in told or is_believed

    def test_is_judged_by_the_pods_of_all_its_jobs(self, api: ApiServer, jobset: Manifest) -> None:
        eventually(lambda: refusal(api, jobset) is None, "a valid one is admitted")
        second = copy.deepcopy(jobset["spec"]["replicatedJobs"][0])
        second["name"] = "driver"
        template = second["template"]["spec"]["template"]
        inner_pod({"kind": "Job", "spec": {"template": template}})["containers"][0]["image"] = "docker.io/evil/app:1"
        template["metadata"]["labels"]["app.kubernetes.io/component"] = "model-api"
        del second["template"]["spec"]["activeDeadlineSeconds"]
        jobset["spec"]["replicatedJobs"].append(second)
        del jobset["spec"]["ttlSecondsAfterFinished"]

        def told() -> str:
            return refusal(api, jobset) or ""

        eventually(told, "the policy sees the new kind")
        rules = ("approved-images", "serving-labels", "job-run-time", "job-cleanup")
        assert [rule for rule in rules if f"{rule}: " not in told()] == []


class TestTheGuides:
    """What people copy must be admitted as it stands."""

    JOBS = tuple(re.findall(r"```yaml job\n(.*?)```", (ROOT / "docs/guides/add-a-workload.md").read_text(), re.DOTALL))

    def test_have_a_job_to_copy(self) -> None:
        assert len(self.JOBS) == 1

    @pytest.mark.parametrize("text", JOBS)
    def test_are_admitted(self, alice: Member, text: str) -> None:
        own = text.replace("search", MEMBERS).replace("ghcr.io/example/", "ghcr.io/acme/")
        body = json.loads(json.dumps(YAML(typ="safe").load(own)))
        assert alice.told(body) == ""
        alice.create(body)
        eventually(lambda: alice.pods_of(body["metadata"]["name"]), "its pod is there")


class TestTheStacks:
    """Every run of every job of the stacks that we ship is admitted, made by hand by a member."""

    @pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.stem)
    def test_have_no_pod_that_a_rule_refuses(self, api: ApiServer, stack: Path) -> None:
        recording = record_stack(stack)
        found = [dict(body.inputs) for kind in ("CronJob", "Deployment") for body in objects(recording, kind)]
        of_tenants = [body for body in found if "bedplate.dev/tenant" in body["metadata"]["labels"]]
        assert of_tenants
        for body in of_tenants:
            told = refusal(api, as_of_members(revealed(body))) or ""
            # The images and sizes are the stack's, whose limits are its own; labels name its tenant and people.
            broken = {reason.split(": ")[0] for reason in told.rpartition(" denied request: ")[2].split(" | ")} - {""}
            assert broken <= {"approved-images", "max-pod-size", "ownership-labels", "gpu-placement"}, told


def as_of_members(body: Manifest) -> Manifest:
    """A tenant's object in the namespace of these tests."""
    return {**body, "metadata": {**body["metadata"], "namespace": MEMBERS}}
