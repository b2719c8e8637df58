"""One cluster, one project and the real engine for all tests of this folder."""

import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO, cast

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.programs import built
from engine.charts import write_charts
from engine.project import Project
from engine.toolchain import Toolchain, toolchain
from harness import ROOT


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    return toolchain(tmp_path_factory.mktemp("toolchain"))


@pytest.fixture(scope="session")
def access(programs: Toolchain) -> Generator[ClusterAccess]:
    """What `bedplate cluster local` keeps, by the command itself; after `programs`, without which nothing needs it."""
    for name in ("control-plane", "kwok"):
        built(name, lambda _: None)
    command = [str(Path(sys.executable).with_name("bedplate")), "cluster", "local"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield ClusterAccess(kubeconfig=_kubeconfig(process), context=None, version="", source="bedplate cluster")
        finally:
            process.terminate()


def _kubeconfig(process: "subprocess.Popen[str]") -> Path:
    """As the command tells people. The cluster's own deadlines bound the wait."""
    said: list[str] = []
    for line in cast(IO[str], process.stderr):
        said.append(line)
        if found := re.search(r"export KUBECONFIG=(\S+)", line):
            return Path(found[1])
    raise AssertionError(f"bedplate cluster ended: {''.join(said)}")


@pytest.fixture(scope="session")
def cluster(access: ClusterAccess) -> ApiServer:
    return ApiServer(access)


@pytest.fixture(scope="session")
def project(programs: Toolchain, access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Project:
    charts: Path = tmp_path_factory.mktemp("charts")
    write_charts(charts)
    return Project(tmp_path_factory.mktemp("project"), programs.environment(access.kubeconfig), charts)
