"""Clusters around commands: the embedded one or somebody's own, with the stack's nodes simulated."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import WITHOUT_WEBHOOKS, ClusterAccess, embedded_cluster, existing_cluster
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project
from bedplate.rehearsal.operator_programs import Programs, programs_of
from bedplate.rehearsal.operators import Operators, brings_nodes, places_in
from bedplate.rehearsal.rehearse import Rehearsal, growing_pools, simulated_pools, storage_classes
from bedplate.rehearsal.report import RehearsalReport
from bedplate.rehearsal.trial import STALLED_SECONDS
from bedplate.stack_file.reading import Stack

Progress = Callable[[str], None]
STALLED_SECONDS_OF_NODES = 45.0
"""Where nodes come from nothing: Karpenter looks every 10 s for what can go, and after 15 s once more."""


def rehearse_stack(
    project: Project,
    stack: Stack,
    context: str | None,
    definitions: Path | None,
    progress: Progress,
    *,
    with_operators: bool = False,
) -> RehearsalReport:
    """A rehearsal of the stack on a cluster made for it, or on the one of `context`. Raises RehearsalError.

    definitions: folder of real definitions of custom kinds. with_operators: operators run beside the cluster, which is
    then the embedded one.
    """
    program = program_of(project, stack)
    programs = _programs(program, progress) if with_operators else None
    growing = growing_pools(stack.spec) if programs and brings_nodes(programs) else []
    started = time.monotonic()
    with _cluster(stack, context, progress, simulated_pools(stack.spec, growing)) as access:
        ready = time.monotonic() - started
        operators = Operators(ApiServer(access), access, programs, growing, progress) if programs else None
        rehearsal = Rehearsal(
            program=program,
            without=lambda tenant: program_of(project, stack, without_tenant=tenant),
            spec=stack.spec,
            access=access,
            progress=progress,
            definitions_folder=definitions,
            operators=operators,
            stalled_seconds=STALLED_SECONDS_OF_NODES if growing else STALLED_SECONDS,
        )
        rehearsal.report.seconds["cluster"] = ready
        report = rehearsal.perform()
        if context is None:
            progress("stopping the cluster")
    report.seconds["total"] = time.monotonic() - started
    return report


def keep_cluster(stack: Stack, progress: Progress) -> None:
    """A simulated cluster until the process is interrupted; charts with webhooks can be installed on it."""
    with _cluster(stack, None, progress, simulated_pools(stack.spec), WITHOUT_WEBHOOKS) as access:
        progress("admission webhooks are not asked: the pods that would answer are simulated")
        progress(f"Kubernetes {access.version} is ready; in another terminal: export KUBECONFIG={access.kubeconfig}")
        progress("Ctrl-C stops it and removes everything")
        threading.Event().wait()


def _programs(program: Program, progress: Progress) -> Programs:
    """Those of the operators that the stack has a place for."""
    recording = run(program, RecordingBackend(), is_preview=False)
    operators = {place.operator.name: place.operator for place in places_in(recording)}
    return programs_of(list(operators.values()), progress)


@contextmanager
def _cluster(
    stack: Stack,
    context: str | None,
    progress: Progress,
    pools: Sequence[SimulatedPool],
    api_server_flags: Sequence[str] = (),
) -> Generator[ClusterAccess]:
    if context is not None:
        access = existing_cluster(context)
        with simulated_cluster(access, pools, storage_classes(stack.spec), progress):
            yield access
        return
    workloads = sum(len(tenant.workloads) for tenant in stack.spec.tenants)
    with (
        embedded_cluster(progress, api_server_flags, workloads) as access,
        simulated_cluster(access, pools, storage_classes(stack.spec), progress),
    ):
        yield access
