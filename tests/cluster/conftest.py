"""A cluster for the tests of this folder: the embedded one, or that of the context in BEDPLATE_TEST_CONTEXT."""

import os
import shutil
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster, existing_cluster
from bedplate.errors import RehearsalError
from bedplate.programs import built

Progress = Callable[[str], None]
_SHARED = pytest.StashKey[tuple[ClusterAccess, set[str]]]()
"""The cluster that most tests use, while there is one, and what was there at first."""
_RULES = "admissionregistration.k8s.io/v1"
_SEEN_BY_ALL = (
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "PersistentVolume"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("storage.k8s.io/v1", "StorageClass"),
    (_RULES, "ValidatingAdmissionPolicy"),
    (_RULES, "ValidatingAdmissionPolicyBinding"),
    (_RULES, "ValidatingWebhookConfiguration"),
    (_RULES, "MutatingWebhookConfiguration"),
)


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
        request.config.stash[_SHARED] = (access, objects_of(access))
        yield access
        del request.config.stash[_SHARED]


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing(request: pytest.FixtureRequest) -> Generator[None]:
    """Fails the module that leaves something on the shared cluster, and not one that comes after it."""
    yield
    if shared := request.config.stash.get(_SHARED, None):
        access, before = shared
        left = eventually_none(lambda: objects_of(access) - before, seconds=60)
        request.config.stash[_SHARED] = (access, before | left)
        assert not left, f"left on the cluster that all tests share: {', '.join(sorted(map(str, left)))}"


def objects_of(access: ClusterAccess) -> set[str]:
    """Those of the kinds that other tests stumble over, each as `KIND NAME`."""
    api = ApiServer(access)
    return {f"{kind} {key.name}" for version, kind in _SEEN_BY_ALL for key in api.names(version, kind)}


def eventually_none(found: Callable[[], set[str]], seconds: float) -> set[str]:
    """What is still there after so many seconds: a namespace takes some to go."""
    ends = time.monotonic() + seconds
    while (left := found()) and time.monotonic() < ends:
        time.sleep(0.5)
    return left
