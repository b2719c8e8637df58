"""The local stack under the real engine: the production way, against the embedded control plane.

Needs the Pulumi CLI on PATH and its Kubernetes plugin; skips with the reason where either is missing.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from bedplate.embedded_cluster.cluster import embedded_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.rehearsal.rehearse import simulated_pools, storage_classes
from bedplate.stack_file.reading import load
from harness import ROOT

pytestmark = pytest.mark.enable_socket

STACK = ROOT / "stacks" / "Pulumi.local.yaml"


class Engine:
    """The Pulumi CLI on a copy of the project with a state of its own."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.project = folder / "project"
        state = folder / "state"
        state.mkdir()
        shutil.copytree(ROOT, self.project, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git", ".tools"))
        (self.project / ".venv").symlink_to(ROOT / ".venv")
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "of no importance",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.run("stack", "init", "local")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    if shutil.which("pulumi") is None:
        pytest.skip("the Pulumi CLI is not on PATH: https://www.pulumi.com/docs/install/")
    spec = load(STACK).spec
    with (
        embedded_cluster(lambda _: None) as access,
        simulated_cluster(access, simulated_pools(spec), storage_classes(spec), lambda _: None),
    ):
        yield Engine(tmp_path_factory.mktemp("engine"), access.kubeconfig)


def test_the_local_stack_comes_up_stays_unchanged_and_goes(engine: Engine) -> None:
    planned = json.loads(engine.run("preview", "-s", "local", "--json"))
    assert set(planned["changeSummary"]) == {"create"}
    engine.run("up", "-s", "local", "--yes", "--skip-preview")
    engine.run("preview", "-s", "local", "--expect-no-changes")
    engine.run("refresh", "-s", "local", "--yes")
    engine.run("preview", "-s", "local", "--expect-no-changes")
    engine.run("destroy", "-s", "local", "--yes")
    assert json.loads(engine.run("stack", "export", "-s", "local"))["deployment"].get("resources", []) == []
