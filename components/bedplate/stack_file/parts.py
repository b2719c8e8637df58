"""What could be read of a platform, for checks between its parts.

Checks work on parts rather than on a whole spec, so that one mistake does not hide the others. A part that could not be
read is None; a spec that could be read in part lacks the attributes that could not, and checks that need them leave it
out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from bedplate.clouds import ClusterSpec, NodePoolSpec
from bedplate.clouds.buckets import BucketSpec
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.guardrails import GuardrailsSpec
from bedplate.kubernetes import RouteSpec
from bedplate.services.spec import ServicesSpec
from bedplate.stack_file.problems import PathParts
from bedplate.workloads import Footprint, WorkloadSpec


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What could be read of a platform. has_front_door: whether routes can be made; has_login: whether there is one to
    ask. stops_idle: whether somebody finds out what nobody uses; measures: whether there is a Prometheus, ours or not.
    has_queues: whether work can wait its turn. has_secret_store: whether this file says where external secrets are
    read, for its own tenants or for those of stacks above. has_images: whether this stack has a place for images.
    secrets: names of the config secrets there are; None where unknown."""

    domain: str | None
    cloud: ClusterSpec | None
    pools: Mapping[str, NodePoolSpec] | None
    guardrails: GuardrailsSpec | None
    services: ServicesSpec
    """Each section None where it is absent or could not be read."""
    tenant_prefix: str | None
    tenant_secrets: Mapping[str, Sequence[str]] | None
    buckets: Mapping[str, BucketSpec] | None
    tenants: Sequence[tuple[int, TenantEntry, Sequence[int]]]
    """Index in the list, tenant, and the index of each of its workloads."""
    has_front_door: bool = False
    has_login: bool = False
    stops_idle: bool = False
    measures: bool = False
    has_queues: bool = False
    has_secret_store: bool = False
    has_images: bool = False
    secrets: Collection[str] | None = None

    @classmethod
    def of(cls, spec: PlatformSpec, secrets: Collection[str] | None = None) -> "Parts":
        """The parts of a spec that could be read whole."""
        return cls(
            domain=spec.domain,
            cloud=spec.cloud,
            pools=spec.node_pools,
            guardrails=spec.guardrails,
            services=spec,
            tenant_prefix=spec.tenant_prefix,
            tenant_secrets=spec.tenant_secrets,
            buckets=spec.buckets,
            tenants=[(index, tenant, range(len(tenant.workloads))) for index, tenant in enumerate(spec.tenants)],
            has_front_door=spec.certificates is not None and "services" in spec.layers,
            has_login=spec.login is not None,
            stops_idle=spec.idle is not None and "services" in spec.layers,
            measures=spec.monitoring is not None,
            has_queues=spec.queue is not None and "services" in spec.layers,
            has_secret_store=spec.secrets is not None and ("services" in spec.layers or "tenants" not in spec.layers),
            has_images=spec.images is not None and "services" in spec.layers,
            secrets=secrets,
        )

    def with_tenants(self, *needed: str) -> Iterator[tuple[PathParts, TenantEntry]]:
        """Every tenant that has these attributes, with its path."""
        for index, tenant, _ in self.tenants:
            if has(tenant, needed):
                yield ("tenants", index), tenant

    def with_workloads(
        self, needed: Sequence[str] = (), of_tenant: Sequence[str] = ()
    ) -> Iterator[tuple[PathParts, TenantEntry, WorkloadSpec]]:
        """Every workload that has these attributes, and whose tenant has those, with its path and its tenant."""
        for index, tenant, positions in self.tenants:
            for position, workload in zip(positions, tenant.workloads, strict=True):
                if has(tenant, of_tenant) and has(workload, needed):
                    yield ("tenants", index, "workloads", position), tenant, workload

    def accelerators(self) -> list[str] | None:
        """The accelerators of the pools; None while one of the pools cannot say."""
        if self.pools is None or not all(has(pool, ("accelerator", "sharing")) for pool in self.pools.values()):
            return None
        return sorted({pool.offers for pool in self.pools.values() if pool.offers})


def has(spec: BaseModel, attributes: Sequence[str]) -> bool:
    """Whether these attributes could be read."""
    return all(hasattr(spec, name) for name in attributes)


def is_whole(spec: BaseModel) -> bool:
    """Whether every key could be read."""
    return has(spec, list(type(spec).model_fields))


def route_of(workload: WorkloadSpec) -> RouteSpec | None:
    """The way in that a workload asks for, with those of its keys that could be read."""
    route = getattr(workload, "route", None)
    return route if isinstance(route, RouteSpec) else None


def footprint_of(workload: WorkloadSpec) -> Footprint | None:
    """What a workload takes; None where a key that decides it is wrong, which is reported as such."""
    try:
        return workload.footprint()
    except AttributeError:
        if is_whole(workload):
            raise
        return None
