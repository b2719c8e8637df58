"""What will be in the way of a stack that is right: how large it may become, budgets of nobody, a month that is not
kept whole, and a cluster that is not to be had here.

How the time of an update grows: docs/guides/split-stacks.md.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.clouds.kubeconfig import CONTEXT_FIX
from bedplate.config import PlatformSpec
from bedplate.services.cost.rules import MONTH_DAYS, TWO_MONTHS_DAYS
from bedplate.stack_file.problems import suggestion
from bedplate.wording import counted

CONFIG_LIMIT_BYTES = 128 * 1024
"""All configuration of a stack travels as one environment string, and Linux allows 128 KiB for one
(MAX_ARG_STRLEN, https://man7.org/linux/man-pages/man2/execve.2.html; https://github.com/pulumi/pulumi/issues/8680)."""
_CONFIG_NEAR = 0.75
_MANY_WORKLOADS = 300
"""From here an update without a change takes half a minute: measured, docs/guides/split-stacks.md."""
_SECONDS_PER_WORKLOAD = 0.12
"""Of an update, on two cores, without checkpoints: 30 s for 300 workloads, 147 s for 1,200."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What will be in somebody's way, though nothing is wrong yet. fix: what to do, and where it is described."""

    message: str
    fix: str

    def shown(self) -> dict[str, str]:
        """As `bedplate check -o json` prints it."""
        return {"message": self.message, "fix": self.fix}


def config_bytes(config: Mapping[str, Any]) -> int:
    """Length of the environment string with the stack's configuration."""
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return len(f"PULUMI_CONFIG={json.dumps(values, separators=(',', ':'))}".encode())


def advice(spec: PlatformSpec, config: Mapping[str, Any]) -> Iterator[Advice]:
    """For a stack whose file is right. config: as it stands in the file."""
    size = config_bytes(config)
    if size > _CONFIG_NEAR * CONFIG_LIMIT_BYTES:
        yield Advice(
            message=f"the configuration has {size / 1024:.0f} of at most {CONFIG_LIMIT_BYTES // 1024} KiB",
            fix="keep each tenant in a file of its own: `tenantsDir` (docs/guides/split-stacks.md)",
        )
    workloads = sum(len(tenant.workloads) for tenant in spec.tenants)
    if "tenants" in spec.layers and workloads > _MANY_WORKLOADS:
        yield Advice(
            message=f"every update looks at {counted(workloads, 'workload')} of "
            f"{counted(len(spec.tenants), 'tenant')}, "
            f"for about {workloads * _SECONDS_PER_WORKLOAD:.0f} seconds or more",
            fix="give tenants stacks of their own: `layers: [tenants]` (docs/guides/split-stacks.md)",
        )
    yield from _budgets_of_nobody(spec)
    yield from _the_month_before(spec)
    for missing in spec.cloud.out_of_reach_here():
        yield Advice(message=f"{missing}, so that Pulumi cannot reach the cluster from here", fix=CONTEXT_FIX)


def _the_month_before(spec: PlatformSpec) -> Iterator[Advice]:
    """Of which the first days are gone before this month ends; budgets do not look at it."""
    kept = spec.monitoring.retention_days if spec.monitoring and spec.monitoring.runs else None
    if spec.cost is not None and kept is not None and kept < TWO_MONTHS_DAYS:
        yield Advice(
            message="the month before is compared whole only until "
            f"day {kept - MONTH_DAYS + 1} of this one: samples are kept for {kept} days",
            fix=f"write `retentionDays: {TWO_MONTHS_DAYS}` below `monitoring`, or read the rows of `cost.usage`",
        )


def _budgets_of_nobody(spec: PlatformSpec) -> Iterator[Advice]:
    """They bound nothing. No mistake either: whoever leaves a tenant's file would stop everybody's updates."""
    if spec.cost is None or "tenants" not in spec.layers:
        return
    workloads = [workload for tenant in spec.tenants for workload in tenant.workloads]
    there = {
        "tenants": {tenant.name for tenant in spec.tenants},
        "projects": {tenant.booked_project for tenant in spec.tenants} | {each.project for each in workloads},
        "people": {tenant.owner for tenant in spec.tenants} | {each.owner for each in workloads},
    }
    for key, names in there.items():
        known = sorted(name for name in names if name)
        for name in sorted(set(getattr(spec.cost.budgets, key)) - set(known)):
            yield Advice(
                message=f"cost.budgets.{key}.{name} bounds nothing: nothing here is of that name",
                fix=suggestion(name, known, f"remove it, or write one of these: {', '.join(known) or 'there is none'}"),
            )
