"""A platform over two stacks, as docs/guides/split-stacks.md says it: each has a life of its own."""

import json

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from engine.leftovers import held_back
from engine.project import Project, planned
from harness import job, model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

TENANTS = [tenant("vision", model_api("reader")), tenant("planning", job("refit", schedule="0 1 * * *"))]


def test_come_up_from_below_and_go_from_above(project: Project, cluster: ApiServer) -> None:
    before = cluster.inventory().keys()
    written = platform(*TENANTS, layers=["services"])
    lower = project.stack("below", {"config": {"bedplate:platform": written}})
    lower.up()
    facts = json.loads(lower.run("stack", "output", "facts", "--json", "-s", lower.name).stdout)
    cloud = {key: value for key, value in written["cloud"].items() if key != "storageClasses"}
    above = platform(*TENANTS, layers=["tenants"], cloud={**cloud, "facts": facts})
    upper = project.stack("above", {"config": {"bedplate:platform": above}})
    made = upper.up()["create"]
    assert {name for name in ("vision", "planning") if any(f"::platform/{name}" in urn for urn in made)} == {
        "vision",
        "planning",
    }
    assert not lower.state().keys() & upper.state().keys()
    for stack in (lower, upper):
        assert planned(stack.preview("--expect-no-changes")) == {}
    upper.destroy()
    assert planned(lower.preview("--refresh", "--expect-no-changes")) == {}
    lower.destroy()
    assert held_back(cluster) == []
    assert cluster.inventory().keys() == before
