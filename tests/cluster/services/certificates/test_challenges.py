"""Hosts with certificates of their own, proven over HTTP, at a real Traefik: what it answers before and after.

cert-manager does not run: its Ingress, Service and pod are made here as its source makes them
(https://github.com/cert-manager/cert-manager/tree/v1.21.1/pkg/issuer/acme/http).
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.rehearsal.definitions import Definitions
from cluster.front_door_objects import registered, service, traefik_values
from cluster.objects_under_test import eventually
from cluster.processes_under_test import Visitor, Workload, own_address, serving
from cluster.traefik_under_test import (
    NAMESPACE,
    RunningTraefik,
    certificate,
    running_traefik,
    wildcard_secret,
)
from harness import model_api, objects, platform, record, tenant
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket

DOMAIN = "ml.example.com"
SCORER, LATE = f"scorer-vision.{DOMAIN}", f"late-vision.{DOMAIN}"
CHALLENGE = "/.well-known/acme-challenge/"
STACK = platform(
    tenant("vision", *(model_api(name, route={"access": "public"}) for name in ("scorer", "late"))),
    certificates={
        **{"issuer": "letsEncrypt", "email": "ines@example.com"},
        **{"mode": "perHost", "challenge": "http01"},
    },
    guardrails={"approvedImages": ["ghcr.io/acme/"], "publicRoutes": True},
)


class Solver(BaseHTTPRequestHandler):
    """Answers as cert-manager's pod does, and says to which path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"key of {self.path}".encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def solver_settings() -> Mapping[str, Any]:
    """Of the ClusterIssuer that the stack makes."""
    (issuer,) = objects(record(STACK), "ClusterIssuer")
    (solver,) = issuer.inputs["spec"]["acme"]["solvers"]
    return solver["http01"]["ingress"]


def solver_ingress(token: str, namespace: str = NAMESPACE, **annotations: str) -> dict[str, Any]:
    """The Ingress of a challenge. annotations: in place of those that the issuer asks for."""
    settings = solver_settings()
    asked = {
        "nginx.ingress.kubernetes.io/whitelist-source-range": "0.0.0.0/0,::/0",
        "kubernetes.io/ingress.class": settings["class"],
        **settings["ingressTemplate"]["metadata"]["annotations"],
        **{f"kubernetes.io/{name}": value for name, value in annotations.items()},
    }
    backend = {"service": {"name": "cm-acme-http-solver", "port": {"number": 8089}}}
    path = {"path": f"{CHALLENGE}{token}", "pathType": "ImplementationSpecific", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": f"cm-acme-http-solver-{token}", "namespace": namespace, "annotations": asked},
        "spec": {"rules": [{"host": LATE, "http": {"paths": [path]}}]},
    }


@dataclass(frozen=True)
class FrontDoorUnderTest:
    traefik: RunningTraefik
    api: ApiServer
    folder: Path
    visitor: Visitor

    def plain(self, host: str, path: str) -> tuple[HTTPResponse, bytes]:
        """An answer at port 80."""
        connection = HTTPConnection("127.0.0.1", self.traefik.http, timeout=15)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def answers(self, token: str) -> bool:
        return self.plain(LATE, f"{CHALLENGE}{token}")[1] == f"key of {CHALLENGE}{token}".encode()


@pytest.fixture(scope="module")
def door(cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoorUnderTest]:
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    address = own_address()
    program = program_under_test("traefik")
    folder, api = tmp_path_factory.mktemp("challenges"), ApiServer(cluster_access)
    found, key = certificate(folder, SCORER)
    definitions = Definitions(api)
    definitions.create(record(STACK))
    with serving(Workload, address) as workload, serving(Solver, address) as solver:
        applied = [
            *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("vision", "shop")),
            *(body for body in registered(record(STACK), "front-door", "-route-") if body["kind"] != "Certificate"),
            wildcard_secret(found, key, name="scorer-vision"),
            *(part for name in ("scorer", "late") for part in service(name, "vision", address, workload)),
            *(
                part
                for namespace in (NAMESPACE, "shop")
                for part in service("cm-acme-http-solver", namespace, address, solver, port=8089)
            ),
        ]
        for body in applied:
            api.apply(body)
        with running_traefik(program, cluster_access, api, folder, traefik_values(record(STACK))) as traefik:
            door = FrontDoorUnderTest(traefik, api, folder, Visitor(traefik.https, found))
            eventually(lambda: is_serving(door, SCORER), f"an answer of Traefik, whose log is {traefik.log}")
            yield door
        for body in reversed(applied):
            api.delete(body)
        spaces = [body for body in applied if body["kind"] == "Namespace"]
        eventually(lambda: not any(api.get(body) for body in spaces), "the namespaces are gone", seconds=90)
    definitions.remove()


def is_serving(door: FrontDoorUnderTest, host: str) -> bool:
    try:
        return door.visitor.ask(host)[0].status == 200
    except OSError:
        return False


class TestAHost:
    def test_with_its_certificate_is_served(self, door: FrontDoorUnderTest) -> None:
        assert door.visitor.ask(SCORER)[0].status == 200

    def test_without_one_is_refused_until_it_has_it(self, door: FrontDoorUnderTest) -> None:
        """Neither with a certificate that Traefik makes up, nor with another host's; and nobody else is disturbed."""
        anything = ssl.create_default_context()
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            door.visitor.connect(LATE, anything)
        found, key = certificate(door.folder, LATE)
        door.api.apply(wildcard_secret(found, key, name="late-vision"))
        late = FrontDoorUnderTest(door.traefik, door.api, door.folder, Visitor(door.traefik.https, found))
        eventually(lambda: is_serving(late, LATE), "the host is served with its own certificate")
        assert door.visitor.ask(SCORER)[0].status == 200

    def test_whose_certificate_is_renewed_is_served_all_the_time(
        self, door: FrontDoorUnderTest, tmp_path: Path
    ) -> None:
        found, key = certificate(tmp_path, SCORER)
        renewed = FrontDoorUnderTest(door.traefik, door.api, door.folder, Visitor(door.traefik.https, found))
        answers: list[bool] = []
        door.api.apply(wildcard_secret(found, key, name="scorer-vision"))
        eventually(lambda: answers.append(is_serving(door, SCORER)) or is_serving(renewed, SCORER), "the new one")
        assert all(answers[:-1]), "between the old certificate and the new one there was none"


class TestAChallenge:
    def test_is_answered_at_port_80_without_being_redirected(self, door: FrontDoorUnderTest) -> None:
        door.api.apply(solver_ingress("first"))
        eventually(lambda: door.answers("first"), "the answer to a challenge")

    def test_leaves_everything_else_to_the_redirection(self, door: FrontDoorUnderTest) -> None:
        door.api.apply(solver_ingress("second"))
        eventually(lambda: door.answers("second"), "the answer to a challenge")
        for host, path in ((LATE, "/"), (LATE, "/a?b=c"), (SCORER, "/"), (LATE, "/.well-known/other")):
            response, _ = door.plain(host, path)
            assert response.status in (301, 308)
            assert response.headers["Location"] == f"https://{host}{path}"

    def test_is_not_answered_for_another_host_or_token(self, door: FrontDoorUnderTest) -> None:
        door.api.apply(solver_ingress("third"))
        eventually(lambda: door.answers("third"), "the answer to a challenge")
        for host, token in ((SCORER, "third"), (LATE, "of-nobody")):
            response, body = door.plain(host, f"{CHALLENGE}{token}")
            assert response.status == 404
            assert b"key of" not in body

    @pytest.mark.parametrize(
        ("token", "changes"),
        [
            ("of-nginx", {"annotations": {"ingress.class": "nginx"}}),
            ("of-traefik", {"annotations": {"ingress.class": "traefik"}}),
            ("elsewhere", {"namespace": "shop"}),
        ],
    )
    def test_of_another_class_or_namespace_is_not_answered(
        self, door: FrontDoorUnderTest, token: str, changes: dict[str, Any]
    ) -> None:
        annotations = changes.get("annotations", {})
        door.api.apply(solver_ingress(token, changes.get("namespace", NAMESPACE), **annotations))
        after = f"after-{token}"
        door.api.apply(solver_ingress(after))
        eventually(lambda: door.answers(after), "the answer to a challenge that came later")
        assert door.plain(LATE, f"{CHALLENGE}{token}")[0].status == 404

    def test_cannot_have_another_path_served_without_tls(self, door: FrontDoorUnderTest) -> None:
        ingress = solver_ingress("wide")
        ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/"
        door.api.apply(ingress)
        door.api.apply(solver_ingress("after-wide"))
        eventually(lambda: door.answers("after-wide"), "the answer to a challenge that came later")
        try:
            assert door.plain(LATE, "/login")[0].status in (301, 308)
        finally:
            door.api.delete(ingress)

    def test_needs_no_right_that_traefik_does_not_have(self, door: FrontDoorUnderTest) -> None:
        assert "forbidden" not in door.traefik.log.read_text()

    def test_is_answered_by_a_pod_that_the_namespace_admits(self, door: FrontDoorUnderTest) -> None:
        """cert-manager's own pod, beside one that the namespace refuses."""
        door.api.apply(solver_pod("solver"))
        with pytest.raises(ApiError, match="PodSecurity"):
            door.api.apply(solver_pod("other", securityContext={}))


def solver_pod(name: str, **changes: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
    container = {
        "name": "acmesolver",
        "image": "quay.io/jetstack/cert-manager-acmesolver:v1.21.2",
        "args": ["--listen-port=8089", f"--domain={LATE}", "--token=first", "--key=key"],
        "resources": resources,
        "ports": [{"name": "http", "containerPort": 8089}],
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "automountServiceAccountToken": False,
        "restartPolicy": "OnFailure",
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        **changes,
    }
    labels = {"acme.cert-manager.io/http01-solver": "true"}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
