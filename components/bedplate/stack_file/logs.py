"""What must hold between logs, the disk that they are kept on, and who can read them."""

import datetime
from collections.abc import Iterator

from bedplate.services.logs.capacity import PLANNED_DAYS, Demand, shortage
from bedplate.services.logs.spec import LogsSpec
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import Problem

_NEEDED = (
    *("provided", "size", "disk_gib", "gib_per_day", "audit_gib_per_day", "growth_percent_per_month"),
    *("measured_on", "pod_days", "audit_days", "line_bytes"),
)


def lasting_disk(parts: Parts) -> Iterator[Problem]:
    """The disk of the platform's own store holds what is to be kept for the next six months."""
    spec = parts.services.logs
    if spec is None or not has(spec, _NEEDED) or not spec.runs_store:
        return
    today = datetime.datetime.now(datetime.UTC).date()
    first = spec.measured_on or today
    lack = shortage(demand_of(spec), spec.disk_gib, spec.nodes, first, max(today, first))
    if lack is None:
        return
    shorter = f", or `podDays: {lack.lasting_pod_days}`" if lack.lasting_pod_days else ""
    yield Problem(
        path=("logs", "diskGib"),
        message=(
            f"the disk is full on {lack.full_on.isoformat()}: {spec.gib_per_day:g} GiB of pods' lines of "
            f"{spec.line_bytes} bytes and {spec.audit_gib_per_day:g} GiB of audit a day, "
            f"{spec.growth_percent_per_month:g} % more each month, kept for {spec.pod_days} and {spec.audit_days} days"
        ),
        given=f"{spec.disk_gib} on each of {spec.nodes}" if spec.nodes > 1 else str(spec.disk_gib),
        allowed=f"at least {lack.disk_gib}, which lasts for the {PLANNED_DAYS} days that are planned",
        fix=f"write `diskGib: {lack.disk_gib}`{shorter}",
    )


def demand_of(spec: LogsSpec) -> Demand:
    """What the spec says of how much there is."""
    return Demand(
        pods_gib=spec.gib_per_day,
        audit_gib=spec.audit_gib_per_day,
        growth_percent=spec.growth_percent_per_month,
        pod_days=spec.pod_days,
        audit_days=spec.audit_days,
        copies=spec.copies,
        line_bytes=spec.line_bytes,
    )
