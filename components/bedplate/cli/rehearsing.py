"""Clusters around commands: the embedded one or somebody's own, with the stack's nodes simulated."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bedplate.embedded_cluster.cluster import WITHOUT_WEBHOOKS, ClusterAccess, embedded_cluster, existing_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project
from bedplate.rehearsal.rehearse import Rehearsal, simulated_pools, storage_classes
from bedplate.rehearsal.report import RehearsalReport
from bedplate.stack_file.reading import Stack

Progress = Callable[[str], None]


def rehearse_stack(
    project: Project, stack: Stack, context: str | None, definitions: Path | None, progress: Progress
) -> RehearsalReport:
    """A rehearsal of the stack on a cluster made for it, or on the one of `context`. Raises RehearsalError.

    definitions: folder of real definitions of custom kinds.
    """
    started = time.monotonic()
    with _cluster(stack, context, progress) as access:
        ready = time.monotonic() - started
        rehearsal = Rehearsal(
            program=program_of(project, stack),
            without=lambda tenant: program_of(project, stack, without_tenant=tenant),
            spec=stack.spec,
            access=access,
            progress=progress,
            definitions_folder=definitions,
        )
        rehearsal.report.seconds["cluster"] = ready
        report = rehearsal.perform()
        progress("stopping the cluster")
    report.seconds["total"] = time.monotonic() - started
    return report


def keep_cluster(stack: Stack, progress: Progress) -> None:
    """A simulated cluster until the process is interrupted; charts with webhooks can be installed on it."""
    with _cluster(stack, None, progress, WITHOUT_WEBHOOKS) as access:
        progress("admission webhooks are not asked: the pods that would answer are simulated")
        progress(f"Kubernetes {access.version} is ready; in another terminal: export KUBECONFIG={access.kubeconfig}")
        progress("Ctrl-C stops it and removes everything")
        threading.Event().wait()


@contextmanager
def _cluster(
    stack: Stack, context: str | None, progress: Progress, api_server_flags: Sequence[str] = ()
) -> Generator[ClusterAccess]:
    if context is not None:
        access = existing_cluster(context)
        with simulated_cluster(access, simulated_pools(stack.spec), storage_classes(stack.spec), progress):
            yield access
        return
    workloads = sum(len(tenant.workloads) for tenant in stack.spec.tenants)
    with (
        embedded_cluster(progress, api_server_flags, workloads) as access,
        simulated_cluster(access, simulated_pools(stack.spec), storage_classes(stack.spec), progress),
    ):
        yield access
