"""One tenant on a real API server with nodes of this machine, and people who deploy there with a kubeconfig of their
own."""

import base64
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.embedded_cluster.kubeconfig import single_context
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply, manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.services.login.authentication import PROXY, AuthenticationEndpoints
from cluster.builds.build_processes import Registry, base_image, buildkit, registry
from cluster.deploy.kubelet import Kubelet, running_kubelet
from cluster.deploy.people import TENANT, Person
from cluster.deploy.real_pods import Images, can_run_pods
from cluster.guardrails.guarded import LIMITS, image, manifest, refusal
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.processes_under_test import PROVIDER, Login, Visitor, free_ports, own_address, serving
from cluster.traefik_under_test import certificate, running_traefik, wildcard_secret
from harness import LOGIN, job, model_api, objects, platform, program, record, tenant
from programs_under_test import program_under_test

SECRETS = frozenset({"push"})
WEBSOCKETS = "--feature-gates=TranslateStreamCloseWebsocketRequests=false"
"""What is sent to pods reaches the kubelet as it comes: ours speaks WebSocket, and no SPDY."""


def stack(registry_port: int = 5000) -> dict[str, Any]:
    """One tenant with an app, a workspace, and a job of the stack's. registry_port: on this machine, of its images."""
    host = f"127.0.0.1:{registry_port}"
    quota = {"cpu": 12, "memoryGib": 24, "gpus": {}, "storageGib": 100, "pods": 20}
    volumes = [{"name": "data", "sizeGib": 10, "retain": False}]
    vision = tenant(
        TENANT,
        model_api("label-reader", cpu=0.1, memoryGib=0.25, replicas={"min": 1, "max": 1}),
        {
            "kind": "workspace",
            "name": "ines",
            "owner": "ines@example.com",
            "image": "ghcr.io/acme/lab:1",
            "cpu": 0.1,
            "memoryGib": 0.5,
            "openTo": "nobody",
            "alwaysOn": True,
            "buildsImages": True,
        },
        job("etl"),
        quota=quota,
        volumes=volumes,
    )
    return platform(
        vision,
        tenant("audio"),
        tenant("low-vision"),
        guardrails={**LIMITS, "approvedImages": [*LIMITS["approvedImages"], f"{host}/"]},
        images={
            "registry": f"{host}/ml/",
            "builds": {
                "credentials": {TENANT: {"username": TENANT, "passwordRef": "push"}},
                **{"cpu": 1, "memoryGib": 2, "diskGib": 5},
            },
        },
        login=LOGIN,
        certificates={"issuer": "internal"},
    )


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Who says who people are: its certificate and its key."""
    return certificate(tmp_path_factory.mktemp("authority"), "people")


@pytest.fixture(scope="session")
def cluster_access(
    programs: None, progress: Callable[[str], None], authority: tuple[Path, Path]
) -> Generator[ClusterAccess]:
    """A cluster of this folder's own: its namespaces have fixed names, and its nodes a kubelet of the tests."""
    if os.environ.get("BEDPLATE_TEST_CONTEXT"):
        pytest.skip("it makes namespaces of fixed names on an embedded control plane of its own")
    with embedded_cluster(progress, [f"--client-ca-file={authority[0]}", WEBSOCKETS]) as access:
        yield access


@pytest.fixture(scope="session")
def registry_port() -> int:
    """Where the stack says that its tenants' images are; a test that builds some starts a registry there."""
    return free_ports("images")["images"]


@pytest.fixture(scope="session")
def kubelet(cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Generator[Kubelet]:
    """Of two nodes."""
    calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
    with running_kubelet(calls, tmp_path_factory.mktemp("kubelet")) as running:
        yield running


@pytest.fixture(scope="session")
def platform_up(cluster_access: ClusterAccess, registry_port: int, kubelet: Kubelet) -> ApiServer:
    """The stack on its cluster, with the guardrails enforced; it goes with the cluster."""
    api = ApiServer(cluster_access)
    recording = run(program(stack(registry_port), SECRETS), RecordingBackend(), is_preview=False)
    Definitions(api).create(recording)
    assert apply(api, recording.resources).problems == []
    probe = manifest("Pod", image("docker.io/evil/app:1"))
    probe["metadata"]["namespace"] = TENANT
    eventually(lambda: refusal(api, probe), "the rules are enforced")
    return api


@pytest.fixture(scope="session")
def images(registry_port: int, kubelet: Kubelet, tmp_path_factory: pytest.TempPathFactory) -> Generator[Registry]:
    """The registry where the stack says that it is; pods of its images run."""
    can_run_pods()
    folder = tmp_path_factory.mktemp("images")
    with registry(folder, registry_port) as found:
        kubelet.serve_images(Images(found, folder), found.host)
        yield found
        kubelet.serve_images(None, "")


@pytest.fixture(scope="session")
def base(images: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Python, in that registry."""
    folder = tmp_path_factory.mktemp("base")
    with buildkit(folder / "buildkit", images.host) as builder:
        return base_image(builder, images.host, folder / "image")


@pytest.fixture(scope="session")
def visitor(
    platform_up: ApiServer, cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    """The front door with the stack's own middlewares, whose login is one of this process."""
    traefik, folder, address = program_under_test("traefik"), tmp_path_factory.mktemp("door"), own_address()
    found, key = certificate(folder, "*.ml.example.com")
    proxy = AuthenticationEndpoints(domain="ml.example.com", issuer=PROVIDER).proxy
    with serving(Login, address) as login:
        for resource in objects(record(stack(), SECRETS), "Middleware"):
            body = manifest_of(resource)
            if asking := body["spec"].get("forwardAuth"):
                asking["address"] = asking["address"].replace(proxy, f"http://{address}:{login}")
                platform_up.apply(body)
        platform_up.apply(wildcard_secret(found, key))
        platform_up.apply(endpoint_slice(PROXY, "bedplate-login", address, login))
        with running_traefik(traefik, cluster_access, platform_up, folder) as running:
            yield Visitor(running.https, found)


@pytest.fixture
def admin(platform_up: ApiServer, cluster_access: ClusterAccess) -> ClusterApi:
    """The administrator, who plays the kubelet too."""
    assert platform_up
    return ClusterApi(cluster_access.kubeconfig, cluster_access.context)


@pytest.fixture
def people(
    platform_up: ApiServer, cluster_access: ClusterAccess, authority: tuple[Path, Path], tmp_path: Path
) -> Callable[..., Person]:
    """Makes somebody with a kubeconfig, by name and groups."""
    assert platform_up
    whole = json.loads(cluster_access.kubeconfig.read_text())
    context = cluster_access.context or whole["current-context"]

    def person(name: str = "alice@example.com", *groups: str) -> Person:
        config = json.loads(single_context(cluster_access.kubeconfig, context))
        config["users"][0]["user"] = _signed(authority, tmp_path, name, groups)
        config["contexts"][0]["context"]["namespace"] = TENANT
        file = tmp_path / f"{uuid.uuid4().hex}.kubeconfig"
        file.write_text(json.dumps(config))
        return Person(name=name, kubeconfig=file)

    return person


def _signed(authority: tuple[Path, Path], folder: Path, name: str, groups: tuple[str, ...]) -> dict[str, str]:
    """What somebody shows: a certificate with his name and groups
    (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates)."""
    key, asked, signed = (folder / f"person.{end}" for end in ("key", "csr", "crt"))
    subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made = ["openssl", "req", "-new", *new, "-subj", subject, "-keyout", key, "-out", asked]
    sign = [
        "openssl",
        "x509",
        "-req",
        "-in",
        asked,
        "-CA",
        authority[0],
        "-CAkey",
        authority[1],
        "-days",
        "2",
        "-out",
        signed,
    ]
    for command in (made, [*sign, "-CAcreateserial"]):
        subprocess.run(command, check=True, capture_output=True)
    files = {"client-certificate-data": signed, "client-key-data": key}
    return {what: base64.b64encode(file.read_bytes()).decode() for what, file in files.items()}


@pytest.fixture
def alice(people: Callable[..., Person]) -> Person:
    """A member of the tenant."""
    return people("alice@example.com", f"ml-{TENANT}")


@pytest.fixture
def app_name(alice: Person) -> Iterator[str]:
    """A name of an app that is gone after the test."""
    name = f"app-{uuid.uuid4().hex[:6]}"
    yield name
    alice.runs("deploy", "destroy", name, "-y")
