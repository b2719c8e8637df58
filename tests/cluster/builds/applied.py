"""A cluster of a test's own, with a stack applied."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from harness import program


@contextmanager
def cluster_with(stack: dict[str, Any], progress: Callable[[str], None], *secrets: str) -> Generator[ClusterAccess]:
    """secrets: names of the config secrets there are."""
    with embedded_cluster(progress) as found:
        recording = run(program(stack, frozenset(secrets)), RecordingBackend(), is_preview=False)
        assert apply(ApiServer(found), recording.resources).problems == []
        yield found
