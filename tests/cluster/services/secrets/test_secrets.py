"""External secrets with the real operator: they come, follow what changes, and stay within their tenant.

The operator has the rights that its chart gives it with the platform's values, but for what it writes of itself; a
tenant's reader has those of the stack. Stores are the cluster's own Secrets.
"""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, text
from bedplate.kubernetes import Manifest
from bedplate.labels import EXTERNAL_SECRETS, SECRET_SOURCE_NAMESPACE, SECRET_STORE, SECRETS_NAMESPACE
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.operator_programs import programs_of
from bedplate.rehearsal.operators import Operators
from bedplate.rehearsal.rehearse import applicable
from bedplate.services.operator import Launch, Surroundings
from bedplate.services.secrets.operators import OPERATORS
from cluster.objects_under_test import eventually
from harness import job, model_api, platform, record, tenant
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket
KINDS = "external-secrets.io/v1"
OPERATOR = f"system:serviceaccount:{SECRETS_NAMESPACE}:{EXTERNAL_SECRETS}"
ALICE = {"Impersonate-User": "alice@example.com", "Impersonate-Group": "ml-vision"}
PASSWORD = {"external": "database", "key": "password"}
STACK = platform(
    tenant(
        "vision",
        model_api("api", secretEnv={"DB_PASSWORD": PASSWORD}),
        job("etl", secretEnv={"DB_PASSWORD": PASSWORD}),
    ),
    tenant("search", model_api("api", secretEnv={"TOKEN": {"external": "index", "key": "token"}})),
    secrets={"store": "kubernetes"},
)


def _rule(group: str, resources: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


_READ, _WRITE = ["get", "list", "watch"], ["get", "update", "patch"]
RIGHTS = [
    _rule("external-secrets.io", ["secretstores", "externalsecrets"], _READ),
    _rule("external-secrets.io", ["externalsecrets", "secretstores"], _WRITE),
    _rule("external-secrets.io", ["externalsecrets/status", "secretstores/status"], _WRITE),
    _rule("external-secrets.io", ["externalsecrets/finalizers", "secretstores/finalizers"], _WRITE),
    _rule("generators.external-secrets.io", ["generatorstates"], [*_READ, "create", "delete", "deletecollection"]),
    _rule("", ["serviceaccounts", "namespaces", "configmaps"], _READ),
    _rule("", ["secrets"], [*_READ, "create", "update", "delete", "patch"]),
    _rule("", ["events"], ["create", "patch"]),
]
"""Of the chart's ClusterRole with our values: no token of any ServiceAccount."""
_RBAC = "rbac.authorization.k8s.io"


def _operators_role() -> list[Manifest]:
    named = {"name": "external-secrets-controller"}
    subject = {"kind": "ServiceAccount", "name": EXTERNAL_SECRETS, "namespace": SECRETS_NAMESPACE}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": named, "rules": RIGHTS},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", **named},
            "subjects": [subject],
        },
    ]


@dataclass
class Running:
    """The stack with its operator."""

    api: ApiServer
    calls: ClusterApi

    def write(self, name: str, **values: str) -> None:
        """A Secret of the source, as an administrator writes it."""
        metadata = {"name": name, "namespace": SECRET_SOURCE_NAMESPACE}
        self.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})

    def value(self, namespace: str, name: str, key: str) -> str | None:
        """In the Secret of a workload; None where there is none yet."""
        found = self.api.get({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}})
        coded = (found or {}).get("data", {}).get(key)
        return base64.b64decode(coded).decode() if coded else None

    def external(self, namespace: str, name: str) -> dict[str, Any]:
        body = {"apiVersion": KINDS, "kind": "ExternalSecret", "metadata": {"name": name, "namespace": namespace}}
        return self.api.get(body) or {}

    def said(self, namespace: str, name: str) -> str:
        """What the operator says of an ExternalSecret, with its events."""
        conditions = self.external(namespace, name).get("status", {}).get("conditions", [])
        events = [
            str(event.get("message") or event.get("note"))
            for event in self.api.objects("v1", "Event", namespace)
            if event["involvedObject"]["name"] == name
        ]
        return " ".join([*(f"{one['reason']}: {one['message']}" for one in conditions), *events])

    def sync(self, namespace: str, name: str) -> None:
        """At once, as the guide says."""
        body = self.external(namespace, name)
        change = {"metadata": {"annotations": {"force-sync": str(time.time_ns())}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        self.calls.call("patch", self.api.path_of(body), body=change, headers=headers)

    def told(self, body: Manifest, headers: dict[str, str]) -> str:
        """Why somebody may not create it; empty if he may."""
        path = self.api.path_of(body).rpartition("/")[0]
        try:
            self.calls.call("post", path, body=body, query={"dryRun": "All"}, headers=headers)
        except ApiError as error:
            return error.reason
        return ""


def _launch(surroundings: Surroundings) -> Launch:
    """As a rehearsal starts it, with rights of its own and without placeholders."""
    return replace(OPERATORS[0].launch(surroundings), objects=_operators_role())


@pytest.fixture(scope="module")
def running(cluster_access: ClusterAccess) -> Iterator[Running]:
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    program_under_test(EXTERNAL_SECRETS)
    api, recording = ApiServer(cluster_access), record(STACK)
    account = f"{SECRETS_NAMESPACE}/{EXTERNAL_SECRETS}"
    operator = [replace(OPERATORS[0], account=account, launch=_launch)]
    there = programs_of(operator, lambda _: None)
    definitions = Definitions(api, [*there.definitions.values()])
    operators = Operators(api, cluster_access, there, pools=[], progress=lambda _: None, operators=operator)
    definitions.create(recording)
    with operators.living(recording) as starting:
        applied = apply(api, applicable(recording), starting=starting)
        assert [str(problem) for problem in applied.problems] == []
        assert operators.deaths() == []
        try:
            yield Running(api, ClusterApi(cluster_access.kubeconfig, cluster_access.context))
        finally:
            left = delete(api, [one for one in applicable(recording) if one.is_kubernetes_object])
            operators.remove_objects()
        assert left == []
    definitions.remove()


def external_secret(name: str, key: str, namespace: str = "vision", **more: Any) -> Manifest:
    """As somebody writes it who may."""
    remote = {"key": key, "property": "token"}
    return {
        "apiVersion": KINDS,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "SecretStore", "name": SECRET_STORE},
            "target": {"name": name},
            **(more or {"data": [{"secretKey": "TOKEN", "remoteRef": remote}]}),
        },
    }


def store(namespace: str = "vision") -> Manifest:
    """One that reads the source with somebody else's rights."""
    reader = {"auth": {"serviceAccount": {"name": "api"}}, "remoteNamespace": SECRET_SOURCE_NAMESPACE}
    metadata = {"name": "mine", "namespace": namespace}
    return {
        "apiVersion": KINDS,
        "kind": "SecretStore",
        "metadata": metadata,
        "spec": {"provider": {"kubernetes": reader}},
    }


class TestASecret:
    def test_waits_until_it_is_written_and_comes_to_each_workload_that_names_it(self, running: Running) -> None:
        eventually(
            lambda: "SecretSyncedError" in running.said("vision", "api-external"), "a word about what is missing"
        )
        running.write("vision.database", password="first", user="reader")
        for workload in ("api", "etl"):
            running.sync("vision", f"{workload}-external")
            eventually(
                lambda name=f"{workload}-external": running.value("vision", name, "DB_PASSWORD") == "first",
                "the secret",
            )

    def test_belongs_to_the_workload_and_goes_with_what_asked_for_it(self, running: Running) -> None:
        found = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api-external", "namespace": "vision"}}
        secret = running.api.get(found) or {}
        assert list(secret["data"]) == ["DB_PASSWORD"]
        (owner,) = secret["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("ExternalSecret", "api-external")
        assert secret["metadata"]["labels"]["bedplate.dev/workload"] == "api"
        # By this label Reloader finds it.
        assert secret["metadata"]["labels"]["reconcile.external-secrets.io/managed"] == "true"

    def test_that_is_rotated_is_followed(self, running: Running) -> None:
        running.write("vision.database", password="second", user="reader")
        running.sync("vision", "api-external")
        eventually(lambda: running.value("vision", "api-external", "DB_PASSWORD") == "second", "the rotated secret")

    def test_stays_while_the_store_has_it_no_more(self, running: Running) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "search.index", "namespace": SECRET_SOURCE_NAMESPACE},
        }
        running.write("search.index", token="of-search")
        running.sync("search", "api-external")
        eventually(lambda: running.value("search", "api-external", "TOKEN") == "of-search", "the secret")
        running.api.delete(body)
        running.sync("search", "api-external")
        eventually(lambda: "SecretSyncedError" in running.said("search", "api-external"), "a word about it")
        assert running.value("search", "api-external", "TOKEN") == "of-search"


class TestAStore:
    """Also where somebody got an ExternalSecret past every rule, the reader's rights hold."""

    def test_reads_nothing_of_another_tenant(self, running: Running) -> None:
        running.write("search.index", token="of-search")
        body = external_secret("stolen", "search.index")
        running.api.apply(body)
        try:
            eventually(lambda: "cannot get resource" in running.said("vision", "stolen"), "a refusal")
            assert running.value("vision", "stolen", "TOKEN") is None
        finally:
            running.api.delete(body)

    def test_lists_nothing_of_its_own_tenant_either(self, running: Running) -> None:
        body = external_secret("everything", "", dataFrom=[{"find": {"name": {"regexp": ".*"}}}])
        running.api.apply(body)
        try:
            eventually(lambda: "cannot list resource" in running.said("vision", "everything"), "a refusal")
        finally:
            running.api.delete(body)


class TestWhoDefinesThem:
    def test_is_no_member(self, running: Running) -> None:
        for body in (store(), external_secret("mine", "vision.database")):
            assert "forbidden" in running.told(body, ALICE)

    def test_is_nobody_with_rights_in_one_namespace(self, running: Running) -> None:
        """Such as an administrator of the namespace by a role of somebody else's."""
        rule = _rule("external-secrets.io", ["secretstores", "externalsecrets"], ["create", "patch", "update"])
        named = {"name": "stores", "namespace": "vision"}
        subject = {"kind": "User", "apiGroup": _RBAC, "name": "alice@example.com"}
        role = {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": named, "rules": [rule]}
        reference = {"apiGroup": _RBAC, "kind": "Role", "name": "stores"}
        binding = {**role, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}
        del binding["rules"]
        for body in (role, binding):
            running.api.apply(body)
        try:
            for body in (store(), external_secret("mine", "vision.database")):
                eventually(lambda body=body: "secret-stores: " in running.told(body, ALICE), "the guardrail refuses")
                assert "said in the stack file" in running.told(body, ALICE)
        finally:
            for body in (binding, role):
                running.api.delete(body)

    def test_is_whoever_runs_the_platform(self, running: Running) -> None:
        assert running.told(external_secret("theirs", "vision.database"), {}) == ""

    def test_says_why_one_did_not_come(self, running: Running) -> None:
        path = running.api.path_of(external_secret("api-external", ""))
        assert text(running.calls.call("get", path, headers=ALICE), "metadata", "name") == "api-external"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api-external", "namespace": "vision"}}
        with pytest.raises(ApiError, match="forbidden"):
            running.calls.call("get", running.api.path_of(secret), headers=ALICE)


class TestTheOperator:
    @pytest.mark.parametrize(("account", "may"), [(SECRET_STORE, True), ("api", False), ("default", False)])
    def test_signs_in_as_the_tenants_reader_and_as_nobody_else(self, running: Running, account: str, may: bool) -> None:
        path = f"/api/v1/namespaces/vision/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        headers = {"Impersonate-User": OPERATOR}
        if may:
            assert text(running.calls.call("post", path, body=request, headers=headers), "status", "token")
        else:
            with pytest.raises(ApiError, match="forbidden"):
                running.calls.call("post", path, body=request, headers=headers)
