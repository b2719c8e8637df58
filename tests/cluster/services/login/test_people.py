"""People at kubectl, shown on a real API server and a real provider, with what the platform tells EKS of both.

EKS's own API server is nobody's to start; this one takes the same settings by its flags
(https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server).
"""

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aws_stack import FILE
from bedplate.embedded_cluster import kubeconfig
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.engine.engine import Recording
from bedplate.engine.resources import revealed
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from cluster.conftest import Progress
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from harness import ROOT, objects, record, tenant, without_tenants

pytestmark = pytest.mark.enable_socket

CLIENT = "0oa-kubectl"
PODS = "/api/v1/namespaces/{}/pods"
JOBS = "/apis/batch/v1/namespaces/vision/jobs"


@dataclass(frozen=True)
class Provider:
    """Somebody who signs tokens, under a certificate of his own."""

    issuer: str
    certificate: Path

    def token(self, *groups: str, **claims: Any) -> str:
        now = int(time.time())
        known = {"iss": self.issuer, "aud": CLIENT, "sub": "ada", "iat": now, "exp": now + 300}
        person = {"email": "ada@example.com", "email_verified": True, "groups": list(groups)}
        body = json.dumps({**known, **person, **claims}).encode()
        return self._asked("/test/token", body)

    def answers(self) -> bool:
        try:
            return bool(self._asked("/keys"))
        except OSError:
            return False

    def _asked(self, path: str, body: bytes | None = None) -> str:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        with urllib.request.urlopen(f"{self.issuer}{path}", body, timeout=10, context=trusting) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Generator[Provider]:
    folder, port = tmp_path_factory.mktemp("provider"), free_ports("provider")["provider"]
    certificate, key = folder / "provider.crt", folder / "provider.key"
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=provider"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *asked.split(), *names], check=True, capture_output=True)
    process = BackgroundProcess(
        "provider",
        guarded([sys.executable, str(ROOT / "tests" / "cluster" / "openid_provider.py"), str(port)]),
        log=folder / "provider.log",
        folder=folder,
        environment={
            "PATH": os.environ["PATH"],
            "CLIENT_SECRET": "unused",
            "CERTIFICATE": str(certificate),
            "KEY": str(key),
        },
    )
    found = Provider(f"https://127.0.0.1:{port}", certificate)
    try:
        eventually(found.answers, f"the provider answers\n{process.log_tail()}")
        yield found
    finally:
        stop([process])


@pytest.fixture(scope="module")
def recording(provider: Provider) -> Recording:
    """Two tenants on AWS, whose people come from the provider."""
    stack = without_tenants(FILE)
    identity = {"issuerUrl": provider.issuer, "clientId": CLIENT}
    cloud = {**stack["cloud"], "access": {**stack["cloud"]["access"], "identityProvider": identity}}
    tenants = [tenant("vision", groups=["ml-vision"]), tenant("audio", groups=["ml-audio"])]
    return record({**stack, "cloud": cloud, "tenants": tenants})


def flags(recording: Recording, provider: Provider) -> list[str]:
    """What EKS is told, as a plain API server hears it."""
    (config,) = (each for each in recording.resources if each.type.endswith(":IdentityProviderConfig"))
    told: Mapping[str, str] = config.inputs["oidc"]
    names = {
        "issuerUrl": "issuer-url",
        "clientId": "client-id",
        "usernameClaim": "username-claim",
        "usernamePrefix": "username-prefix",
        "groupsClaim": "groups-claim",
        "groupsPrefix": "groups-prefix",
    }
    assert set(told) == {*names, "identityProviderConfigName"}
    return [*(f"--oidc-{flag}={told[key]}" for key, flag in names.items()), f"--oidc-ca-file={provider.certificate}"]


@pytest.fixture(scope="module")
def access(programs: None, provider: Provider, recording: Recording, progress: Progress) -> Generator[ClusterAccess]:
    with embedded_cluster(progress, flags(recording, provider)) as found:
        api = ApiServer(found)
        for kind in ("Namespace", "ClusterRole", "RoleBinding"):
            for resource in objects(recording, kind):
                api.apply(revealed(resource.inputs))
        yield found


@dataclass(frozen=True)
class Person:
    """Somebody at kubectl."""

    api: ClusterApi

    def status(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> int:
        try:
            self.api.call(method, path, body=body)
        except ApiError as error:
            return error.status
        return 200


@pytest.fixture
def signed_in(access: ClusterAccess, provider: Provider, tmp_path: Path) -> "SignIn":
    return SignIn(access, provider, tmp_path)


@dataclass(frozen=True)
class SignIn:
    """From a token to a kubeconfig."""

    access: ClusterAccess
    provider: Provider
    folder: Path

    def __call__(self, *groups: str, **claims: Any) -> Person:
        cluster = json.loads(self.access.kubeconfig.read_text())["clusters"][0]["cluster"]
        token = self.provider.token(*groups, **claims)
        file = self.folder / "kubeconfig"
        file.write_text(kubeconfig.for_token(cluster["server"], Path(cluster["certificate-authority"]), token))
        return Person(ClusterApi(file, None))


def a_job(name: str) -> dict[str, Any]:
    container = {"name": "main", "image": "ghcr.io/acme/train:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}}


class TestAMemberOfATenantsGroup:
    @pytest.fixture
    def ada(self, signed_in: SignIn) -> Person:
        person = signed_in("ml-vision", "staff")
        # The API server reads the provider's keys when it starts, and counts nobody as known before.
        eventually(lambda: person.status("get", PODS.format("vision")) != 401, "the API server knows the provider")
        return person

    def test_sees_pods_and_starts_jobs_in_the_tenants_namespace(self, ada: Person) -> None:
        assert ada.status("get", PODS.format("vision")) == 200
        assert ada.status("post", JOBS, a_job("train")) == 200
        assert ada.status("delete", f"{JOBS}/train") == 200

    def test_sees_nothing_of_another_tenant(self, ada: Person) -> None:
        assert ada.status("get", PODS.format("audio")) == 403
        assert ada.status("post", JOBS.replace("vision", "audio"), a_job("train")) == 403
        assert ada.status("get", "/api/v1/pods") == 403

    def test_reads_no_secret_and_runs_nothing_in_a_pod(self, ada: Person) -> None:
        assert ada.status("get", "/api/v1/namespaces/vision/secrets") == 403
        assert ada.status("post", f"{PODS.format('vision')}/any/exec") == 403

    def test_is_known_by_address_and_groups_under_a_prefix(self, ada: Person) -> None:
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        said: Any = ada.api.call("post", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=asked)
        assert said["status"]["userInfo"]["username"] == "oidc:ada@example.com"
        assert {"oidc:ml-vision", "oidc:staff"} <= set(said["status"]["userInfo"]["groups"])

    def test_is_out_with_the_next_token_after_leaving_the_group(self, ada: Person, signed_in: SignIn) -> None:
        left = signed_in("staff")
        assert left.status("get", PODS.format("vision")) == 403
        assert left.status("post", JOBS, a_job("late")) == 403


class TestSomebodyElse:
    @pytest.mark.parametrize("group", ["system:masters", "system:authenticated", "oidc:ml-vision"])
    def test_becomes_nobody_by_the_name_of_a_group(self, group: str, signed_in: SignIn) -> None:
        person = signed_in(group)
        eventually(lambda: person.status("get", "/api/v1/nodes") != 401, "the API server knows the provider")
        assert person.status("get", "/api/v1/nodes") == 403
        assert person.status("get", PODS.format("vision")) == 403

    @pytest.mark.parametrize(
        "claims", [{"aud": "another"}, {"exp": 1}, {"email_verified": False}], ids=lambda claims: next(iter(claims))
    )
    def test_is_unknown_with_a_token_that_is_not_for_this(self, claims: dict[str, Any], signed_in: SignIn) -> None:
        known = signed_in("ml-vision")
        eventually(lambda: known.status("get", PODS.format("vision")) == 200, "the API server knows the provider")
        assert signed_in("ml-vision", **claims).status("get", PODS.format("vision")) == 401
