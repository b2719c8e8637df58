"""What must hold between monitoring, who is told, and the disk that samples are kept on.

Needed disk is what Prometheus' documentation says
(https://prometheus.io/docs/prometheus/latest/storage/#operational-aspects): retention × samples a second × bytes a
sample, of which 1 to 2 are usual. How many series there are is reckoned from the most nodes that the pools may have.
"""

from collections.abc import Iterator

from bedplate.labels import LABEL_LENGTH, tenant_grafana_namespace
from bedplate.services.cost.rules import MONTH_DAYS
from bedplate.services.monitoring.spec import BLOCKS_SHARE, MailReceiverSpec, MonitoringSpec
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import Problem, shown, suggestion

_SERIES = 20_000
"""Of the platform itself and of objects that are no pods."""
_SERIES_A_NODE = 6_500
"""2,000 of node-exporter and kubelet, and 30 pods of 150 each of cAdvisor and kube-state-metrics."""
_SECONDS_A_SAMPLE, _BYTES_A_SAMPLE = 30, 1.5
_DAY_SECONDS, _GIB = 86_400, 2**30


def what_needs_it(parts: Parts) -> Iterator[Problem]:
    """Nothing is stopped for being idle, and nothing is counted, where nobody measures use."""
    if parts.measures:
        return
    needs = {"idle": "Prometheus finds out who uses what", "cost": "Prometheus counts what everything costs"}
    for section, why in needs.items():
        if getattr(parts.services, section):
            yield Problem(
                path=(section,),
                message=f"{why}, and this stack has none",
                fix="add `monitoring: {retentionDays: 45}`, or `monitoring.provided` with the URL of somebody else's",
            )


def receivers(parts: Parts) -> Iterator[Problem]:
    """Who is to be told is there, and mail has a server."""
    spec = parts.services.monitoring
    if spec is None or not has(spec, ["receivers"]):
        return
    names = sorted(spec.receivers)
    for place, name in spec.receivers_named():
        if name not in names:
            yield Problem(
                path=("monitoring", *place),
                message="there is no receiver of this name",
                given=shown(name),
                allowed=", ".join(names) or "none, monitoring.receivers is empty",
                fix=suggestion(name, names, "choose one of these, or add it to monitoring.receivers"),
            )
    if has(spec, ["mail"]) and spec.mail is None:
        for name, receiver in spec.receivers.items():
            if isinstance(receiver, MailReceiverSpec):
                yield Problem(
                    path=("monitoring", "receivers", name),
                    message="mail goes out by a server, and none is named",
                    fix="add monitoring.mail with smarthost, sender, username and passwordRef",
                )


def tenants(parts: Parts) -> Iterator[Problem]:
    """Whose alerts go somewhere of their own is a tenant."""
    spec = parts.services.monitoring
    if spec is None or not has(spec, ["tenants"]):
        return
    names = {tenant.name for _, tenant in parts.with_tenants("name")}
    if len(names) < len(parts.tenants):
        return
    for tenant in spec.tenants:
        if tenant not in names:
            yield Problem(
                path=("monitoring", "tenants", tenant),
                message="there is no tenant of this name",
                given=shown(tenant),
                fix=suggestion(tenant, names, "correct the name, or remove the entry"),
            )


def dashboards(parts: Parts) -> Iterator[Problem]:
    """Tenants with a Grafana are there, can come in, and are called so that its namespace can be."""
    spec = parts.services.monitoring
    if spec is None or not has(spec, ["tenant_dashboards"]) or not spec.tenant_dashboards:
        return
    at = ("monitoring", "tenantDashboards")
    missing = [
        *([] if parts.has_front_door else ["`certificates:` (and `services` to layers)"]),
        *([] if parts.has_login else ["`login:`"]),
    ]
    if missing:
        yield Problem(
            path=at,
            message="nobody can come in: this stack lacks a front door or a login",
            given=shown(", ".join(spec.tenant_dashboards)),
            fix=f"add {' and '.join(missing)}, or remove this",
        )
    names = {tenant.name for _, tenant in parts.with_tenants("name")}
    prefix = parts.tenant_prefix or ""
    longest = LABEL_LENGTH - len(tenant_grafana_namespace(prefix))
    for position, tenant in enumerate(spec.tenant_dashboards):
        if tenant not in names and len(names) == len(parts.tenants):
            yield Problem(
                path=(*at, position),
                message="there is no tenant of this name",
                given=shown(tenant),
                fix=suggestion(tenant, names, "correct the name, or remove the entry"),
            )
        elif len(tenant) > longest:
            yield Problem(
                path=(*at, position),
                message=f"its Grafana runs in {tenant_grafana_namespace(prefix + tenant)}, a name that is too long",
                given=shown(tenant),
                allowed=f"tenants of at most {longest} characters",
                fix=f"shorten the tenant's name by {len(tenant) - longest}, or remove the entry",
            )


def retention(parts: Parts) -> Iterator[Problem]:
    """The disk holds what is to be kept."""
    spec = parts.services.monitoring
    if spec is None or not spec_runs(spec) or parts.pools is None:
        return
    pools = parts.pools.values()
    if not has(spec, ["retention_days", "disk_gib"]) or not all(has(pool, ["max"]) for pool in pools):
        return
    a_day = gib_a_day(sum(pool.max for pool in pools))
    room = spec.disk_gib * BLOCKS_SHARE
    if spec.retention_days * a_day > room:
        least = MONTH_DAYS if parts.services.cost else 1
        days, needed = int(room / a_day), -int(-spec.retention_days * a_day / BLOCKS_SHARE // 1)
        yield Problem(
            path=("monitoring", "retentionDays"),
            message=(
                f"its disk of {spec.disk_gib} GiB holds about {days} days: {a_day:.1f} GiB a day at the most nodes of "
                "the pools, and a fifth of the disk is for blocks that are being merged"
            ),
            given=str(spec.retention_days),
            allowed=f"up to {days}, or diskGib of at least {needed}",
            fix=f"write `diskGib: {needed}`" + (f", or `retentionDays: {days}`" if days >= least else ""),
        )


def spec_runs(spec: MonitoringSpec) -> bool:
    """Whether it is known that the platform runs Prometheus itself."""
    return has(spec, ["provided"]) and spec.runs


def gib_a_day(nodes: int) -> float:
    """What samples of a day take, at so many nodes."""
    samples = (_SERIES + nodes * _SERIES_A_NODE) * _DAY_SECONDS / _SECONDS_A_SAMPLE
    return samples * _BYTES_A_SAMPLE / _GIB
