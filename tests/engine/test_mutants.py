"""Mistakes that the other tests of this folder are there for: each is made here once, and found by its name."""

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from engine.leftovers import held_back
from engine.project import Project, Stack, planned
from harness import model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

WRITTEN = {"config": {"bedplate:platform": platform(tenant("vision", model_api("reader")))}}
AT_RANDOM = """
import uuid
from bedplate.workloads import model_api

_written = model_api.deployment


def _at_random(*args, **more):
    deployment = _written(*args, **more)
    deployment["spec"]["template"]["metadata"].setdefault("annotations", {})["example.com/run"] = uuid.uuid4().hex
    return deployment


model_api.deployment = _at_random
"""
UNKNOWN = """
pulumi.CustomResource("random:index/randomPet:RandomPet", "pet", {"length": 2})
"""


@pytest.fixture
def program(project: Project) -> Generator[Path]:
    """The project's program, for the test to spoil."""
    program = project.root / "platform" / "__main__.py"
    written = program.read_text()
    yield program
    program.write_text(written)


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> Generator[Stack]:
    stack = project.stack(f"mutant-{abs(hash(request.node.name)) % 10000}", WRITTEN)
    try:
        yield stack
    finally:
        stack.destroy()


def test_a_template_that_is_not_deterministic_never_stays_as_it_is(stack: Stack, program: Path) -> None:
    program.write_text(AT_RANDOM + program.read_text())
    stack.up()
    changed = planned(stack.preview())
    assert {urn.rpartition("::")[2] for urn in changed["update"]} == {"platform/vision/reader-deployment"}


def test_a_resource_that_the_embedded_engine_does_not_know_is_refused(stack: Stack, program: Path) -> None:
    program.write_text(program.read_text() + UNKNOWN)
    command = [str(Path(sys.executable).with_name("bedplate")), "preview", stack.name]
    done = subprocess.run(command, cwd=program.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "random:index/randomPet:RandomPet ('pet')" in done.stderr


def test_a_finalizer_that_stays_is_named(stack: Stack, cluster: ApiServer, access: ClusterAccess) -> None:
    stack.up()
    held: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "vision", "finalizers": ["example.com/nobody"]},
    }
    cluster.create(held)
    try:
        with stack.start("destroy", "-s", stack.name, "--yes", "--skip-preview") as destroying:
            deadline = time.monotonic() + 60
            while not (waiting := held_back(cluster)) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert waiting == ["ConfigMap vision/held waits for example.com/nobody"]
            assert destroying.poll() is None
            destroying.send_signal(signal.SIGINT)
            destroying.wait(60)
    finally:
        path = "/api/v1/namespaces/vision/configmaps/held"
        headers = {"Content-Type": "application/merge-patch+json"}
        ClusterApi(access.kubeconfig, access.context).call(
            "patch", path, body={"metadata": {"finalizers": []}}, headers=headers
        )
