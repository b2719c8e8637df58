"""What a workload asks for: its part of the quota, a way in, and who stops it or adds pods.

Owns the forms only: a spec fills them in, and whoever checks a stack file or registers a workload reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bedplate.kubernetes import IdleSpec, RouteSpec


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a workload takes of its tenant's quota.

    cpu, memory_gib, gpus, disk_gib: of one pod. pods_always: how many run at all times. pods_of_updates: how many more
    while an update runs. pods_most: how many at the most, those included. run_hours: how long one run may last; none
    for what runs for ever. is_autoscaled: whether their number follows what they use.
    runs_kept: finished runs that stay by a schedule, and the one that runs. runs_overlap: whether the next run may
    begin before the last has ended. storage_gib: sizes of the volumes of its own. is_gang: whether all pods of a run
    are needed at the same time. beside: the most of another pod that may run beside all of those for a while.
    """

    cpu: float
    memory_gib: float
    gpus: int
    disk_gib: float
    pods_always: int
    pods_of_updates: int = 0
    pods_most: int
    run_hours: float | None = None
    is_autoscaled: bool = False
    runs_kept: int = 0
    runs_overlap: bool = False
    storage_gib: Sequence[float] = ()
    is_gang: bool = False
    beside: "Footprint | None" = None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What a workload offers to callers outside its tenant. service, service_port: its Service; port: of its pods.
    people: who alone of the tenant may come in, by address; everybody of it if none. polling_paths: see `Sleep`.
    canary_percent: share of the callers that the release beside it gets, if there is one."""

    service: str
    service_port: int
    port: int
    route: RouteSpec
    people: Sequence[str] = ()
    polling_paths: Sequence[str] = ()
    canary_percent: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sleeper:
    """What of a workload is stopped while nobody uses it. kind: of what is scaled, which is named like the workload.
    replicas_min, replicas_max, cpu_percent: how many pods while it is in use, and above which use of CPU there are
    more; none where their number is fixed."""

    kind: Literal["Deployment", "StatefulSet"]
    idle: IdleSpec
    replicas_min: int = 1
    replicas_max: int = 1
    cpu_percent: int | None = None


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A Deployment whose pods tell what waits in them, and of which there are more while much does. It is named like
    the workload. per_pod: by series that each pod tells, the value in each above which pods are added."""

    replicas_min: int
    replicas_max: int
    per_pod: Mapping[str, float]
