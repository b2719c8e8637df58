"""A platform over two stacks, as docs/guides/split-stacks.md says it: each has a life of its own."""

import json
from collections.abc import Generator

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from engine.leftovers import held_back
from engine.project import Project, Stack, planned
from harness import job, model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

PASSWORD = {"DB_PASSWORD": {"external": "database", "key": "password"}}
TENANTS = [
    tenant("vision", model_api("reader", secretEnv=PASSWORD)),
    tenant("planning", job("refit", schedule="0 1 * * *")),
]
SECRETS = {"store": "kubernetes"}


@pytest.fixture
def lower(project: Project) -> Generator[Stack]:
    """The services of the platform, up."""
    stack = project.stack(
        "below", {"config": {"bedplate:platform": platform(*TENANTS, layers=["services"], secrets=SECRETS)}}
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


@pytest.fixture
def upper(project: Project, lower: Stack) -> Generator[Stack]:
    """Its tenants, up, with the facts that the other stack exports."""
    facts = json.loads(lower.run("stack", "output", "facts", "--json", "-s", lower.name).stdout)
    cloud = {key: value for key, value in platform()["cloud"].items() if key != "storageClasses"}
    written = platform(*TENANTS, layers=["tenants"], cloud={**cloud, "facts": facts})
    stack = project.stack("above", {"config": {"bedplate:platform": written}})
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


def test_come_up_from_below_and_go_from_above(cluster: ApiServer, lower: Stack, upper: Stack) -> None:
    tenants = {key.name for key in cluster.inventory() if key.kind == "Namespace"}
    assert {"vision", "planning"} <= tenants
    assert not lower.state().keys() & upper.state().keys()
    for stack in (lower, upper):
        assert planned(stack.preview("--expect-no-changes")) == {}
    upper.destroy()
    assert held_back(cluster) == []
    assert not {"vision", "planning"} & {key.namespace or key.name for key in cluster.inventory()}
    assert planned(lower.preview("--refresh", "--expect-no-changes")) == {}
