"""The internal authority as it issues: a real cert-manager, a real Traefik, and visitors who trust the authority alone.

cert-manager's controller is the one that CERT_MANAGER_CONTROLLER names; without it these tests are skipped. It can be
built from https://github.com/cert-manager/cert-manager (`go build` in cmd/controller). Its webhook and its injector do
not run. Its definitions are upstream's own where there are any (BEDPLATE_TEST_CRDS), and stand-ins otherwise.
"""

import base64
import os
import re
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedplate.rehearsal.api_server import ApiServer
from bedplate.rehearsal.cluster import ClusterAccess
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.engine import Recording
from bedplate.rehearsal.processes import BackgroundProcess, guarded, stop
from cluster.front_door_objects import registered, service, traefik_values
from cluster.objects_under_test import eventually
from cluster.processes_under_test import Visitor, Workload, own_address, serving
from cluster.traefik_under_test import running_traefik, traefik_program
from harness import model_api, objects, platform, record, tenant
from upstream import DEFINITIONS

pytestmark = pytest.mark.enable_socket

DOMAIN = "ml.example.com"
SCORER = f"scorer-vision.{DOMAIN}"
AUTHORITY = "bedplate-internal-authority"


def stack(mode: str) -> Recording:
    return record(
        platform(
            tenant("vision", model_api("scorer", route={"access": "public"})),
            certificates={"issuer": "internal", "mode": mode},
            guardrails={"approvedImages": ["ghcr.io/acme/"], "publicRoutes": True},
        )
    )


@dataclass(frozen=True)
class Issued:
    """mode: of the stack. visitor: who trusts the authority that was made. metrics: of cert-manager."""

    mode: str
    visitor: Visitor
    metrics: str
    rules: str


@contextmanager
def cert_manager(access: ClusterAccess, folder: Path, namespace: str) -> Iterator[int]:
    """The controller, as an administrator of the cluster; the port of its metrics."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        *(os.environ["CERT_MANAGER_CONTROLLER"], f"--kubeconfig={access.kubeconfig}", "--leader-elect=false"),
        *(f"--cluster-resource-namespace={namespace}", "--enable-certificate-owner-ref=false"),
        *(f"--metrics-listen-address=127.0.0.1:{port}", "--healthz-listen-address=127.0.0.1:0"),
        "--controllers=*,-gateway-shim,-ingress-shim,-challenges,-orders",
    ]
    process = BackgroundProcess(
        "cert-manager", guarded(command), log=folder / "cert-manager.log", folder=folder, environment={}
    )
    try:
        yield port
    finally:
        stop([process])


@pytest.fixture(scope="module", params=["wildcard", "perHost"])
def issued(
    request: pytest.FixtureRequest,
    cluster_access: ClusterAccess,
    progress: Callable[[str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Issued]:
    if not os.environ.get("CERT_MANAGER_CONTROLLER"):
        pytest.skip("CERT_MANAGER_CONTROLLER does not name cert-manager's controller")
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but the loopback ones, which the API server refuses for pods")
    recording, folder, api = stack(request.param), tmp_path_factory.mktemp("issuing"), ApiServer(cluster_access)
    program = traefik_program(progress)
    definitions = Definitions(api, DEFINITIONS if DEFINITIONS.is_dir() else None)
    definitions.create(recording)
    with serving(Workload, address) as workload:
        applied = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}},
            *registered(recording, "front-door", "platform-certificates", "-route-"),
            *service("scorer", "vision", 80, address, workload),
        ]
        for body in applied:
            api.apply(body)
        with (
            cert_manager(cluster_access, folder, "bedplate-certificates") as metrics,
            running_traefik(program, cluster_access, api, folder, traefik_values(recording)) as traefik,
        ):
            eventually(lambda: authority(api), "the authority's certificate", seconds=60)
            trusted = folder / "authority.crt"
            trusted.write_bytes(authority(api) or b"")
            visitor = Visitor(traefik.https, trusted)
            eventually(lambda: is_served(visitor), f"an answer under TLS; logs are in {folder}", seconds=60)
            yield Issued(request.param, visitor, text_at(metrics), rules_of(recording))
        for body in reversed(applied):
            api.delete(body)
        spaces = [body for body in applied if body["kind"] == "Namespace"]
        eventually(lambda: not any(api.get(body) for body in spaces), "the namespaces are gone", seconds=90)
    definitions.remove()


def authority(api: ApiServer) -> bytes | None:
    """What is handed out."""
    metadata = {"name": AUTHORITY, "namespace": "bedplate-certificates"}
    secret: dict[str, Any] | None = api.get({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    return base64.b64decode(secret["data"]["tls.crt"]) if secret else None


def text_at(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=15) as answer:
        return answer.read().decode()


def rules_of(recording: Recording) -> str:
    (rules,) = (
        found.inputs["data"]["rules.yaml"]
        for found in objects(recording, "ConfigMap")
        if found.inputs["metadata"]["name"] == "bedplate-alerts"
    )
    return rules


def is_served(visitor: Visitor) -> bool:
    try:
        return visitor.ask(SCORER)[0].status == 200
    except OSError:
        return False


class TestTheInternalAuthority:
    def test_is_trusted_for_a_host_by_who_has_its_certificate_alone(self, issued: Issued) -> None:
        assert issued.visitor.ask(SCORER)[0].status == 200

    def test_has_issued_what_the_mode_says(self, issued: Issued) -> None:
        with issued.visitor.connect(SCORER) as connection:
            certificate = connection.getpeercert() or {}
        name = f"*.{DOMAIN}" if issued.mode == "wildcard" else SCORER
        assert certificate["subjectAltName"] == (("DNS", name),)

    def test_serves_other_hosts_of_the_domain_with_the_wildcard_only(self, issued: Issued) -> None:
        if issued.mode == "wildcard":
            assert issued.visitor.ask(f"other.{DOMAIN}")[0].status == 404
        else:
            with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
                issued.visitor.connect(f"other.{DOMAIN}")


class TestTheAlerts:
    def test_read_metrics_that_cert_manager_has(self, issued: Issued) -> None:
        read = set(re.findall(r"certmanager_\w+", issued.rules)) - {"certmanager_certificate_challenge_status"}
        assert read
        missing = [name for name in read if not re.search(rf"^{name}(\{{| )", issued.metrics, re.MULTILINE)]
        assert missing == []

    def test_find_the_labels_that_they_tell(self, issued: Issued) -> None:
        name = "wildcard" if issued.mode == "wildcard" else "scorer-vision"
        for metric in ("expiration", "renewal"):
            labels = f'.*name="{name}",namespace="bedplate-front-door"'
            assert re.search(rf"certmanager_certificate_{metric}_timestamp_seconds{{{labels}}} \S+", issued.metrics)
        assert 'certmanager_clusterissuer_ready_status{condition="True",name="bedplate-internal"} 1' in issued.metrics
