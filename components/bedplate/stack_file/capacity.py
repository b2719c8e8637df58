"""Whether the cluster carries what the stack file asks of it: machines, addresses, storage.

Owns no numbers: machines and networks are the cloud's, footprints the workloads'.
"""

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from bedplate.clouds import MachineShape, NodePoolSpec
from bedplate.stack_file.parts import Parts, footprint_of, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, number, shown
from bedplate.workloads import Footprint

_OF_A_MACHINE = (
    *("accelerator", "count", "machine", "machine_type"),
    *("interconnect", "reservation", "local_disks", "disk_gib", "spot"),
)
"""Keys of a pool that its machine follows from."""


def _shape(parts: Parts, pool: NodePoolSpec) -> MachineShape | PydanticCustomError | None:
    """The machine of a pool, or why there is none; None where pool or cloud cannot say."""
    if parts.cloud is None or not has(pool, _OF_A_MACHINE):
        return None
    try:
        return parts.cloud.shape_of(pool)
    except PydanticCustomError as error:
        return error
    except AttributeError:
        if is_whole(parts.cloud):
            raise
        return None


def pools_have_machines(parts: Parts) -> Iterator[Problem]:
    """Each pool has a machine that the cloud offers."""
    for name, pool in (parts.pools or {}).items():
        shape = _shape(parts, pool)
        if isinstance(shape, PydanticCustomError):
            yield _problem(("nodePools", name), shape)


def _problem(path: PathParts, mistake: PydanticCustomError) -> Problem:
    said = mistake.context or {}
    return Problem(
        path=path,
        message=str(said["message"]),
        given=None,
        allowed=str(said["allowed"]) or None,
        fix=str(said["fix"]),
    )


def the_cloud_can_work_with_the_pools(parts: Parts) -> Iterator[Problem]:
    """The pools together are what the cloud needs; asked once each of them is right."""
    pools = parts.pools or {}
    shapes = [_shape(parts, pool) for pool in pools.values()]
    if parts.cloud is None or parts.pools is None or not all(isinstance(shape, MachineShape) for shape in shapes):
        return
    if not is_whole(parts.cloud) or not all(has(pool, ["min", "max"]) for pool in pools.values()):
        return
    try:
        parts.cloud.refuse_pools(pools)
    except PydanticCustomError as error:
        yield _problem(("nodePools",), error)


def the_network_carries_the_pools(parts: Parts) -> Iterator[Problem]:
    """Every pool at its largest, and every node full of pods, finds addresses."""
    pools = parts.pools or {}
    if parts.cloud is None or not has(parts.cloud, ["network"]) or not all(has(p, ["max"]) for p in pools.values()):
        return
    most, asked = parts.cloud.most_nodes(), sum(pool.max for pool in pools.values())
    if most is not None and asked > most:
        yield Problem(
            path=("cloud", "network", "cidr"),
            message=f"the network is too small: the pools have up to {asked} nodes, whose pods need addresses too",
            given=None,
            allowed=f"at most {most} nodes in this network",
            fix=f"write a larger network, or lower `max` of the pools by {asked - most} in all",
        )


def workloads_fit_a_machine(parts: Parts) -> Iterator[Problem]:
    """Each pod finds a machine that could carry it alone."""
    pools = parts.pools or {}
    shapes = {name: shape for name in pools if isinstance(shape := _shape(parts, pools[name]), MachineShape)}
    if len(shapes) < len(pools):
        return
    for path, _, workload in parts.with_workloads(["gpu"]):
        accelerator = workload.gpu.accelerator if workload.gpu else None
        suitable = {name: shapes[name] for name in sorted(pools) if pools[name].accelerator == accelerator}
        footprint = footprint_of(workload)
        if footprint is None or not suitable or any(_carries(machine, footprint) for machine in suitable.values()):
            continue
        yield Problem(
            path=path,
            message="a pod of this workload is larger than every machine it could run on",
            given=_size(footprint.cpu, footprint.memory_gib, footprint.gpus),
            allowed="; ".join(
                f"{name}: {_size(machine.cpu, machine.memory_gib, machine.gpus)}" for name, machine in suitable.items()
            ),
            fix="ask for less, or add a pool with larger machines",
        )


def _carries(machine: MachineShape, pod: Footprint) -> bool:
    return pod.cpu <= machine.cpu and pod.memory_gib <= machine.memory_gib and pod.gpus <= machine.gpus


def _size(cpu: float, memory_gib: float, gpus: int) -> str:
    return f"{number(cpu)} CPU, {number(memory_gib)} GiB" + (f", {gpus} GPU" if gpus else "")


def volumes_can_be_shared(parts: Parts) -> Iterator[Problem]:
    """Volumes of many nodes need storage that has them."""
    if parts.cloud is None or parts.cloud.shares_volumes():
        return
    for path, tenant in parts.with_tenants("volumes"):
        for position, volume in enumerate(tenant.volumes):
            if volume.access == "manyNodes":
                yield Problem(
                    path=(*path, "volumes", position, "access"),
                    message="the cluster has no storage that pods of many nodes can mount",
                    given=shown(volume.access),
                    allowed="oneNode",
                    fix="write oneNode, or keep shared files in the artefact bucket",
                )
