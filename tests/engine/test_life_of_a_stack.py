"""The local stack from nothing to nothing under the real engine, as production runs it.

The tests share one stack, in the order of its life; each says first how the stack must stand, which costs nothing where
it already does.
"""

import copy
import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.objects import Object, ObjectKey
from bedplate.plans.planning import without
from engine.leftovers import held_back
from engine.project import Plan, Project, Stack, Steps, planned, stack_file
from harness import ROOT, job, model_api, tenant

pytestmark = pytest.mark.enable_socket

BASE = stack_file(ROOT / "stacks" / "Pulumi.local.yaml")
Inventory = Mapping[ObjectKey, Object]


def with_tenant(added: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(BASE)
    changed["config"]["bedplate:platform"]["tenants"].append(added)
    return changed


def without_tenant(name: str) -> dict[str, Any]:
    changed = copy.deepcopy(BASE)
    changed["config"]["bedplate:platform"] = without(changed["config"]["bedplate:platform"], name)
    return changed


def with_image(image: str) -> dict[str, Any]:
    changed = copy.deepcopy(BASE)
    workload = changed["config"]["bedplate:platform"]["tenants"][0]["workloads"][0]
    workload["image"] = f"{workload['image'].rpartition(':')[0]}:{image}"
    return changed


READER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "label-reader", "namespace": "vision"},
}


class Life:
    """The stack, and how it stands."""

    def __init__(self, stack: Stack, cluster: ApiServer, before: Inventory) -> None:
        self.stack, self.cluster, self.before = stack, cluster, before
        self._stands: Mapping[str, Any] = {}

    def becomes(self, written: Mapping[str, Any]) -> Steps:
        """Brings the stack up as written; returns what that did."""
        self.stack.write(written)
        self._stands = copy.deepcopy(written)
        return self.stack.up()

    def stands(self, written: Mapping[str, Any]) -> None:
        if self._stands != written:
            self.becomes(written)

    def plan(self, written: Mapping[str, Any]) -> Plan:
        """What would be done, with the stack left as it is."""
        self.stack.write(written)
        try:
            return self.stack.preview()
        finally:
            self.stack.write(self._stands or written)

    def left(self) -> set[ObjectKey]:
        """What the stack has left in the cluster."""
        return self.cluster.inventory().keys() - self.before.keys()


@pytest.fixture(scope="module")
def life(project: Project, cluster: ApiServer) -> Generator[Life]:
    life = Life(project.stack("local", BASE), cluster, cluster.inventory())
    yield life
    # After a failure, for the tests of other stacks on this cluster.
    if life.stack.state():
        life.stack.destroy()


def bedplate(*arguments: str, stdin: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("bedplate")), *arguments]
    return subprocess.run(command, input=stdin, cwd=folder, capture_output=True, text=True, check=False)


def names(urns: set[str]) -> set[str]:
    return {urn.rpartition("::")[2] for urn in urns}


OF_ALL_TENANTS = {"platform-logs-readers"}
"""Who may read whose lines, by user and role: all that stands beside a tenant and knows it."""
ADDED = tenant(
    "depots",
    model_api("forms", image="ghcr.io/nordwind/forms:2.0.1", route={"access": "browser"}),
    job("count", image="ghcr.io/nordwind/count:1.1.0", schedule="0 3 * * *"),
)


class TestTheLifeOfAStack:
    def test_is_planned_as_creations_alone(self, life: Life) -> None:
        plan = life.plan(BASE)
        assert set(planned(plan)) == {"create"}
        assert bedplate("guard", "-", stdin=json.dumps(plan)).returncode == 0

    def test_comes_up(self, life: Life) -> None:
        done = life.becomes(BASE)
        assert set(done) == {"create"}
        pods = life.cluster.objects("v1", "Pod")
        assert {pod["metadata"]["namespace"] for pod in pods} >= {"vision", "routing", "bedplate-front-door"}

    def test_stays_as_it_is(self, life: Life) -> None:
        life.stands(BASE)
        assert life.stack.up("--expect-no-changes") == {}

    def test_is_there_as_it_is_known(self, life: Life) -> None:
        life.stands(BASE)
        life.stack.refresh("--expect-no-changes")
        assert planned(life.stack.preview("--expect-no-changes")) == {}

    def test_a_tenant_more_touches_nobody_else(self, life: Life) -> None:
        life.stands(BASE)
        done = life.becomes(with_tenant(ADDED))
        assert set(done) == {"create", "update"}
        assert names(done["update"]) == OF_ALL_TENANTS
        assert len(done["create"]) > 10
        assert all("depots" in name for name in names(done["create"]))

    def test_a_tenant_less_touches_nobody_else(self, life: Life) -> None:
        life.stands(with_tenant(ADDED))
        done = life.becomes(BASE)
        assert set(done) == {"delete", "update"}
        assert names(done["update"]) == OF_ALL_TENANTS
        assert all("depots" in name for name in names(done["delete"]))
        assert not [key for key in life.left() if "depots" in (key.name, key.namespace)]

    def test_another_image_is_rolled_out(self, life: Life) -> None:
        life.stands(BASE)
        done = life.becomes(with_image("4.2.2"))
        assert set(done) == {"update"}
        assert all("label-reader" in name for name in names(done["update"]))
        deployment = life.cluster.get(READER)
        assert deployment is not None
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "registry.nordwind.example/vision/label-reader:4.2.2"

    def test_a_secret_is_rotated(self, life: Life) -> None:
        life.stands(BASE)
        before = life.stack.file.read_text()
        life.stack.run("config", "set", "--secret", "bedplate:loginClientSecret", "another-one", "-s", life.stack.name)
        plan = json.dumps(life.stack.preview())
        done = life.stack.up()
        life.stack.file.write_text(before)
        life._stands = {}
        assert {urn.rsplit("::", 2)[1].rpartition("$")[2] for urn in done["update"]} == {
            "kubernetes:core/v1:Secret",
            "kubernetes:apps/v1:Deployment",
        }
        assert set(done) == {"update"}
        assert len(done["update"]) == 2
        assert "another-one" not in plan
        assert "another-one" not in json.dumps(life.stack.state())

    def test_the_guard_refuses_to_lose_a_disk(self, life: Life) -> None:
        life.stands(BASE)
        plan = life.plan(without_tenant("vision"))
        guarded = bedplate("guard", "-", stdin=json.dumps(plan))
        assert guarded.returncode == 3, guarded.stdout + guarded.stderr
        assert "DATA LOST" in guarded.stdout + guarded.stderr

    def test_goes_and_leaves_what_it_keeps(self, life: Life) -> None:
        life.stands(BASE)
        life.stack.destroy()
        assert life.stack.state() == {}
        assert held_back(life.cluster) == []
        left = {key.kind for key in life.left()}
        # Disks only where a pod has used them.
        assert left - {"PersistentVolume"} == {"CustomResourceDefinition"}
