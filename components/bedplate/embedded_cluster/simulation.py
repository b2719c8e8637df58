"""Simulated nodes: pods are scheduled on them, run, complete and end, and volumes are provisioned; nothing executes.

Owns kwok (https://kwok.sigs.k8s.io), which plays the kubelets, and the life of all that is simulated. A cluster takes
one simulation at a time: names are fixed, so a second one would take over the nodes of the first.
"""

import contextlib
import importlib.resources
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.embedded_cluster.kubeconfig import single_context
from bedplate.embedded_cluster.nodes import SimulatedPool, simulated_nodes, unready_nodes
from bedplate.embedded_cluster.state import StateFolder, state_folder
from bedplate.embedded_cluster.volumes import PROVISIONER, simulated_volumes
from bedplate.errors import RehearsalError
from bedplate.programs import Progress, built
from bedplate.programs.processes import BackgroundProcess, guarded, stop

__all__ = ["SimulatedPool", "simulated_cluster"]

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.1
_STAGES = "stages.yaml"


@contextlib.contextmanager
def simulated_cluster(
    access: ClusterAccess,
    pools: Sequence[SimulatedPool],
    storage_classes: Mapping[str, str],
    progress: Progress,
) -> Generator[None]:
    """Nodes and storage that behave like real ones, ready for pods while the block lasts, and removed after it.

    storage_classes: from name to reclaim policy (`Delete` or `Retain`); classes that the cluster has are left as they
    are. Raises `RehearsalError` when the cluster refuses any of it or the nodes do not become ready.
    """
    program = built("kwok", progress)
    with contextlib.ExitStack() as running:
        try:
            _start(access, pools, storage_classes, program, running, progress)
        except ApiError as error:
            raise RehearsalError(
                f"nodes cannot be simulated on this cluster ({access.source}): {error}",
                "use credentials that may create nodes, storage classes and volumes: those of a cluster administrator.",
            ) from error
        yield


def _start(
    access: ClusterAccess,
    pools: Sequence[SimulatedPool],
    storage_classes: Mapping[str, str],
    program: Path,
    running: contextlib.ExitStack,
    progress: Progress,
) -> None:
    """Starts the simulation, to be stopped with `running`."""
    api = ClusterApi(access.kubeconfig, access.context)
    folder = running.enter_context(state_folder())
    # The nodes go while kwok still runs, so that it can end the pods on them.
    kwok = BackgroundProcess(
        "kwok",
        guarded([str(program), *_kwok_flags(access, folder)]),
        log=folder.logs / "kwok.log",
        folder=folder.path,
        # Otherwise it reads ~/.kwok/kwok.yaml as well.
        environment={**os.environ, "KWOK_WORKDIR": str(folder.path / "kwok")},
    )
    running.callback(stop, [kwok])
    running.enter_context(simulated_volumes(api, storage_classes, _provisioners(access)))
    names = running.enter_context(simulated_nodes(api, pools, access.version))
    _wait_until_ready(lambda: unready_nodes(api, names), len(names), kwok, folder, progress)


def _provisioners(access: ClusterAccess) -> Callable[[str], bool]:
    """On a cluster of its own a stack's storage classes name drivers that nobody runs; elsewhere somebody may."""
    return bool if access.is_disposable else PROVISIONER.__eq__


def _kwok_flags(access: ClusterAccess, folder: StateFolder) -> list[str]:
    kubeconfig = access.kubeconfig
    if access.context is not None:
        content = single_context(access.kubeconfig, access.context)
        kubeconfig = folder.write_private("kubeconfig", content)
    stages = (importlib.resources.files("bedplate.embedded_cluster") / _STAGES).read_text(encoding="utf-8")
    return [
        f"--kubeconfig={kubeconfig}",
        f"--config={folder.write_private(_STAGES, stages)}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",
        "--cidr=10.244.0.0/16",
        "--node-port=0",  # the kubelets' API, which it would serve on every interface
        "--server-address=",
    ]


def _wait_until_ready(
    unready: Callable[[], list[str]],
    total: int,
    kwok: BackgroundProcess,
    folder: StateFolder,
    progress: Progress,
) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    progress(f"waiting for {total} simulated nodes")
    while waiting := unready():
        if kwok.exit_code is not None or time.monotonic() > deadline:
            what = f"not after {_READY_SECONDS:.0f} s" if kwok.exit_code is None else "kwok ended"
            stop([kwok])
            raise RehearsalError(
                f"{len(waiting)} of {total} simulated nodes are not ready ({what}), such as {waiting[0]}. "
                f"The last lines of kwok:\n{kwok.log_tail()}",
                f"read the logs in {folder.keep_logs()}; "
                "the credentials must be allowed to change nodes, pods and leases.",
            )
        time.sleep(_POLL_SECONDS)
    progress(f"{total} simulated nodes are ready")
