"""The way that operators on this machine take into the cluster."""

import http.client
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest

from bedplate.rehearsal.cluster_network import SIMULATED, cluster_network
from cluster.processes_under_test import serving

pytestmark = pytest.mark.enable_socket
SERVICE = "login.example.svc.cluster.local:4180"
HOSTS = {"auth.ml.example.com": SERVICE, "scorer.ml.example.com": "scorer.vision.svc.cluster.local:80"}


class Operator(BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.path} {self.headers['Host']} {self.headers['Cookie']} {body.decode()}".encode()
        self.send_response(202)
        self.send_header("Set-Cookie", "one=1")
        self.send_header("Set-Cookie", "two=2")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def network() -> Iterator[http.client.HTTPConnection]:
    with serving(Operator, "127.0.0.1") as port, cluster_network({SERVICE: f"127.0.0.1:{port}"}, HOSTS) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        yield connection
        connection.close()


def test_leads_to_an_operator_by_the_name_of_its_service(network: http.client.HTTPConnection) -> None:
    headers = {"Host": "scorer.ml.example.com", "Cookie": "session=a"}
    network.request("POST", f"http://{SERVICE}/oauth2/auth?allowed=ml", b"body", headers)
    answer = network.getresponse()
    assert answer.read().decode() == "/oauth2/auth?allowed=ml scorer.ml.example.com session=a body"
    assert answer.status == 202
    assert answer.headers.get_all("Set-Cookie") == ["one=1", "two=2"]


def test_says_that_no_pod_runs(network: http.client.HTTPConnection) -> None:
    network.request("GET", "http://10.244.0.7:8080/")
    answer = network.getresponse()
    assert (answer.status, answer.headers[SIMULATED]) == (200, "pod")
    assert b"no pod runs" in answer.read()


def test_leads_visitors_to_the_operator_that_serves_their_host(network: http.client.HTTPConnection) -> None:
    network.request("POST", "http://auth.ml.example.com/oauth2/sign_in", b"body")
    answer = network.getresponse()
    assert answer.status == 202
    assert answer.read().startswith(b"/oauth2/sign_in auth.ml.example.com")


def test_says_that_no_pod_runs_for_a_host(network: http.client.HTTPConnection) -> None:
    network.request("GET", "http://scorer.ml.example.com/")
    answer = network.getresponse()
    assert (answer.status, answer.headers[SIMULATED]) == (200, "pod")


def test_leads_nowhere_else(network: http.client.HTTPConnection) -> None:
    network.request("GET", "http://login.example.com/.well-known/openid-configuration")
    assert network.getresponse().status == 403


def test_leads_out_of_the_cluster_over_tls_neither(network: http.client.HTTPConnection) -> None:
    network.set_tunnel("acme-v02.api.letsencrypt.org", 443)
    with pytest.raises(OSError, match="403"):
        network.request("GET", "/directory")
