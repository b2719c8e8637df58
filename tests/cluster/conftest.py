"""A cluster for the tests of this folder: the embedded one, or that of the context in BEDPLATE_TEST_CONTEXT."""

import os
import shutil
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster, existing_cluster
from bedplate.errors import RehearsalError
from bedplate.programs import built

Progress = Callable[[str], None]


@pytest.fixture(scope="session")
def progress(pytestconfig: pytest.Config) -> Progress:
    """Shows lines while the tests run: a first build takes minutes and must not look like a hang."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")

    def show(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    return show


@pytest.fixture(scope="session")
def programs(progress: Progress) -> None:
    """Both programs, built; the tests that need them are skipped where there is no Go to build them with."""
    try:
        built("control-plane", progress)
        built("kwok", progress)
    except RehearsalError as error:
        if shutil.which("go") is None:
            pytest.skip(f"{error} Tests take that name from BEDPLATE_TEST_CONTEXT.")
        raise


@pytest.fixture(scope="session")
def cluster_access(request: pytest.FixtureRequest, progress: Progress) -> Generator[ClusterAccess]:
    """A cluster without nodes of its own; tests must leave it as they found it."""
    context = os.environ.get("BEDPLATE_TEST_CONTEXT")
    if context:
        yield existing_cluster(context)
        return
    request.getfixturevalue("programs")
    with embedded_cluster(progress) as access:
        yield access
