"""What must hold between the parts of a platform, and no single spec can see.

Works on parts rather than on a whole spec, so that one broken tenant does not hide the mistakes of the others: what
could not be read is None, and checks that need it are left out.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bedplate.clouds import NodePoolSpec
from bedplate.config import PlatformSpec, TenantEntry
from bedplate.guardrails import GuardrailsSpec
from bedplate.labels import host_label
from bedplate.workloads import WorkloadSpec

PathPart = str | int
_RESERVED_NAMESPACES = ("default", "kube-", "bedplate-")
_LABEL_LENGTH = 63


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where, what is wrong, the value given, the values allowed, the change to make."""

    path: tuple[PathPart, ...]
    message: str
    given: str | None = None
    allowed: str | None = None
    fix: str


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What could be read of a platform. secrets: names of the config secrets there are; None where unknown."""

    pools: Mapping[str, NodePoolSpec] | None
    guardrails: GuardrailsSpec | None
    tenant_prefix: str
    tenants: Sequence[tuple[int, TenantEntry, Sequence[int]]]
    """Index in the list, tenant, and the index of each of its workloads."""
    secrets: Collection[str] | None = None
    kubeconfig_ref: str | None = None

    @classmethod
    def of(cls, spec: PlatformSpec, secrets: Collection[str] | None = None) -> "Parts":
        """The parts of a spec that could be read whole."""
        return cls(
            pools=spec.node_pools,
            guardrails=spec.guardrails,
            tenant_prefix=spec.tenant_prefix,
            tenants=[(index, tenant, range(len(tenant.workloads))) for index, tenant in enumerate(spec.tenants)],
            secrets=secrets,
            kubeconfig_ref=spec.cloud.kubeconfig_ref,
        )

    def workloads(self) -> Iterator[tuple[tuple[PathPart, ...], TenantEntry, WorkloadSpec]]:
        """Every workload with its path and its tenant."""
        for index, tenant, positions in self.tenants:
            for position, workload in zip(positions, tenant.workloads, strict=True):
                yield ("tenants", index, "workloads", position), tenant, workload


def problems(parts: Parts) -> list[Problem]:
    """All that is inconsistent, in the order of the checks."""
    return [problem for check in _CHECKS for problem in check(parts)]


def refuse_inconsistent(spec: PlatformSpec) -> None:
    """Raises ValueError with every problem, one a line."""
    found = problems(Parts.of(spec))
    if found:
        raise ValueError("\n".join(f"{dotted(problem.path)}: {problem.message}; {problem.fix}" for problem in found))


def dotted(path: Sequence[PathPart]) -> str:
    """A path as people write it: tenants[0].workloads[1].image."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def number(value: float) -> str:
    """A number without a needless '.0'."""
    return f"{value:g}"


def _tenant_names(parts: Parts) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, tenant, _ in parts.tenants:
        namespace, path = f"{parts.tenant_prefix}{tenant.name}", ("tenants", index, "name")
        if tenant.name in seen:
            first = dotted(("tenants", seen[tenant.name]))
            yield Problem(
                path=path,
                message=f"two tenants are called '{tenant.name}'; the other is {first}",
                given=tenant.name,
                fix="give one of them another name",
            )
        elif any(namespace.startswith(reserved) for reserved in _RESERVED_NAMESPACES):
            yield Problem(
                path=path,
                message=f"the namespace '{namespace}' is not for tenants",
                given=tenant.name,
                fix="choose a name that does not begin with default, kube- or bedplate-, or set tenantPrefix",
            )
        elif len(namespace) > _LABEL_LENGTH:
            yield Problem(
                path=path,
                message=f"the namespace '{namespace}' has {len(namespace)} characters; Kubernetes allows {_LABEL_LENGTH}",
                given=tenant.name,
                fix="shorten the tenant's name or tenantPrefix",
            )
        seen.setdefault(tenant.name, index)


def _workload_names(parts: Parts) -> Iterator[Problem]:
    for index, tenant, positions in parts.tenants:
        first_positions: dict[str, int] = {}
        for position, workload in zip(positions, tenant.workloads, strict=True):
            first = first_positions.setdefault(workload.name, position)
            if first != position:
                yield Problem(
                    path=("tenants", index, "workloads", position, "name"),
                    message=f"two workloads of tenant '{tenant.name}' are called '{workload.name}'",
                    given=workload.name,
                    fix=f"give this one or workloads[{first}] another name",
                )


def _hosts(parts: Parts) -> Iterator[Problem]:
    first_owner: dict[str, tuple[str, str]] = {}
    for path, tenant, workload in parts.workloads():
        label, owner = host_label(tenant.name, workload.name), (tenant.name, workload.name)
        if len(label) > _LABEL_LENGTH:
            yield Problem(
                path=(*path, "name"),
                message=f"the host '{label}' has {len(label)} characters; a DNS label has at most {_LABEL_LENGTH}",
                given=workload.name,
                fix=f"shorten the workload's or the tenant's name by {len(label) - _LABEL_LENGTH} characters",
            )
        first = first_owner.setdefault(label, owner)
        if first != owner:
            yield Problem(
                path=(*path, "name"),
                message=f"its host '{label}' is also that of workload '{first[1]}' of tenant '{first[0]}'",
                given=workload.name,
                fix="rename one of the two workloads",
            )


def _accelerators(parts: Parts) -> Iterator[Problem]:
    if parts.pools is None:
        return
    offered = sorted({pool.accelerator for pool in parts.pools.values() if pool.accelerator})
    asked: list[tuple[tuple[PathPart, ...], str]] = []
    for index, tenant, _ in parts.tenants:
        asked += [(("tenants", index, "quota", "gpus", accelerator), accelerator) for accelerator in tenant.quota.gpus]
    for path, _, workload in parts.workloads():
        if workload.gpu:
            asked.append(((*path, "gpu", "accelerator"), workload.gpu.accelerator))
    for path, accelerator in asked:
        if accelerator not in offered:
            yield Problem(
                path=path,
                message="no node pool has this accelerator",
                given=accelerator,
                allowed=", ".join(offered) or "none, there is no GPU pool",
                fix="choose one of these, or add a pool with it to nodePools",
            )


def _fits_a_machine(parts: Parts) -> Iterator[Problem]:
    if parts.pools is None:
        return
    for path, _, workload in parts.workloads():
        accelerator = workload.gpu.accelerator if workload.gpu else None
        pools = {name: pool for name, pool in parts.pools.items() if pool.accelerator == accelerator}
        footprint = workload.footprint()
        if not pools or any(
            footprint.cpu <= pool.machine.cpu
            and footprint.memory_gib <= pool.machine.memory_gib
            and footprint.gpus <= (pool.count or 0)
            for pool in pools.values()
        ):
            continue
        machines = "; ".join(
            f"{name}: {number(pool.machine.cpu)} cores, {number(pool.machine.memory_gib)} GiB, {pool.count or 0} GPUs"
            for name, pool in sorted(pools.items())
        )
        yield Problem(
            path=path,
            message="a pod of this workload is larger than every machine it could run on",
            given=f"{number(footprint.cpu)} cores, {number(footprint.memory_gib)} GiB, {footprint.gpus} GPUs",
            allowed=machines,
            fix="ask for less, or add a pool with larger machines",
        )


def _quota_holds_each_workload(parts: Parts) -> Iterator[Problem]:
    for path, tenant, workload in parts.workloads():
        footprint = workload.footprint()
        for key, needed, granted in _against_quota(tenant, workload, footprint.pods_most):
            yield Problem(
                path=path,
                message=(
                    f"at its largest ({footprint.pods_most} pods, rolling updates included) workload "
                    f"'{workload.name}' needs more {key} than the tenant's quota"
                ),
                given=number(needed),
                allowed=f"at most {number(granted)}",
                fix=f"raise quota.{key} of tenant '{tenant.name}' to {number(needed)}, or make the workload smaller",
            )


def _quota_holds_all_workloads(parts: Parts) -> Iterator[Problem]:
    for index, tenant, _ in parts.tenants:
        needed: Counter[str] = Counter()
        granted: dict[str, float] = {}
        for workload in tenant.workloads:
            for key, amount, limit in _demand(tenant, workload, workload.footprint().pods_always):
                needed[key] += amount  # pyright: ignore[reportArgumentType] - Counter of floats
                granted[key] = limit
        for key in granted:
            if needed[key] > granted[key]:
                yield Problem(
                    path=("tenants", index, "quota"),
                    message=f"the tenant's workloads together always need more {key} than its quota",
                    given=number(granted[key]),
                    allowed=f"at least {number(needed[key])}",
                    fix=f"raise quota.{key}, or remove or shrink workloads",
                )


def _demand(tenant: TenantEntry, workload: WorkloadSpec, pods: int) -> list[tuple[str, float, float]]:
    footprint, quota = workload.footprint(), tenant.quota
    demand: list[tuple[str, float, float]] = [
        ("cpu", footprint.cpu * pods, quota.cpu),
        ("memoryGib", footprint.memory_gib * pods, quota.memory_gib),
        ("pods", pods, quota.pods),
    ]
    if workload.gpu:
        accelerator = workload.gpu.accelerator
        demand.append((f"gpus.{accelerator}", footprint.gpus * pods, quota.gpus.get(accelerator, 0)))
    return demand


def _against_quota(tenant: TenantEntry, workload: WorkloadSpec, pods: int) -> list[tuple[str, float, float]]:
    return [part for part in _demand(tenant, workload, pods) if part[1] > part[2]]


def _volumes(parts: Parts) -> Iterator[Problem]:
    for index, tenant, _ in parts.tenants:
        size = sum(volume.size_gib for volume in tenant.volumes)
        if size > tenant.quota.storage_gib:
            yield Problem(
                path=("tenants", index, "quota", "storageGib"),
                message=f"the volumes of tenant '{tenant.name}' are larger than its quota",
                given=number(tenant.quota.storage_gib),
                allowed=f"at least {number(size)}",
                fix="raise quota.storageGib, or make the volumes smaller",
            )
    for path, tenant, workload in parts.workloads():
        names = [volume.name for volume in tenant.volumes]
        for position, mount in enumerate(workload.mounts):
            if mount.volume not in names:
                yield Problem(
                    path=(*path, "mounts", position, "volume"),
                    message=f"tenant '{tenant.name}' has no such volume",
                    given=mount.volume,
                    allowed=", ".join(names) or "none, the tenant has no volumes",
                    fix="choose one of these, or add it to the tenant's volumes",
                )


def _guardrails(parts: Parts) -> Iterator[Problem]:
    limits = parts.guardrails
    if limits is None:
        return
    for path, _, workload in parts.workloads():
        footprint = workload.footprint()
        if not limits.approves(workload.image):
            yield Problem(
                path=(*path, "image"),
                message="the image is not from an approved registry (guardrail approved-images)",
                given=workload.image,
                allowed=", ".join(limits.approved_images),
                fix="use an image from one of these, or extend guardrails.approvedImages",
            )
        if footprint.run_hours is not None and footprint.run_hours > limits.max_job_hours:
            yield Problem(
                path=(*path, "maxHours"),
                message="the job may run longer than any job is allowed to (guardrail job-run-time)",
                given=number(footprint.run_hours),
                allowed=f"at most {number(limits.max_job_hours)}",
                fix="lower maxHours and resume from a checkpoint, or raise guardrails.maxJobHours",
            )
        for key, value, limit in limits.max_pod.exceeded_by(footprint.cpu, footprint.memory_gib, footprint.gpus):
            yield Problem(
                path=(*path, *key.split(".")),
                message="the pod is larger than any pod is allowed to be (guardrail max-pod-size)",
                given=number(value),
                allowed=f"at most {number(limit)}",
                fix="ask for less, or raise guardrails.maxPod",
            )


def _secrets(parts: Parts) -> Iterator[Problem]:
    if parts.secrets is None:
        return
    asked: list[tuple[tuple[PathPart, ...], str]] = []
    if parts.kubeconfig_ref:
        asked.append((("cloud", "kubeconfigRef"), parts.kubeconfig_ref))
    for path, _, workload in parts.workloads():
        asked += [((*path, "secretEnv", name), key) for name, key in workload.secret_env.items()]
    for path, key in asked:
        if key not in parts.secrets:
            yield Problem(
                path=path,
                message="there is no config secret of this name",
                given=key,
                allowed=", ".join(sorted(parts.secrets)) or "none, the stack has no secrets",
                fix=f"write it with `pulumi config set --secret {key}`, or name another",
            )


_CHECKS: tuple[Callable[[Parts], Iterator[Problem]], ...] = (
    _tenant_names,
    _workload_names,
    _hosts,
    _accelerators,
    _fits_a_machine,
    _quota_holds_each_workload,
    _quota_holds_all_workloads,
    _volumes,
    _guardrails,
    _secrets,
)
