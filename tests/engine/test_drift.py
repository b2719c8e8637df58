"""A field that another program changed: the update stops at it, and takes it over when that is asked."""

import json
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from engine.project import Project, Stack
from harness import model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

QUOTA = "/api/v1/namespaces/vision/resourcequotas/tenant"
WRITTEN = {
    "config": {
        "bedplate:platform": platform(
            tenant("vision", model_api("reader")),
            tenant("planning", model_api("scorer", replicas={"min": 2, "max": 4})),
        )
    }
}


@pytest.fixture(scope="module")
def api(access: ClusterAccess) -> ClusterApi:
    return ClusterApi(access.kubeconfig, access.context)


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> Generator[Stack]:
    stack = project.stack(f"drift-{request.node.name.replace('_', '-')[-20:]}", WRITTEN)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


def edited(api: ClusterApi, path: str, change: Mapping[str, Any], who: str) -> None:
    """As `who` writes it: kubectl calls itself kubectl-edit, kubectl-patch, kubectl."""
    headers = {"Content-Type": "application/merge-patch+json"}
    api.call("patch", path, body=change, query={"fieldManager": who}, headers=headers)


class TestDrift:
    def test_of_another_client_is_taken_over_when_that_is_asked(self, stack: Stack, api: ClusterApi) -> None:
        edited(api, QUOTA, {"spec": {"hard": {"requests.cpu": "999"}}}, "somebody-else")
        done = stack.run("up", "-s", stack.name, "--yes", "--skip-preview", "--refresh", succeeds=False)
        assert "conflict" in done.stdout + done.stderr
        stack.run(
            *("up", "-s", stack.name, "--yes", "--skip-preview", "--refresh"), PULUMI_K8S_ENABLE_PATCH_FORCE="true"
        )
        hard = api.get(QUOTA)["spec"]
        assert "999" not in json.dumps(hard)
