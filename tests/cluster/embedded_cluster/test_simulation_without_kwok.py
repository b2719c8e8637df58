"""A simulation whose kwok does not run; apart from the others, whose kwok would take its nodes for its own."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.errors import RehearsalError

pytestmark = pytest.mark.enable_socket


def test_a_simulation_says_so_when_kwok_cannot_run(
    cluster_access: ClusterAccess,
    progress: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kwok = tmp_path / "kwok"
    kwok.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    kwok.chmod(0o755)
    monkeypatch.setattr("bedplate.embedded_cluster.simulation.built", lambda name, progress: kwok)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(RehearsalError, match=r"2 of 2 .* not ready \(kwok ended\)[^$]*out of luck"),
        simulated_cluster(cluster_access, [SimulatedPool(name="general", nodes=2, cpu=1, memory_gib=1)], {}, progress),
    ):
        pass
