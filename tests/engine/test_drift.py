"""What Pulumi finds, and puts back, of what people change in the cluster by hand."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from engine.project import Project, Stack
from harness import ROOT, model_api, platform, tenant

pytestmark = pytest.mark.enable_socket

QUOTA = "/api/v1/namespaces/vision/resourcequotas/tenant"
DEPLOYMENT = "/apis/apps/v1/namespaces/planning/deployments/scorer"
POLICY = "/apis/networking.k8s.io/v1/namespaces/planning/networkpolicies/internet"
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


def read(api: ClusterApi, path: str) -> dict[str, Any]:
    return dict(api.get(path))


def edited(api: ClusterApi, path: str, change: Mapping[str, Any], who: str) -> None:
    """As `who` writes it: kubectl calls itself kubectl-edit, kubectl-patch, kubectl."""
    headers = {"Content-Type": "application/merge-patch+json"}
    api.call("patch", path, body=change, query={"fieldManager": who}, headers=headers)


def taking_over(stack: Stack, *arguments: str) -> str:
    """What the command prints where the provider takes fields over."""
    return stack.run(*arguments, "-s", stack.name, "--refresh", PULUMI_K8S_ENABLE_PATCH_FORCE="true").stdout


def shown(stack: Stack) -> str:
    """What `pulumi preview --refresh --json | bedplate guard -` shows, where fields are taken over."""
    command = [str(Path(sys.executable).with_name("bedplate")), "guard", "-"]
    plan = taking_over(stack, "preview", "--json")
    done = subprocess.run(command, input=plan, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class TestDrift:
    def test_is_shown_by_tenant_and_put_back(self, stack: Stack, api: ClusterApi) -> None:
        edited(api, QUOTA, {"spec": {"hard": {"requests.cpu": "999"}}}, "kubectl-edit")
        edited(api, f"{DEPLOYMENT}/scale", {"spec": {"replicas": 3}}, "kubectl")
        api.delete(POLICY)
        said = shown(stack)
        assert "vision" in said
        assert "999" in said
        assert "internet" in said
        taking_over(stack, "up", "--yes", "--skip-preview")
        assert "999" not in json.dumps(read(api, QUOTA)["spec"])
        assert read(api, POLICY)["metadata"]["name"] == "internet"
        assert read(api, DEPLOYMENT)["spec"]["replicas"] == 3

    def test_of_another_client_is_taken_over_when_that_is_asked(self, stack: Stack, api: ClusterApi) -> None:
        edited(api, QUOTA, {"spec": {"hard": {"requests.cpu": "999"}}}, "somebody-else")
        done = stack.run("up", "-s", stack.name, "--yes", "--skip-preview", "--refresh", succeeds=False)
        assert "conflict" in done.stdout + done.stderr
        assert "somebody-else" in done.stdout + done.stderr
        taking_over(stack, "up", "--yes", "--skip-preview")
        assert "999" not in json.dumps(read(api, QUOTA)["spec"])
