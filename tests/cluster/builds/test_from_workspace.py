"""The account of a workspace that has images built, at the API server, by its token: what it may do beyond any other
account, in every namespace, is the one list that is meant."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from bedplate.deploy.access import Access
from bedplate.deploy.cluster import Cluster, Refused
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.services.images.place import RULES
from cluster.builds.applied import cluster_with
from cluster.builds.test_members import JOBS, PLACE, build_of
from cluster.deploy.scan_pod import cluster_of, token_of
from cluster.objects_under_test import eventually
from harness import platform, tenant

pytestmark = pytest.mark.enable_socket
_LAB = {"kind": "workspace", "image": "ghcr.io/acme/lab:1", "cpu": 0.1, "memoryGib": 0.5, "openTo": "nobody"}
STACK = platform(
    tenant(
        "vision",
        {**_LAB, "name": "ines", "owner": "ines@example.com", "alwaysOn": True, "buildsImages": True},
        {**_LAB, "name": "paul", "owner": "paul@example.com", "alwaysOn": True},
    ),
    tenant("search"),
    images={
        "registry": "ghcr.io/acme/",
        "builds": {
            "credentials": {name: {"username": name, "passwordRef": "push"} for name in ("vision", "search")},
            "maxMinutes": 30,
        },
    },
)
Rules = set[tuple[str, str, str]]


@pytest.fixture(scope="module")
def access(programs: None, progress: Callable[[str], None]) -> Generator[ClusterAccess]:
    with cluster_with(STACK, progress, "push") as found:
        yield found


@pytest.fixture(scope="module")
def calls(access: ClusterAccess) -> ClusterApi:
    return ClusterApi(access.kubeconfig, access.context)


@pytest.fixture(scope="module")
def account(access: ClusterAccess, calls: ClusterApi) -> Callable[[str], Cluster]:
    """Asks as the account of a workspace, by its token."""
    cluster = cluster_of(access)

    def of(name: str) -> Cluster:
        token = token_of(calls, "vision", name)
        authority = str(Path(cluster["certificate-authority"]))
        return Cluster(
            Access(server=cluster["server"], context="", namespace=PLACE, token=token, authority=authority), PLACE
        )

    return of


def rules_of(cluster: Cluster, namespace: str) -> Rules:
    """Verb, kind and name of all that an account may do there, as the API server says it."""
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status: Any = cluster.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", asked)["status"]
    assert not status.get("incomplete")
    return listed(status["resourceRules"])


def listed(rules: Any) -> Rules:
    return {
        (verb, f"{kind}.{group}".strip("."), name)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }


class TestTheAccount:
    def test_may_build_for_its_tenant_and_do_nothing_else(
        self, calls: ClusterApi, account: Callable[[str], Cluster]
    ) -> None:
        ines, paul = account("ines"), account("paul")
        namespaces = [str(each["metadata"]["name"]) for each in calls.items("/api/v1/namespaces")]  # pyright: ignore
        assert {"vision", "search", PLACE, "bedplate-builds-search", "kube-system"} <= set(namespaces)
        more = {name: rules_of(ines, name) - rules_of(paul, name) for name in namespaces}
        assert {name: found for name, found in more.items() if found} == {
            "vision": {("get", "configmaps", "bedplate")},
            PLACE: listed(RULES),
        }

    def test_starts_builds_of_the_platforms_shape_alone(
        self, calls: ClusterApi, account: Callable[[str], Cluster]
    ) -> None:
        ines, job = account("ines"), build_of(calls)
        changed = build_of(calls)
        changed["spec"]["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", "id"]

        def told(cluster: Cluster, body: Any) -> str:
            try:
                cluster.ask("POST", JOBS, body, dryRun="All")
            except Refused as refused:
                return refused.reason
            return ""

        eventually(lambda: "builds:" in told(ines, changed), "the policy")
        assert told(ines, job) == ""
        assert "cannot create" in told(account("paul"), job)


class TestThePod:
    def test_is_admitted_with_the_token_and_has_a_way_to_the_api_server(self, calls: ClusterApi) -> None:
        def pod(name: str) -> Any:
            found = calls.items("/api/v1/namespaces/vision/pods")
            return next((each for each in found if each["metadata"]["name"] == f"{name}-0"), None)  # pyright: ignore

        eventually(lambda: pod("ines") and pod("paul"), "the pods of both")
        tokens = {
            name: [each for each in pod(name)["spec"]["volumes"] if "projected" in each] for name in ("ines", "paul")
        }
        assert (len(tokens["ines"]), tokens["paul"]) == (1, [])
        way: Any = calls.get("/apis/networking.k8s.io/v1/namespaces/vision/networkpolicies/ines-builds")
        labels = way["spec"]["podSelector"]["matchLabels"].items()
        assert labels <= pod("ines")["metadata"]["labels"].items()
        assert not labels <= pod("paul")["metadata"]["labels"].items()
        (egress,) = way["spec"]["egress"]
        assert [each["port"] for each in egress["ports"]] == [443, 6443]
