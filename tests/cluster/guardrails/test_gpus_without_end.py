"""Who may make what holds GPUs until somebody stops it: whoever may also make what stops it, and nobody else."""

import uuid
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from cluster.guardrails.guarded import GUARDED, Manifest, gpus, manifest, nothing, refusal, serving, template_labels
from cluster.objects_under_test import eventually

pytestmark = pytest.mark.enable_socket

RBAC = "rbac.authorization.k8s.io"
HOLDERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
SAID = "it would hold GPUs until somebody stops it, and you may not create the ScaledObject that does"
IDLE = gpus(1, idle_minutes="120")


@dataclass(frozen=True)
class Person:
    """Somebody with rights in the namespace that members do not have by themselves."""

    calls: ClusterApi
    api: ApiServer
    name: str

    def told(self, body: Manifest) -> str:
        """Why it may not be made; empty if it may."""
        path = self.api.path_of(body).rpartition("/")[0]
        headers = {"Impersonate-User": self.name}
        try:
            self.calls.call("post", path, body=body, query={"dryRun": "All"}, headers=headers)
        except ApiError as error:
            return error.reason
        return ""


def granted(api: ApiServer, calls: ClusterApi, name: str, *more: Manifest) -> Person:
    """Who may make everything of `apps`, and what more says."""
    rules = [{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["create"]}, *more]
    where = {"name": name, "namespace": GUARDED}
    api.apply({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": where, "rules": rules})
    role = {"apiGroup": RBAC, "kind": "Role", "name": name}
    subjects = [{"apiGroup": RBAC, "kind": "User", "name": name}]
    body: Any = {"kind": "RoleBinding", "metadata": where, "roleRef": role, "subjects": subjects}
    api.apply({"apiVersion": f"{RBAC}/v1", **body})
    # Who may take Deployments away in kube-system is no member, whom another policy holds to what members deploy.
    elsewhere = {"name": name, "namespace": "kube-system"}
    own = [{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["delete"]}]
    api.apply({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": elsewhere, "rules": own})
    api.apply({"apiVersion": f"{RBAC}/v1", **body, "metadata": elsewhere})
    person = Person(calls, api, name)
    eventually(lambda: not person.told(manifest("Deployment", template_labels())), f"{name} may make Deployments")
    return person


@pytest.fixture(scope="module")
def calls(cluster_access: ClusterAccess) -> ClusterApi:
    return ClusterApi(cluster_access.kubeconfig, cluster_access.context)


@pytest.fixture(scope="module")
def builder(api: ApiServer, calls: ClusterApi) -> Person:
    return granted(api, calls, "builder")


@pytest.fixture(scope="module")
def stopper(api: ApiServer, calls: ClusterApi) -> Person:
    scaled = {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["create"]}
    return granted(api, calls, "stopper", scaled)


class TestWhoMayNotMakeAScaledObject:
    @pytest.mark.parametrize("kind", HOLDERS)
    def test_makes_nothing_that_holds_gpus_without_end(self, builder: Person, kind: str) -> None:
        assert SAID in builder.told(manifest(kind, IDLE))

    def test_gains_nothing_by_the_label_of_what_serves(self, builder: Person) -> None:
        assert SAID in builder.told(manifest("Deployment", serving))

    def test_passes_nothing_off_as_a_controllers(self, builder: Person) -> None:
        body = manifest("ReplicaSet", IDLE)
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "anchor", "uid": str(uuid.uuid4())}
        body["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
        assert SAID in builder.told(body)

    @pytest.mark.parametrize("kind", HOLDERS)
    def test_makes_what_holds_none(self, builder: Person, kind: str) -> None:
        assert builder.told(manifest(kind, nothing)) == ""


@pytest.mark.parametrize("kind", HOLDERS)
def test_who_may_make_one_makes_what_it_stops(stopper: Person, kind: str) -> None:
    assert stopper.told(manifest(kind, IDLE)) == ""


class TestThePlatform:
    @pytest.mark.parametrize("kind", HOLDERS)
    def test_makes_what_holds_gpus(self, api: ApiServer, kind: str) -> None:
        assert refusal(api, manifest(kind, IDLE)) is None

    @pytest.fixture
    def deployment(self, api: ApiServer) -> Generator[Manifest]:
        body = manifest("Deployment", IDLE)
        body["spec"]["replicas"] = 0
        api.apply(body)
        yield body
        api.delete(body)

    def test_has_its_deployments_ones_made_by_the_controller(self, api: ApiServer, deployment: Manifest) -> None:
        assert deployment["spec"]["replicas"] == 0
        eventually(lambda: bool(api.objects("apps/v1", "ReplicaSet", GUARDED)), "its ReplicaSet")
