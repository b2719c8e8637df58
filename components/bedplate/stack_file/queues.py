"""What must hold between queued work, what serves beside it, and what a tenant may have.

Owns no numbers: quotas are the tenants', footprints the workloads'.
"""

from collections.abc import Iterator

from bedplate.config import left_to_queue
from bedplate.stack_file.parts import Parts, footprint_of, has
from bedplate.stack_file.problems import PathParts, Problem, number, shown
from bedplate.wording import counted


def trainings_have_a_queue(parts: Parts) -> Iterator[Problem]:
    """What starts all at once or not at all needs somebody who sees to it."""
    if parts.has_queues:
        return
    for path, _, workload in parts.with_workloads():
        footprint = footprint_of(workload)
        if footprint and footprint.is_gang:
            yield Problem(
                path=(*path, "kind"),
                message="it waits until there is room for all of its pods, and this stack has no queues",
                given=shown(str(getattr(workload, "kind", ""))),
                fix="add `queue: {}` beside `tenants` (and `services` to layers)",
            )
    for path, tenant in parts.with_tenants("quota"):
        if tenant.quota.borrowed_gpus:
            yield Problem(
                path=(*path, "quota", "borrowedGpus"),
                message="only queued work borrows, and this stack has no queues",
                fix="add `queue: {}` beside `tenants`, or remove this key",
            )


def borrowed_accelerators_are_there(parts: Parts) -> Iterator[Problem]:
    """What is borrowed is of a pool."""
    offered = parts.accelerators()
    if offered is None:
        return
    for path, tenant in parts.with_tenants("quota"):
        for accelerator in tenant.quota.borrowed_gpus:
            if accelerator not in offered:
                yield Problem(
                    path=(*path, "quota", "borrowedGpus", accelerator),
                    message="no node pool has this accelerator",
                    given=shown(accelerator),
                    allowed=", ".join(offered) or "none, there is no GPU pool",
                    fix="choose one of these, or add a pool with it to nodePools",
                )


def runs_fit_their_queue(parts: Parts) -> Iterator[Problem]:
    """All pods of a run together fit what is left when everything that serves is at its largest: otherwise it would
    wait for ever. What the quota alone refuses is said there."""
    if not parts.has_queues:
        return
    for index, tenant, positions in parts.tenants:
        if not has(tenant, ["quota"]):
            continue
        known = [workload for workload in tenant.workloads if footprint_of(workload)]
        left, quota = left_to_queue(tenant.quota, known), tenant.quota
        for position, workload in zip(positions, tenant.workloads, strict=True):
            run = footprint_of(workload)
            if run is None or run.run_hours is None:
                continue
            rows: list[tuple[str, float, float, float]] = [
                ("cpu", run.cpu * run.pods_most, left.cpu, quota.cpu),
                ("memoryGib", run.memory_gib * run.pods_most, left.memory_gib, quota.memory_gib),
                ("pods", run.pods_most, left.pods, quota.pods),
            ]
            if workload.gpu:
                name, borrowed = workload.gpu.accelerator, quota.borrowed_gpus.get(workload.gpu.accelerator, 0)
                granted = quota.gpus.get(name, 0) + borrowed
                rows.append((f"gpus.{name}", run.gpus * run.pods_most, left.gpus.get(name, 0) + borrowed, granted))
            path: PathParts = ("tenants", index, "workloads", position)
            for key, needed, room, granted in rows:
                if round(needed, 6) > room and round(needed, 6) <= granted:
                    own = granted - (quota.borrowed_gpus.get(key.partition(".")[2], 0))
                    yield _never_its_turn(path, key, needed, room, own, run.pods_most)


def _never_its_turn(path: PathParts, key: str, needed: float, room: float, own: float, pods: int) -> Problem:
    """own: what the quota says now."""
    raised = own + needed - room
    return Problem(
        path=path,
        message=(
            f"a run ({counted(pods, 'pod')}) needs more {key} than the quota leaves to the queue when what serves is "
            "at its largest, and would wait for ever"
        ),
        given=number(needed),
        allowed=f"at most {number(room)}",
        fix=f"raise quota.{key} of the tenant to {number(raised)}, or make the run or what serves smaller",
    )
