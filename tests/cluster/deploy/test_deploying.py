"""From a folder to pods, and back to nothing, by a member with the rights of the tenant's role alone."""

from pathlib import Path

import pytest

from cluster.deploy.people import IMAGE, TENANT, Person, write

pytestmark = pytest.mark.enable_socket
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{TENANT}/deployments"


class TestADeploy:
    def test_goes_from_a_folder_to_ready_pods(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        folder = write(tmp_path / "app", app_name)
        done = alice.runs("deploy", str(folder), "--image", IMAGE, "--wait", "--timeout", "60", "-o", "json")
        assert done.code == 0, done.said
        told = done.json
        assert [step["name"] for step in told["steps"]] == ["build", "push", "apply", "roll out", "smoke test"]
        assert [step["outcome"] for step in told["steps"]] == ["skipped", "skipped", "done", "done", "skipped"]
        assert (told["status"], told["progress"], told["version"]) == ("Healthy", 100, 1)
        found = alice.runs("-o", "json", "deploy", "get", app_name).json
        assert found["memory_request"] == found["memory_limit"] == "256Mi"
        assert (found["owned_by"], found["image"], found["ready_replicas"]) == ("member", IMAGE, 1)
        assert found["deployment_id"] == told["deployment_id"]
        assert "Healthy" in alice.runs("deploy", "status", app_name).out
        assert "is well" in alice.runs("why", app_name).out
