"""What a tenant's bounds mean on a real API server: quotas, defaults, access, Pod Security."""

from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.objects_under_test import eventually
from harness import job, platform, program, tenant

pytestmark = pytest.mark.enable_socket

TENANT, GPU = "bounded", "nvidia.com/gpu"
OWNER = f"{TENANT}_at_example.com"
LABELS = {"bedplate.dev/tenant": TENANT, "bedplate.dev/project": TENANT, "bedplate.dev/owner": OWNER}


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    api = ApiServer(cluster_access)
    h100 = {"accelerator": "nvidia-h100", "count": 8, "machine": {"cpu": 208, "memoryGib": 1800}, "max": 1}
    t4 = {"accelerator": "nvidia-t4", "count": 4, "machine": {"cpu": 48, "memoryGib": 192}, "max": 1}
    pools = {**platform()["nodePools"], "h100": h100, "t4": t4}
    quota = {"cpu": 8, "memoryGib": 16, "gpus": {"nvidia-l4": 2, "nvidia-t4": 4}}
    bounded = tenant(TENANT, job("etl"), quota=quota)
    stack = program(platform(bounded, tenant("other"), nodePools=pools))
    applied = apply(api, run(stack, RecordingBackend(), is_preview=False).resources)
    assert applied.problems == []
    eventually(lambda: all(quota.get("status", {}).get("used") for quota in quotas(api)), "the quotas are counted")
    yield api
    assert delete(api, applied.resources) == []


def quotas(api: ApiServer) -> list[dict[str, Any]]:
    return api.objects("v1", "ResourceQuota", TENANT)


def pod(name: str, gpus: int = 0, accelerator: str = "nvidia-l4", **resources: str) -> dict[str, Any]:
    requests = {**resources, **({GPU: str(gpus)} if gpus else {})}
    body: dict[str, Any] = {
        "activeDeadlineSeconds": 60,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "ghcr.io/acme/app:1",
                "resources": {"requests": requests, "limits": {key: requests[key] for key in requests if key != "cpu"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    metadata: dict[str, Any] = {"name": name, "namespace": TENANT, "labels": dict(LABELS)}
    if gpus:
        body["nodeSelector"] = {"bedplate.dev/accelerator": accelerator}
        body["priorityClassName"] = f"bedplate-{accelerator}"
        metadata["annotations"] = {"bedplate.dev/idle-timeout-minutes": "30"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}


def refusal(api: ApiServer, body: dict[str, Any]) -> str:
    try:
        api.apply(body, is_dry_run=True)
    except ApiError as error:
        return error.reason
    return ""


def may(api: ApiServer, verb: str, resource: str, namespace: str = TENANT, group: str = "") -> bool:
    """Whether a member of the tenant's group may do something, by the API server's own authorizer."""
    attributes = {"namespace": namespace, "verb": verb, "resource": resource.partition("/")[0], "group": group}
    if "/" in resource:
        attributes["subresource"] = resource.partition("/")[2]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {"name": ""},
        "spec": {"user": "alice", "groups": [f"ml-{TENANT}"], "resourceAttributes": attributes},
    }
    return bool(api.create(review)["status"]["allowed"])


class TestQuotas:
    def test_admit_what_is_granted(self, api: ApiServer) -> None:
        assert refusal(api, pod("fits", gpus=2, cpu="1", memory="1Gi")) == ""

    def test_refuse_more_of_an_accelerator_than_granted(self, api: ApiServer) -> None:
        assert "exceeded quota: nvidia-l4" in refusal(api, pod("many", gpus=3, cpu="1", memory="1Gi"))

    def test_refuse_an_accelerator_that_is_not_granted(self, api: ApiServer) -> None:
        said = refusal(api, pod("wrong", gpus=1, accelerator="nvidia-h100", cpu="1", memory="1Gi"))
        assert "exceeded quota: other-accelerators" in said

    def test_refuse_more_memory_than_granted(self, api: ApiServer) -> None:
        assert "exceeded quota: tenant" in refusal(api, pod("large", cpu="1", memory="17Gi"))

    @pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
    def test_refuse_services_that_open_ports(self, api: ApiServer, kind: str) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "open", "namespace": TENANT, "labels": LABELS},
            "spec": {"type": kind, "ports": [{"port": 80}]},
        }
        assert "exceeded quota: tenant" in refusal(api, service)


class TestDefaults:
    def test_bound_a_pod_that_states_nothing(self, api: ApiServer) -> None:
        silent = pod("silent")
        silent["spec"]["containers"][0]["resources"] = {}
        admitted = api.apply(silent, is_dry_run=True)
        resources = admitted["spec"]["containers"][0]["resources"]
        assert resources == {
            "requests": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "2Gi"},
            "limits": {"cpu": "128", "memory": "1Gi", "ephemeral-storage": "2Gi"},
        }


class TestPodSecurity:
    def test_refuses_root(self, api: ApiServer) -> None:
        root = pod("root", cpu="1", memory="1Gi")
        root["spec"]["securityContext"] = {}
        assert 'violates PodSecurity "restricted:v1.35"' in refusal(api, root)


class TestMembers:
    @pytest.mark.parametrize(
        ("verb", "resource", "group"),
        [
            ("list", "pods", ""),
            ("get", "pods/log", ""),
            ("list", "events", ""),
            ("create", "jobs", "batch"),
            ("delete", "jobs", "batch"),
            ("get", "cronjobs", "batch"),
        ],
    )
    def test_may_look_and_run_jobs(self, api: ApiServer, verb: str, resource: str, group: str) -> None:
        assert may(api, verb, resource, group=group)

    @pytest.mark.parametrize(
        ("verb", "resource", "group"),
        [
            ("get", "secrets", ""),
            ("list", "secrets", ""),
            ("create", "pods/exec", ""),
            ("create", "pods", ""),
            ("create", "serviceaccounts/token", ""),
            ("update", "resourcequotas", ""),
            ("delete", "limitranges", ""),
            ("patch", "secrets", ""),
            ("update", "secrets", ""),
            ("delete", "networkpolicies", "networking.k8s.io"),
            ("create", "rolebindings", "rbac.authorization.k8s.io"),
            ("update", "deployments", "apps"),
            ("create", "statefulsets", "apps"),
            ("update", "cronjobs", "batch"),
            ("create", "ingressroutetcps", "traefik.io"),
            ("patch", "namespaces", ""),
        ],
    )
    def test_may_change_nothing_else_and_read_no_secret(
        self, api: ApiServer, verb: str, resource: str, group: str
    ) -> None:
        assert not may(api, verb, resource, group=group)

    def test_make_nothing_that_no_quota_counts(self, api: ApiServer, cluster_access: ClusterAccess) -> None:
        """As the API server says itself: what the role, and what Kubernetes gives everybody, lets a member create."""
        calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
        answer: dict[str, Any] = calls.call(
            "post",
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            body={**review, "spec": {"namespace": TENANT}},
            headers={"Impersonate-User": "alice", "Impersonate-Group": f"ml-{TENANT}"},
        )
        made = {
            f"{resource}.{group}".rstrip(".")
            for rule in answer["status"]["resourceRules"]
            if {"create", "*"} & set(rule["verbs"])
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        # Answers about oneself: nothing is stored.
        made = {kind for kind in made if not kind.startswith("selfsubject")}
        counted = {key for quota in quotas(api) for key in quota["spec"]["hard"]}
        assert "jobs.batch" in made
        # A quota of kinds that are defined later is unknown for a while, in which nobody could create one.
        of_routes = {"ingressroutes.traefik.io", "middlewares.traefik.io"}
        assert {kind for kind in made if f"count/{kind}" not in counted} == of_routes

    def test_see_nothing_of_another_tenant(self, api: ApiServer) -> None:
        assert not may(api, "list", "pods", namespace="other")
        assert not may(api, "delete", "jobs", namespace="other", group="batch")
        assert not may(api, "list", "pods", namespace="kube-system")
