"""Whether the cluster carries what the stack file asks of it: machines, addresses.

Owns no numbers: machines and networks are the cloud's, footprints the workloads'.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from bedplate.clouds import Allocatable, MachineShape, NodePoolSpec
from bedplate.kubernetes.pods import disk_gib
from bedplate.labels import SYSTEM_POOL
from bedplate.stack_file.parts import Parts, footprint_of, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, number
from bedplate.wording import counted
from bedplate.workloads import Footprint

_OF_A_MACHINE = (
    *("accelerator", "count", "sharing", "machine", "machine_type"),
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
        elif shape is not None and parts.cloud is not None:
            try:
                parts.cloud.refuse_sharing(pool)
            except PydanticCustomError as error:
                yield _problem(("nodePools", name, "sharing"), error)


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


@dataclass(frozen=True, kw_only=True)
class _Machines:
    """What one pool offers pods. most: how many machines there can be; node: what one of them offers."""

    pool: str
    most: int
    node: Allocatable

    def carries(self, pod: Footprint) -> bool:
        """Whether one machine has the cores, memory and GPUs of a pod, whatever its disk."""
        node = self.node
        return pod.cpu <= node.cpu and pod.memory_gib <= node.memory_gib and pod.gpus <= node.gpus

    def pods(self, pod: Footprint) -> int:
        """How many such pods all machines carry at once, with nothing else on them."""
        node = self.node
        sizes = [(node.cpu, pod.cpu), (node.memory_gib, pod.memory_gib), (node.disk_gib, pod.disk_gib), (node.pods, 1)]
        if pod.gpus:
            sizes.append((node.gpus, pod.gpus))
        return self.most * min(int(offered / asked) for offered, asked in sizes)


_Offer = Mapping[str | None, Sequence[_Machines]]
"""Machines by accelerator; None for those without."""


def _offer(parts: Parts) -> _Offer | None:
    """What the pools offer; None while one of them cannot say."""
    offer: dict[str | None, list[_Machines]] = {}
    for name, pool in sorted((parts.pools or {}).items()):
        if parts.cloud is None or not isinstance(_shape(parts, pool), MachineShape) or not has(pool, ["max"]):
            return None
        if name == SYSTEM_POOL and parts.cloud.reserves_system_pool(parts.pools or {}):
            continue
        machines = _Machines(pool=name, most=pool.max, node=parts.cloud.allocatable(pool))
        offer.setdefault(pool.offers, []).append(machines)
    return offer or None


def pools_carry_what_needs_no_gpu(parts: Parts) -> Iterator[Problem]:
    """Machines with GPUs take pods with GPUs only: names, the way in and controllers run elsewhere."""
    if parts.pools and parts.accelerators() and all(pool.accelerator for pool in parts.pools.values()):
        yield Problem(
            path=("nodePools",),
            message="no pool is without GPUs, and pods that ask for none run nowhere else: the cluster's own too",
            allowed="at least one pool without `accelerator`",
            fix="add a pool like `general: {machine: {cpu: 4, memoryGib: 16}, min: 2, max: 4}`",
        )


def workloads_find_room(parts: Parts) -> Iterator[Problem]:
    """Each pod finds a machine that could carry it alone, and what always runs finds room for all its pods."""
    offer = _offer(parts)
    if offer is None:
        return
    together: dict[str | None, list[Footprint]] = {}
    for path, _, workload in parts.with_workloads(["gpu"]):
        accelerator = workload.gpu.accelerator if workload.gpu else None
        footprint, machines = footprint_of(workload), offer.get(accelerator, ())
        if footprint is None or not machines:
            continue
        found = _room_for_one(path, footprint, machines) or _room_for_all(path, footprint, machines)
        if found:
            yield found
        elif footprint.pods_always:
            together.setdefault(accelerator, []).append(footprint)
    for accelerator, footprints in together.items():
        yield from _room_together(accelerator, footprints, offer[accelerator])


def _room_for_one(path: PathParts, pod: Footprint, machines: Sequence[_Machines]) -> Problem | None:
    if any(each.pods(pod) for each in machines):
        return None
    carrying = [each for each in machines if each.carries(pod)]
    if carrying:
        scratch_gib = pod.disk_gib - disk_gib(0)
        return Problem(
            path=(*path, "scratchGib"),
            message="the scratch space is larger than the disk of every machine that could carry the pod",
            given=number(scratch_gib),
            allowed="; ".join(f"{each.pool}: {number(each.node.disk_gib - disk_gib(0))}" for each in carrying),
            fix="lower it, or raise `diskGib` of a pool (a tenth of a disk stays free, and images need room too)",
        )
    return Problem(
        path=path,
        message="a pod of this workload is larger than every machine it could run on",
        given=_size(pod.cpu, pod.memory_gib, pod.gpus),
        allowed="; ".join(
            f"{each.pool}: {_size(each.node.cpu, each.node.memory_gib, each.node.gpus)}" for each in machines
        ),
        fix="ask for less, or add a pool with larger machines",
    )


def _room_for_all(path: PathParts, pods: Footprint, machines: Sequence[_Machines]) -> Problem | None:
    """Of a job's pods some may wait for others; what serves, or trains together, has all of them at once."""
    most = sum(each.pods(pods) for each in machines)
    if not (pods.pods_always or pods.is_gang) or pods.pods_most <= most:
        return None
    is_for_updates = pods.pods_most - pods.pods_of_updates <= most
    instead = "; or write `update: removeFirst`, and an update needs no pod more" if is_for_updates else ""
    included = ", updates included" if pods.pods_of_updates else ""
    return Problem(
        path=path,
        message=f"at its largest it has {counted(pods.pods_most, 'pod')}{included}, and not all of them find room",
        given=f"{counted(pods.pods_most, 'pod')} of {_size(pods.cpu, pods.memory_gib, pods.gpus)}",
        allowed="; ".join(f"{each.pool}: {each.pods(pods)} on all its machines" for each in machines),
        fix=f"raise `max` of a pool, or have fewer or smaller pods{instead}",
    )


def _room_together(
    accelerator: str | None, workloads: Sequence[Footprint], machines: Sequence[_Machines]
) -> Iterator[Problem]:
    """All that always runs, of all tenants, and the one pod more of an update."""
    sizes: list[tuple[str, Callable[[Footprint], float], Callable[[Allocatable], float]]] = [
        ("cores", lambda pod: pod.cpu, lambda node: node.cpu),
        ("GiB of memory", lambda pod: pod.memory_gib, lambda node: node.memory_gib),
        ("GPUs", lambda pod: pod.gpus, lambda node: node.gpus),
    ]
    path: PathParts = ("nodePools", machines[0].pool, "max") if len(machines) == 1 else ("nodePools",)
    for unit, of_pod, of_machine in sizes:
        offered = sum(each.most * of_machine(each.node) for each in machines)
        always = sum(of_pod(pod) * pod.pods_always for pod in workloads)
        needed = always + max(of_pod(pod) * pod.pods_of_updates for pod in workloads)
        if needed > offered:
            pools = f"pools with {accelerator}" if accelerator else "pools without GPUs"
            yield Problem(
                path=path,
                message=f"what runs at all times, one update included, needs more {unit} than the {pools} have",
                given=number(offered),
                allowed=f"at least {number(needed)}",
                fix="raise `max` of a pool, or lower `replicas` of workloads",
            )


def _size(cpu: float, memory_gib: float, gpus: int) -> str:
    """Rounded down: what is said to fit must fit."""
    cpu, memory_gib = (math.floor(amount * 100) / 100 for amount in (cpu, memory_gib))
    return f"{number(cpu)} CPU, {number(memory_gib)} GiB" + (f", {gpus} GPU" if gpus else "")
