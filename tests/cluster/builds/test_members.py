"""Members who build, at the API server: in their own team's namespace, the one shape of pod, and nothing else."""

import copy
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.builds.in_cluster import job_of
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, field, text
from cluster.builds.applied import cluster_with
from cluster.objects_under_test import eventually
from harness import model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

PLACE = "bedplate-builds-vision"
JOBS = f"/apis/batch/v1/namespaces/{PLACE}/jobs"
STACK = platform(
    tenant("vision", model_api("api"), groups=["ml-vision"]),
    tenant("search", groups=["ml-search"]),
    images={
        "registry": "ghcr.io/acme/",
        "pull": {"username": "reader", "passwordRef": "pull"},
        "builds": {
            "credentials": {"vision": {"username": "vision", "passwordRef": "push"}},
            "atOnce": 1,
            "maxMinutes": 30,
        },
    },
)
Body = dict[str, Any]


class Member:
    """Somebody in one group of the identity provider."""

    def __init__(self, calls: ClusterApi, group: str) -> None:
        self.calls, self.headers = calls, {"Impersonate-User": "ines", "Impersonate-Group": group}

    def told(self, method: str, path: str, body: Body | None = None, **query: str) -> str:
        """Why it may not; '' if it may."""
        try:
            self.calls.call(method, path, body=body, query=query, headers=self.headers)
        except ApiError as error:
            return error.reason
        return ""


@pytest.fixture(scope="module")
def calls(programs: None, progress: Callable[[str], None]) -> Generator[ClusterApi]:
    with cluster_with(STACK, progress, "pull", "push") as access:
        yield _enforced(access)


def _enforced(access: ClusterAccess) -> ClusterApi:
    calls = ClusterApi(access.kubeconfig, access.context)
    changed = build_of(calls)
    changed["spec"]["template"]["spec"]["containers"][0]["command"] = ["true"]
    eventually(lambda: "builds:" in Member(calls, "ml-vision").told("post", JOBS, changed, dryRun="All"), "the policy")
    return calls


def build_of(calls: ClusterApi) -> Body:
    """As `InCluster` starts it."""
    template = calls.call("get", f"/api/v1/namespaces/{PLACE}/podtemplates/build")
    return job_of(copy.deepcopy(template), "Label Reader")


class TestAMemberOfTheTeam:
    def test_starts_a_build_as_the_platform_has_it(self, calls: ClusterApi) -> None:
        member = Member(calls, "ml-vision")
        assert member.told("get", f"/api/v1/namespaces/{PLACE}/podtemplates/build") == ""
        assert member.told("post", JOBS, build_of(calls), dryRun="All") == ""

    @pytest.mark.parametrize(
        ("what", "change"),
        [
            ("another command", lambda job: _container(job).update(command=["sh", "-c", "id"])),
            ("another image", lambda job: _container(job).update(image="ghcr.io/acme/miner:1")),
            ("privileges", lambda job: _container(job)["securityContext"].update(privileged=True)),
            ("a folder of the node", lambda job: _pod(job)["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
            ("the node's network", lambda job: _pod(job).update(hostNetwork=True)),
            ("a variable", lambda job: _container(job)["env"].append({"name": "BUILDKITD", "value": "sh"})),
            ("another account", lambda job: _pod(job).update(serviceAccountName="default")),
            ("another node", lambda job: _pod(job).update(nodeName="node-1")),
            ("labels", lambda job: job["spec"]["template"]["metadata"]["labels"].update({"app": "x"})),
            ("retries", lambda job: job["spec"].update(backoffLimit=3)),
            ("many at once", lambda job: job["spec"].update(parallelism=4, completions=4)),
            ("a longer time", lambda job: job["spec"].update(activeDeadlineSeconds=30 * 60 + 1)),
            ("no end", lambda job: job["spec"].pop("activeDeadlineSeconds")),
            ("staying", lambda job: job["spec"].pop("ttlSecondsAfterFinished")),
            ("a finalizer", lambda job: job["metadata"].update(finalizers=["example.com/mine"])),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_gets_nothing_else_there(self, calls: ClusterApi, what: str, change: Callable[[Body], Any]) -> None:
        job = build_of(calls)
        change(job)
        assert "builds:" in Member(calls, "ml-vision").told("post", JOBS, job, dryRun="All")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("get", f"/api/v1/namespaces/{PLACE}/secrets/registry-push"),
            ("get", f"/api/v1/namespaces/{PLACE}/secrets"),
            ("get", f"/api/v1/namespaces/{PLACE}/pods/any/exec"),
            ("post", f"/api/v1/namespaces/{PLACE}/pods"),
            ("delete", f"/api/v1/namespaces/{PLACE}/podtemplates/build"),
            ("post", f"/api/v1/namespaces/{PLACE}/podtemplates"),
            ("delete", f"/apis/networking.k8s.io/v1/namespaces/{PLACE}/networkpolicies/internet"),
        ],
    )
    def test_reads_no_credential_and_changes_no_rule(self, calls: ClusterApi, method: str, path: str) -> None:
        body = {"metadata": {"name": "mine"}, "spec": {}} if method == "post" else None
        assert "forbidden" in Member(calls, "ml-vision").told(method, path, body).lower()

    def test_attaches_to_builds_alone(self, calls: ClusterApi) -> None:
        for place, may in ((PLACE, True), ("vision", False), ("search", False)):
            for verb in ("get", "create"):
                asked = {"namespace": place, "verb": verb, "resource": "pods", "subresource": "attach"}
                assert _may(calls, "ml-vision", asked) is may

    def test_builds_no_more_at_one_time_than_the_team_may(self, calls: ClusterApi) -> None:
        """The first gets its pod from Kubernetes' own controller; the second waits, and its Job says for what."""
        member, pods = Member(calls, "ml-vision"), f"/api/v1/namespaces/{PLACE}/pods"
        for _ in range(2):
            assert member.told("post", JOBS, build_of(calls)) == ""
        eventually(lambda: len(calls.items(pods)) == 1, "a pod of the first build")
        events = f"/api/v1/namespaces/{PLACE}/events"
        eventually(lambda: "exceeded quota: builds" in str(calls.items(events)), "the second build waits")
        assert len(calls.items(pods)) == 1
        for job in calls.items(JOBS):
            assert (
                member.told("delete", f"{JOBS}/{text(job, 'metadata', 'name')}", propagationPolicy="Background") == ""
            )
        eventually(lambda: not calls.items(pods), "builds that are removed leave no pod")


class TestAnotherTeam:
    def test_neither_starts_nor_reads_them(self, calls: ClusterApi) -> None:
        other = Member(calls, "ml-search")
        assert "forbidden" in other.told("post", JOBS, build_of(calls), dryRun="All").lower()
        assert "forbidden" in other.told("get", f"/api/v1/namespaces/{PLACE}/pods").lower()

    def test_has_no_place_to_build_where_it_has_no_credentials(self, calls: ClusterApi) -> None:
        with pytest.raises(ApiError):
            calls.call("get", "/api/v1/namespaces/bedplate-builds-search")


class TestPulling:
    def test_every_team_has_the_credentials_and_its_workloads_name_them(self, calls: ClusterApi) -> None:
        for team in ("vision", "search"):
            secret = calls.call("get", f"/api/v1/namespaces/{team}/secrets/registry")
            assert secret["type"] == "kubernetes.io/dockerconfigjson"
        account = calls.call("get", "/api/v1/namespaces/vision/serviceaccounts/api")
        assert account["imagePullSecrets"] == [{"name": "registry"}]


def _pod(job: Body) -> Body:
    return job["spec"]["template"]["spec"]


def _container(job: Body) -> Body:
    return _pod(job)["containers"][0]


def _may(calls: ClusterApi, group: str, asked: Body) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "ines", "groups": [group], "resourceAttributes": asked},
    }
    answer = calls.call("post", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
    return field(answer, "status", "allowed") is True
