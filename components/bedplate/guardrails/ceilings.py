"""What a tenant's own file cannot decide: ceilings that stand in the stack's file alone.

Where each team owns its tenant's file (CODEOWNERS), its quota, its networks, its Pod Security level and who may be open
to everybody would be the team's to choose. Everything here is checked by `bedplate.stack_file.ceilings` over all
tenants; what is absent is not limited.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bedplate.clouds.networks import network_form
from bedplate.spec import Count, Cpu, DnsLabel, Gib, PositiveCount, Spec


class MaxQuotaSpec(Spec):
    """The largest quota there may be; a key that is absent has no limit."""

    cpu: Annotated[Cpu, Field(le=100_000)] | None = None
    """Cores."""
    memory_gib: Gib | None = None
    """Memory in GiB."""
    gpus: Mapping[str, Annotated[Count, Field(le=100_000)]] | None = None
    """GPUs by accelerator; those that are not named here nobody gets, where this is written."""
    storage_gib: Gib | None = None
    """Volumes together in GiB."""
    scratch_gib: Gib | None = None
    """Disk of nodes, for scratch space and logs, in GiB."""
    pods: Annotated[PositiveCount, Field(le=10_000)] | None = None
    """Pods."""
    jobs: Annotated[PositiveCount, Field(le=10_000)] | None = None
    """Runs of jobs."""
    claims: Annotated[PositiveCount, Field(le=10_000)] | None = None
    """Volumes by number."""


class MaxTenantSpec(Spec):
    """The most that any tenant may be given; a key that is absent has no limit."""

    quota: MaxQuotaSpec = MaxQuotaSpec()
    """The largest quota there may be."""
    allowed_networks: tuple[Annotated[str, AfterValidator(network_form)], ...] | None = None
    """Private networks (CIDR) that tenants' `allowedNetworks` must lie within; [] for none at all."""
    pod_security: Literal["restricted", "baseline"] = "baseline"
    """The loosest Pod Security level that a tenant may choose."""
    public_routes: tuple[DnsLabel, ...] | None = None
    """Tenants whose workloads may be open to everybody, of those that `publicRoutes` allows."""
