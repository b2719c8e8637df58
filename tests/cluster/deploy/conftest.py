"""One tenant on a real API server with simulated nodes, and people who deploy there with a kubeconfig of their own."""

import json
import os
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
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from cluster.deploy.kubelet import running_kubelet
from cluster.deploy.people import TENANT, Person
from cluster.guardrails.guarded import LIMITS, image, manifest, refusal
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from harness import LOGIN, job, model_api, platform, program, tenant


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
        images={"registry": f"{host}/ml/"},
        login=LOGIN,
        certificates={"issuer": "internal"},
    )


@pytest.fixture(scope="package")
def cluster_access(programs: None, progress: Callable[[str], None]) -> Generator[ClusterAccess]:
    """A cluster of this folder's own: its namespaces have fixed names, and its nodes a kubelet of the tests."""
    if os.environ.get("BEDPLATE_TEST_CONTEXT"):
        pytest.skip("it makes namespaces of fixed names on an embedded control plane of its own")
    with embedded_cluster(progress) as access:
        yield access


@pytest.fixture(scope="package")
def registry_port() -> int:
    """Where the stack says that its tenants' images are; a test that builds some starts a registry there."""
    return free_ports("images")["images"]


@pytest.fixture(scope="package")
def platform_up(
    cluster_access: ClusterAccess, registry_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ApiServer]:
    """The stack on its cluster, with the guardrails enforced; it goes with the cluster."""
    api = ApiServer(cluster_access)
    recording = run(program(stack(registry_port)), RecordingBackend(), is_preview=False)
    Definitions(api).create(recording)
    assert apply(api, recording.resources).problems == []
    probe = manifest("Pod", image("docker.io/evil/app:1"))
    probe["metadata"]["namespace"] = TENANT
    eventually(lambda: refusal(api, probe), "the rules are enforced")
    calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
    with running_kubelet(calls, tmp_path_factory.mktemp("kubelet")):
        yield api


@pytest.fixture
def admin(platform_up: ApiServer, cluster_access: ClusterAccess) -> ClusterApi:
    """The administrator, who plays the kubelet too."""
    assert platform_up
    return ClusterApi(cluster_access.kubeconfig, cluster_access.context)


@pytest.fixture
def people(platform_up: ApiServer, cluster_access: ClusterAccess, tmp_path: Path) -> Callable[..., Person]:
    """Makes somebody with a kubeconfig, by name and groups."""
    assert platform_up
    whole = json.loads(cluster_access.kubeconfig.read_text())
    context = cluster_access.context or whole["current-context"]

    def person(name: str = "alice@example.com", *groups: str) -> Person:
        config = json.loads(single_context(cluster_access.kubeconfig, context))
        config["users"][0]["user"] |= {"as": name, "as-groups": [*groups, "system:authenticated"]}
        config["contexts"][0]["context"]["namespace"] = TENANT
        file = tmp_path / f"{uuid.uuid4().hex}.kubeconfig"
        file.write_text(json.dumps(config))
        return Person(name=name, kubeconfig=file)

    return person


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
