"""The root of the stack file: everything a person decides about a platform.

Assembled from the specs of the parts. What stands in more than one part (a tenant's accelerator and the pools, two
hosts) is checked by `bedplate.stack_file.consistency`; reading files and locating errors is
`bedplate.stack_file.reading`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.clouds import CloudSpec, ClusterSpec, NodePoolSpec, OwnPrices, PoolPrices, pool_prices
from bedplate.clouds.buckets import BucketSpec
from bedplate.guardrails import GuardrailsSpec
from bedplate.services.cost.spec import CostSpec
from bedplate.services.spec import ServicesSpec
from bedplate.spec import ConfigKey, DnsLabel, Domain, NamePrefix, RelativeFolder, mistake
from bedplate.tenants import QuotaSpec, TenantSpec
from bedplate.workloads import AnyWorkloadSpec, WorkloadSpec

Layer = Literal["cluster", "services", "tenants"]


class TenantEntry(TenantSpec):
    """A tenant in the stack file, or alone in a file of `tenantsDir`."""

    workloads: tuple[AnyWorkloadSpec, ...] = ()
    """What runs in the tenant."""


class PlatformSpec(ServicesSpec):
    """A machine-learning platform on one Kubernetes cluster."""

    domain: Domain
    """Domain below which every workload gets its host: <workload>-<tenant>.<domain>."""
    cloud: CloudSpec
    """Where the cluster is."""
    node_pools: Annotated[Mapping[DnsLabel, NodePoolSpec], Field(min_length=1)]
    """Machines of the cluster by pool."""
    guardrails: GuardrailsSpec
    """What no pod of a tenant may be."""
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)] = ("cluster", "services", "tenants")
    """Parts of the platform that this stack owns; a second stack may own the others on the same cluster."""
    tenant_prefix: NamePrefix = ""
    """Put before a tenant's name to make its namespace; ends with '-'."""
    tenant_secrets: Mapping[DnsLabel, tuple[ConfigKey, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Config secrets by tenant whose workloads may have them, besides those whose names begin with `<tenant>-`."""
    buckets: Mapping[DnsLabel, BucketSpec] = Field(default_factory=dict[str, BucketSpec])
    """Buckets that workloads may be granted, by a name of your own, and which tenants' workloads."""
    tenants: tuple[TenantEntry, ...] = ()
    """Tenants, in full."""
    tenants_dir: RelativeFolder | None = None
    """Folder with one file a tenant, relative to the stack file; means the same as writing them here."""

    @field_validator("layers")
    @classmethod
    def _with_a_cluster(cls, layers: tuple[Layer, ...], info: ValidationInfo) -> tuple[Layer, ...]:
        cloud: ClusterSpec | None = info.data.get("cloud")
        if cloud is not None and cloud.owns_cluster and "cluster" not in layers:
            raise mistake(
                "this stack describes a cluster and does not own it",
                "add `cluster`, or take the other stack's cluster over with `provider: existing`",
            )
        return layers

    @property
    def accelerators(self) -> tuple[str, ...]:
        """What pods may ask for as an accelerator, parts of GPUs included, sorted."""
        return tuple(sorted({pool.offers for pool in self.node_pools.values() if pool.offers}))

    def queued(self, tenant: TenantEntry) -> QuotaSpec:
        """What of a tenant's quota is left to its queue."""
        return left_to_queue(tenant.quota, tenant.workloads)

    def prices(self) -> Mapping[str, PoolPrices]:
        """What the machines of each pool cost, of pools that have a price; none where costs are not counted."""
        return prices_of(self.cost, self.cloud, self.node_pools) if self.cost else {}

    def scanned_places(self) -> tuple[str, ...]:
        """What images begin with that run only after a scan has passed them: those that tenants build."""
        images = self.images
        if not self.guardrails.scanned_builds or images is None or images.builds is None:
            return ()
        registry = (images.registry or self.cloud.registry_address or "").rstrip("/")
        own = [self.cloud.images_place(tenant) for tenant in images.builds.cloud_identities]
        with_account = [f"{registry}/{tenant}/" for tenant in images.builds.credentials]
        return (*with_account, *(f"{place.images}/" for place in own if place))

    def namespace(self, tenant: str) -> str:
        """The namespace of a tenant."""
        return f"{self.tenant_prefix}{tenant}"


def left_to_queue(quota: QuotaSpec, workloads: Sequence[WorkloadSpec]) -> QuotaSpec:
    """The quota less what of these workloads is never queued at its largest: what serves is not to wait for jobs, and
    of work that a queue lets through and a quota does not only a part would run."""
    cpu, memory_gib, pods, gpus = quota.cpu, quota.memory_gib, quota.pods, dict(quota.gpus)
    for workload in workloads:
        footprint = workload.footprint()
        if footprint.run_hours is not None:
            continue
        most = footprint.pods_most
        cpu, memory_gib, pods = cpu - footprint.cpu * most, memory_gib - footprint.memory_gib * most, pods - most
        if workload.gpu and workload.gpu.accelerator in gpus:
            gpus[workload.gpu.accelerator] -= footprint.gpus * most
    return quota.model_copy(
        update={
            "cpu": max(0.0, round(cpu, 6)),
            "memory_gib": max(0.0, round(memory_gib, 6)),
            "pods": max(0, pods),
            "gpus": {accelerator: max(0, count) for accelerator, count in gpus.items()},
        }
    )


def prices_of(cost: CostSpec, cloud: ClusterSpec, pools: Mapping[str, NodePoolSpec]) -> Mapping[str, PoolPrices]:
    """What the machines of each pool cost, of pools that have a price; its GPUs are those that its nodes offer, each a
    part where the pool shares them."""
    written = cost.prices
    own = OwnPrices(
        cpu_core_hour=written.cpu_core_hour,
        memory_gib_hour=written.memory_gib_hour,
        accelerators=written.accelerators,
        spot_share=written.spot_share,
    )
    listed = cloud.list_prices()
    found = {
        name: pool_prices(cloud.shape_of(pool), pool.accelerator, is_spot=pool.spot, own=own, listed=listed)
        for name, pool in pools.items()
    }
    return {name: _of_parts(prices, pools[name]) for name, prices in found.items() if prices}


def _of_parts(whole: PoolPrices, pool: NodePoolSpec) -> PoolPrices:
    offered = pool.gpus_offered(whole.gpus)
    if not offered:
        return whole
    return replace(whole, gpu=whole.gpu * whole.gpus / offered, gpus=offered, accelerator=pool.offers or "")


def json_schema() -> dict[str, object]:
    """The JSON schema of a stack file, for editors."""
    platform = PlatformSpec.model_json_schema(by_alias=True)
    definitions = platform.pop("$defs")
    definitions["PlatformSpec"] = platform
    secret = {
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
        "description": "A secret, written by `pulumi config set --secret`.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bedplate stack file",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {"bedplate:platform": {"$ref": "#/$defs/PlatformSpec"}},
                "patternProperties": {"^bedplate:(?!platform$).+$": secret},
                "required": ["bedplate:platform"],
            },
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
        },
        "required": ["config"],
        "$defs": definitions,
    }


def tenant_json_schema() -> dict[str, object]:
    """The JSON schema of a file in `tenantsDir`, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TenantEntry.model_json_schema(by_alias=True),
    }
