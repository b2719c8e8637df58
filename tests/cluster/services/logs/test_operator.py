"""The real operator of Elasticsearch makes of the stack's objects what its routes, policies and pods count on; and the
keeper, with the rights of its ServiceAccount, does beside an API server what it is told, and nothing else."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.kubernetes import Manifest
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.operator_programs import programs_of
from bedplate.rehearsal.operators import Operators
from bedplate.rehearsal.rehearse import applicable
from bedplate.services.logs.collector import AUTHORITY
from bedplate.services.logs.operators import OPERATORS
from bedplate.services.logs.roles import KEEPER
from bedplate.services.operator import Launch, Surroundings
from cluster.objects_under_test import eventually
from harness import platform, record, tenant
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket
STACK = platform(tenant("vision"), logs={"size": "small", "diskGib": 220, "gibPerDay": 1})
AS_KEEPER = {"Impersonate-User": f"system:serviceaccount:{LOGS_NAMESPACE}:{KEEPER}"}


@dataclass(frozen=True)
class Running:
    """The stack with its operator. log: the operator's."""

    api: ApiServer
    calls: ClusterApi
    log: Path

    def found(self, version: str, kind: str, name: str) -> Manifest | None:
        wanted = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": LOGS_NAMESPACE}}
        return self.api.get(wanted)

    def files(self, secret: str) -> dict[str, str]:
        data = (self.found("v1", "Secret", secret) or {}).get("data", {})
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def waits_for(self, version: str, kind: str, name: str) -> Manifest:
        try:
            eventually(lambda: self.found(version, kind, name) is not None, f"{kind} {name}", seconds=90)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log.read_text()[-3000:]}") from None
        return self.found(version, kind, name) or {}


@pytest.fixture(scope="module")
def running(cluster_access: ClusterAccess) -> Iterator[Running]:
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    program_under_test("eck")
    server, recording = ApiServer(cluster_access), record(STACK)
    logs = list[Path]()

    def launch(surroundings: Surroundings) -> Launch:
        logs.append(surroundings.folder / "log")
        return OPERATORS[0].launch(surroundings)

    operator = [replace(OPERATORS[0], launch=launch)]
    there = programs_of(operator, lambda _: None)
    definitions = Definitions(server, [*there.definitions.values()])
    operators = Operators(server, cluster_access, there, pools=[], progress=lambda _: None, operators=operator)
    definitions.create(recording)
    with operators.living(recording) as starting:
        applied = apply(server, applicable(recording), starting=starting)
        assert [str(problem) for problem in applied.problems] == []
        assert operators.deaths() == []
        try:
            yield Running(server, ClusterApi(cluster_access.kubeconfig, cluster_access.context), logs[0])
        finally:
            left = delete(server, [one for one in applicable(recording) if one.is_kubernetes_object])
            operators.remove_objects()
        assert left == []
    definitions.remove()


class TestTheOperator:
    def test_makes_the_services_that_collectors_and_keeper_are_told_of(self, running: Running) -> None:
        service = running.waits_for("v1", "Service", "logs-es-http")
        assert [port["port"] for port in service["spec"]["ports"]] == [9200]
        running.waits_for("v1", "Secret", "logs-es-http-certs-public")
        assert "ca.crt" in running.files("logs-es-http-certs-public")

    def test_makes_pods_that_a_restricted_namespace_takes(self, running: Running) -> None:
        """Also those parts of them that the operator writes: it is the API server that says so."""
        template = running.waits_for("apps/v1", "StatefulSet", "logs-es-nodes")["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "as-made", "namespace": LOGS_NAMESPACE}}
        pod["metadata"]["labels"] = template["metadata"]["labels"]
        running.api.apply({**pod, "spec": template["spec"]}, is_dry_run=True)

    def test_gives_the_store_the_users_of_the_stack_and_their_roles(self, running: Running) -> None:
        running.waits_for("v1", "Secret", "logs-es-xpack-file-realm")
        realm = running.files("logs-es-xpack-file-realm")
        names = {line.partition(":")[0] for line in realm["users"].splitlines()}
        assert {"log-collector", "log-keeper", "team", "reader-vision"} <= names
        assert "reader-vision:reader-vision" in realm["users_roles"].splitlines()
        assert "vision.pods" in realm["roles.yml"]


class TestTheKeeper:
    """As its ServiceAccount, beside a real API server."""

    def test_lists_namespaces_and_writes_what_vouches_for_the_store(self, running: Running) -> None:
        there: list[Any] = cast("Any", running.calls.call("get", "/api/v1/namespaces", headers=AS_KEEPER))["items"]
        assert {"vision", "kube-system"} <= {one["metadata"]["name"] for one in there}
        path = f"/api/v1/namespaces/{LOG_COLLECTOR_NAMESPACE}/configmaps/{AUTHORITY}"
        form = {"Content-Type": "application/merge-patch+json", **AS_KEEPER}
        running.calls.call("patch", path, body={"data": {"ca.crt": "first"}}, headers=form)
        assert running.calls.call("get", path, headers=AS_KEEPER)["data"] == {"ca.crt": "first"}

    @pytest.mark.parametrize(
        "path",
        [
            f"/api/v1/namespaces/{LOG_COLLECTOR_NAMESPACE}/configmaps/log-collector-configuration",
            f"/api/v1/namespaces/{LOG_COLLECTOR_NAMESPACE}/secrets/log-user-log-collector",
            f"/api/v1/namespaces/{LOGS_NAMESPACE}/secrets/log-readers",
            "/api/v1/namespaces/vision/pods",
        ],
    )
    def test_reads_nothing_else(self, running: Running, path: str) -> None:
        with pytest.raises(ApiError) as refused:
            running.calls.call("get", path, headers=AS_KEEPER)
        assert refused.value.status == 403
