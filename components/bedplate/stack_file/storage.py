"""What must hold between volumes, quotas, the cluster's storage, and the pods that mount."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bedplate.stack_file.parts import Parts, footprint_of, has, is_whole
from bedplate.stack_file.problems import DECIMALS, PathParts, Problem, number, shown, suggestion
from bedplate.wording import counted
from bedplate.workloads import Footprint, WorkloadSpec


def sizes(parts: Parts) -> Iterator[Problem]:
    """A tenant's volumes and those of its workloads are within its quota."""
    for path, tenant in parts.with_tenants("volumes", "quota"):
        found = [footprint for workload in tenant.workloads if (footprint := footprint_of(workload))]
        each = [volume.size_gib for volume in tenant.volumes]
        each += [size for footprint in found for size in footprint.storage_gib]
        if len(each) > tenant.quota.claims:
            yield Problem(
                path=(*path, "quota", "claims"),
                message=f"the tenant has {counted(len(each), 'volume')}, more than its quota",
                given=number(tenant.quota.claims),
                allowed=f"at least {len(each)}",
                fix=f"raise quota.claims to {len(each)}, or remove volumes",
            )
        size = round(sum(each), DECIMALS)
        if size > tenant.quota.storage_gib:
            yield Problem(
                path=(*path, "quota", "storageGib"),
                message=f"the tenant's volumes have {number(size)} GiB, more than its quota",
                given=number(tenant.quota.storage_gib),
                allowed=f"at least {number(size)}",
                fix=f"raise quota.storageGib to {number(size)}, or make the volumes smaller",
            )


def mounts(parts: Parts) -> Iterator[Problem]:
    """What is mounted is there."""
    for path, tenant, workload in parts.with_workloads(["mounts"], of_tenant=["volumes"]):
        names = [volume.name for volume in tenant.volumes]
        for place, volume in mounted_by(workload):
            if volume not in names:
                yield Problem(
                    path=(*path, *place),
                    message="the tenant has no such volume",
                    given=shown(volume),
                    allowed=", ".join(names) or "none, the tenant has no volumes",
                    fix=suggestion(volume, names, "choose one of these, or add it to the tenant's volumes"),
                )


def mounts_leave_the_templates_their_places(parts: Parts) -> Iterator[Problem]:
    """No mount is where the template itself has a volume: one of the two would not be seen."""
    for path, _, workload in parts.with_workloads(["mounts"]):
        own: Mapping[str, str] = workload.own_paths() if is_whole(workload) else {}
        for position, mount in enumerate(workload.mounts):
            if mount.path in own:
                yield Problem(
                    path=(*path, "mounts", position, "path"),
                    message=f"{own[mount.path]} of the workload is there",
                    given=shown(mount.path),
                    fix=f"choose another path, such as /{mount.volume}",
                )


def names(parts: Parts) -> Iterator[Problem]:
    """No volume of the tenant is a workload's own."""
    for path, tenant, workload in parts.with_workloads(["name"], of_tenant=["volumes"]):
        own = workload.claims() if is_whole(workload) else ()
        for position, volume in enumerate(tenant.volumes):
            if has(volume, ["name"]) and volume.name in own:
                yield Problem(
                    path=(*path[:2], "volumes", position, "name"),
                    message=f"the volume of this name is that of the workload '{workload.name}'",
                    given=shown(volume.name),
                    fix="rename the tenant's volume, or the workload",
                    other=(*path, "name"),
                )


def mounted_by(workload: WorkloadSpec) -> list[tuple[PathParts, str]]:
    """Volumes that a workload's pods mount, with their places; none where a key that names one is wrong."""
    try:
        return list(workload.volumes_mounted().items())
    except AttributeError:
        return []


def volumes_can_be_shared(parts: Parts) -> Iterator[Problem]:
    """Volumes of many nodes need storage that has them."""
    if parts.cloud is None or parts.cloud.shares_volumes():
        return
    for path, tenant in parts.with_tenants("volumes"):
        for position, volume in enumerate(tenant.volumes):
            if volume.access == "manyNodes":
                yield Problem(
                    path=(*path, "volumes", position, "access"),
                    message="the cluster has no storage that pods of many nodes can mount, as far as is known",
                    given=shown(volume.access),
                    allowed="oneNode",
                    fix="name a StorageClass of a file system as `sharedStorageClass` in cloud.facts, or write oneNode",
                )


@dataclass(frozen=True, kw_only=True)
class _Mount:
    """A workload's mount of a volume of one node."""

    path: PathParts
    volume: str
    workload: str
    pods: Footprint


def volumes_of_one_node_have_one_pod(parts: Parts) -> Iterator[Problem]:
    """A disk is attached to one node, and pods that come to another one wait for ever."""
    held: dict[tuple[object, str], str] = {}
    of_one_pod: list[_Mount] = []
    for mount in _mounts_of_one_node(parts):
        if mount.pods.pods_most > 1:
            yield _many_pods(mount)
            continue
        if mount.pods.runs_overlap:
            yield _overlapping(mount)
            continue
        of_one_pod.append(mount)
        if mount.pods.pods_always:
            held.setdefault((mount.path[1], mount.volume), mount.workload)
    for mount in of_one_pod:
        holder = held.get((mount.path[1], mount.volume), mount.workload)
        if holder != mount.workload:
            yield Problem(
                path=mount.path,
                message=f"'{holder}' keeps this volume of one node at all times, and pods on other nodes never start",
                given=shown(mount.volume),
                fix="write `access: manyNodes` at the volume, or give each workload its own",
            )


def _mounts_of_one_node(parts: Parts) -> Iterator[_Mount]:
    for path, tenant, workload in parts.with_workloads(["name", "mounts"], of_tenant=["volumes"]):
        mounted = mounted_by(workload)
        footprint = footprint_of(workload) if mounted else None
        if footprint is None:
            continue
        of_one_node = {volume.name for volume in tenant.volumes if volume.access == "oneNode"}
        for place, volume in mounted:
            if volume in of_one_node:
                yield _Mount(path=(*path, *place), volume=volume, workload=workload.name, pods=footprint)


def _many_pods(mount: _Mount) -> Problem:
    one_pod = "`parallelism: 1`"
    if mount.pods.pods_always:
        one_pod = "`replicas: {min: 1, max: 1}` and `update: removeFirst`"
    return Problem(
        path=mount.path,
        message=f"up to {mount.pods.pods_most} pods mount this volume of one node, and on other nodes they never start",
        given=shown(mount.volume),
        allowed="volumes with `access: manyNodes`",
        fix=f"write `access: manyNodes` at the volume, or {one_pod} here",
    )


def _overlapping(mount: _Mount) -> Problem:
    return Problem(
        path=mount.path,
        message="runs may overlap (`concurrency: allow`), and on other nodes than the first's they never start",
        given=shown(mount.volume),
        allowed="volumes with `access: manyNodes`",
        fix="write `access: manyNodes` at the volume, or remove `concurrency` here",
    )
