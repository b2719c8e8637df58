"""Whether GPUs are asked for as they are offered: used in turns, and with a driver that runs the program.

Owns no numbers: parts of GPUs and drivers are the clouds'.
"""

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from bedplate.clouds.drivers import CUDA_DRIVERS, MIG_DRIVERS, oldest_driver
from bedplate.clouds.sharing import part
from bedplate.stack_file.parts import Parts, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, shown


def in_turns_one_at_a_time(parts: Parts) -> Iterator[Problem]:
    """Two turns of a GPU are no more GPU than one, so the device plugin refuses them on the node."""
    offered = parts.accelerators() or []
    for path, _, workload in parts.with_workloads(["gpu"]):
        gpu = workload.gpu
        if not gpu or not has(gpu, ["accelerator", "count"]) or gpu.accelerator not in offered:
            continue
        if gpu.count > 1 and part(gpu.accelerator).is_in_turns:
            yield Problem(
                path=(*path, "gpu", "count"),
                message="a GPU that is used in turns is no larger for a pod that asks for it twice",
                given=shown(gpu.count),
                allowed="1",
                fix="write `count: 1`, or choose an accelerator that is not shared",
            )


def in_turns_within_a_tenant(parts: Parts) -> Iterator[Problem]:
    """Nothing bounds the memory of who uses a GPU in turns with others, and a fault of one may end them all."""
    apart = {
        pool.offers
        for pool in (parts.pools or {}).values()
        if has(pool, ["accelerator", "sharing"]) and pool.sharing and pool.sharing.time_slicing
        if not pool.sharing.between_tenants
    }
    first: dict[str, PathParts] = {}
    for path, tenant in parts.with_tenants("quota"):
        for accelerator in (name for name, count in tenant.quota.gpus.items() if count and name in apart):
            place = (*path, "quota", "gpus", accelerator)
            other = first.setdefault(accelerator, place)
            if other != place:
                yield Problem(
                    path=place,
                    message="two tenants would use one GPU in turns, with nothing that keeps them apart",
                    given=shown(accelerator),
                    fix="give it to one tenant, cut the GPUs by `sharing: {mig: …}`, or write `betweenTenants: true` "
                    "in the pool's `sharing` if these tenants trust each other",
                    other=other,
                )


def interconnects_are_there(parts: Parts) -> Iterator[Problem]:
    """Cards between GPUs are asked for with all GPUs of a machine, where pods can have them at all."""
    pools, offered = parts.pools or {}, parts.accelerators()
    if parts.cloud is None or offered is None or not all(is_whole(pool) for pool in pools.values()):
        return
    try:
        fabrics = parts.cloud.fabrics(pools)
    except (AttributeError, PydanticCustomError):
        return  # what is wrong with the pool or the cloud is said of these
    for path, _, workload in parts.with_workloads(["gpu"]):
        gpu = workload.gpu
        if getattr(workload, "interconnect", False) is not True or not gpu or not has(gpu, ["accelerator", "count"]):
            continue
        fabric = fabrics.get(gpu.accelerator)
        if fabric is None and gpu.accelerator in offered:
            yield Problem(
                path=(*path, "interconnect"),
                message=f"pods can have no cards between GPUs with {gpu.accelerator} here",
                given="true",
                allowed=", ".join(fabrics) or "no accelerator of this stack",
                fix="remove it, or write `interconnect: true` in every pool of the accelerator, on a cloud whose cards "
                "are devices that pods ask for (EFA)",
            )
        elif fabric and gpu.count != fabric.gpus:
            yield Problem(
                path=(*path, "gpu", "count"),
                message="the cards between GPUs belong to whole machines",
                given=shown(gpu.count),
                allowed=str(fabric.gpus),
                fix=f"write `count: {fabric.gpus}`, or remove `interconnect`",
            )


def drivers_run_the_programs(parts: Parts) -> Iterator[Problem]:
    """The driver comes with the nodes' image and is the same for all."""
    driver = parts.cloud.driver_of_gpus() if parts.cloud else None
    for name, pool in (parts.pools or {}).items():
        if driver is None or not has(pool, ["accelerator", "sharing"]) or not pool.sharing or not pool.sharing.mig:
            continue
        if pool.accelerator and (oldest := MIG_DRIVERS[pool.accelerator]) > driver:
            yield Problem(
                path=("nodePools", name, "sharing", "mig"),
                message=f"{pool.accelerator} is cut by driver {oldest} or newer, and the nodes have {driver}",
                given=shown(pool.sharing.mig),
                fix="write `timeSlicing`, or use nodes with a newer driver",
            )
    for path, _, workload in parts.with_workloads(["gpu"]):
        cuda = getattr(workload.gpu, "cuda", None)
        if cuda is None or driver is None:
            continue
        oldest = oldest_driver(cuda)
        if oldest is None or oldest > driver:
            known = [major for major, branch in CUDA_DRIVERS.items() if branch <= driver]
            needed = f"driver {oldest} or newer" if oldest else "a driver that is not known here"
            yield Problem(
                path=(*path, "gpu", "cuda"),
                message=f"programs of this CUDA need {needed}, and the nodes have {driver}",
                given=shown(cuda),
                allowed=f"{known[0]}.x to {known[-1]}.x" if known else None,
                fix="use an image with an older CUDA, or nodes with a newer driver",
            )
