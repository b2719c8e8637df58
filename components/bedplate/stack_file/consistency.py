"""What must hold between the parts of a platform, and no single spec can see.

Owns the list of all checks, and those of quotas, images and limits. Beside it, by what they are about: `capacity`
(machines and networks), `gpus` (parts of them, drivers), `models` (language models on GPUs), `queues` (work that waits
its turn), `storage` (volumes), `buckets`, `costs`, `routing` (hosts and routes), `secrets`, `external_secrets`,
`tenancy` (names), `ceilings` (the most that any tenant may have), `idle` (stopping what nobody uses), `monitoring`,
`ssh` (who comes in), `images` (who builds where), `logs` (their disk).
"""

import json
import re
from collections.abc import Callable, Collection, Iterator

from bedplate.clouds import ACCELERATORS
from bedplate.config import PlatformSpec
from bedplate.services.certificates.spec import LetsEncryptSpec
from bedplate.stack_file import (
    buckets,
    capacity,
    ceilings,
    costs,
    external_secrets,
    gpus,
    idle,
    images,
    logs,
    models,
    monitoring,
    queues,
    routing,
    secrets,
    ssh,
    storage,
    tenancy,
)
from bedplate.stack_file.parts import Parts, footprint_of, has, is_whole
from bedplate.stack_file.problems import DECIMALS, PathParts, Problem, dotted, number, shown, suggestion
from bedplate.tenants import QuotaSpec
from bedplate.wording import counted
from bedplate.workloads import Footprint, WorkloadSpec

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_MAX_WORKLOAD_BYTES = 256 * 1024
"""The API server takes objects of up to 1.5 MiB, and keeps what was applied beside what there is."""


def problems(parts: Parts) -> list[Problem]:
    """All that is inconsistent, in the order of the checks."""
    return [problem for check in _CHECKS for problem in check(parts)]


def refuse_inconsistent(spec: PlatformSpec) -> None:
    """Raises ValueError with every problem, one a line."""
    found = problems(Parts.of(spec))
    if found:
        raise ValueError("\n".join(f"{dotted(problem.path)}: {problem.message}; {problem.fix}" for problem in found))


def _accelerators(parts: Parts) -> Iterator[Problem]:
    offered = parts.accelerators()
    if offered is None:
        return
    asked: list[tuple[PathParts, str]] = []
    for path, tenant in parts.with_tenants("quota"):
        asked += [((*path, "quota", "gpus", accelerator), accelerator) for accelerator in tenant.quota.gpus]
    for path, _, workload in parts.with_workloads(["gpu"]):
        if workload.gpu:
            asked.append(((*path, "gpu", "accelerator"), workload.gpu.accelerator))
    for path, accelerator in asked:
        if accelerator not in offered:
            yield Problem(
                path=path,
                message="no node pool has this accelerator",
                given=shown(accelerator),
                allowed=", ".join(offered) or "none, there is no GPU pool",
                fix=suggestion(
                    "" if accelerator in ACCELERATORS else accelerator,
                    offered,
                    "choose one of these, or add a pool with it to nodePools",
                ),
            )


def _quota(parts: Parts) -> Iterator[Problem]:
    """Each workload at its largest; then what runs at all times together, an update included, for what none breaks
    alone."""
    offered = parts.accelerators()
    for index, tenant, positions in parts.tenants:
        if not has(tenant, ["quota"]):
            continue
        granted, with_borrowed = _granted(tenant.quota), _granted(tenant.quota, is_queued=True)
        always: dict[str, float] = {}
        updating: dict[str, float] = {}
        broken: set[str] = set()
        runs = 0
        for position, workload in zip(positions, tenant.workloads, strict=True):
            footprint = footprint_of(workload)
            if footprint is None:
                continue
            runs += footprint.runs_kept
            beside = _sizes(footprint.beside) if footprint.beside else {}
            for key, one in _of_one_pod(footprint, workload, tenant.quota, offered).items():
                more = beside.get(key, 0)
                most = round(one * footprint.pods_most + more, DECIMALS)
                always[key] = round(always.get(key, 0) + one * footprint.pods_always, DECIMALS)
                updating[key] = max(updating.get(key, 0), one * footprint.pods_of_updates + more)
                allowed = (with_borrowed if footprint.run_hours else granted).get(key, 0)
                if most > allowed:
                    broken.add(key)
                    path = ("tenants", index, "workloads", position)
                    yield _over_quota(path, key, most, allowed, footprint)
        if runs > tenant.quota.jobs:
            yield _over_jobs(("tenants", index, "quota", "jobs"), runs, tenant.quota.jobs)
        for key, at_rest in always.items():
            needed = round(at_rest + updating[key], DECIMALS)
            if key not in broken and needed > granted[key]:
                yield _over_quota_together(("tenants", index, "quota", *key.split(".", 1)), key, needed, granted[key])


def _granted(quota: QuotaSpec, *, is_queued: bool = False) -> dict[str, float]:
    """is_queued: with what queued work may borrow."""
    counts = quota.most_gpus if is_queued else quota.gpus
    gpus = {f"gpus.{accelerator}": count for accelerator, count in counts.items()}
    sizes = {"cpu": quota.cpu, "memoryGib": quota.memory_gib, "scratchGib": quota.scratch_gib}
    return {**sizes, "pods": quota.pods, **gpus}


def _of_one_pod(
    footprint: Footprint, workload: WorkloadSpec, quota: QuotaSpec, offered: Collection[str] | None
) -> dict[str, float]:
    """What one pod takes of the quota; GPUs only where workload and quota name accelerators that there are."""
    taken = _sizes(footprint)
    if workload.gpu and offered is not None and {workload.gpu.accelerator, *quota.gpus} <= set(offered):
        taken[f"gpus.{workload.gpu.accelerator}"] = footprint.gpus
    return taken


def _sizes(pod: Footprint) -> dict[str, float]:
    return {"cpu": pod.cpu, "memoryGib": pod.memory_gib, "scratchGib": pod.disk_gib, "pods": 1}


def _over_quota(path: PathParts, key: str, needed: float, granted: float, footprint: Footprint) -> Problem:
    pods = footprint.pods_most
    size = counted(pods, "pod")
    if footprint.pods_of_updates:
        size += ", updates included"
    if footprint.beside:
        size += ", and what fetches its weights"
    return Problem(
        path=path,
        message=f"at its largest ({size}) it needs more {key} than the quota",
        given=number(needed),
        allowed=f"at most {number(granted)}",
        fix=f"raise quota.{key} of the tenant to {number(needed)}, or make the workload smaller",
    )


def _over_jobs(path: PathParts, runs: int, granted: int) -> Problem:
    return Problem(
        path=path,
        message="the histories of the tenant's jobs hold more runs than its quota has jobs, and then none starts",
        given=number(granted),
        allowed=f"at least {runs}",
        fix=f"raise quota.jobs to {runs}, or keep fewer runs (`history`)",
    )


def _over_quota_together(path: PathParts, key: str, needed: float, granted: float) -> Problem:
    return Problem(
        path=path,
        message=f"the tenant's workloads together need more {key} at all times, one update included, than its quota",
        given=number(granted),
        allowed=f"at least {number(needed)}",
        fix=f"raise quota.{key} to {number(needed)}, or remove or shrink workloads",
    )


def _approved_images(parts: Parts) -> Iterator[Problem]:
    limits = parts.guardrails
    if limits is None or not has(limits, ["approved_images"]):
        return
    for path, _, workload in parts.with_workloads(["image"]):
        images = {("image",): workload.image, **(workload.more_images() if is_whole(workload) else {})}
        for place, image in images.items():
            if limits.approves(image):
                continue
            yield Problem(
                path=(*path, *place),
                message="the image is not from an approved registry (guardrail approved-images)",
                given=shown(image),
                allowed=", ".join(limits.approved_images),
                fix="use an image from one of these, or extend guardrails.approvedImages",
            )


def _limits(parts: Parts) -> Iterator[Problem]:
    limits = parts.guardrails
    if limits is None:
        return
    for path, _, workload in parts.with_workloads():
        footprint = footprint_of(workload)
        if footprint is None:
            continue
        if footprint.run_hours and has(limits, ["max_job_hours"]) and footprint.run_hours > limits.max_job_hours:
            yield Problem(
                path=(*path, "maxHours"),
                message="the job may run longer than any job is allowed to (guardrail job-run-time)",
                given=number(footprint.run_hours),
                allowed=f"at most {number(limits.max_job_hours)}",
                fix="lower maxHours and resume from a checkpoint, or raise guardrails.maxJobHours",
            )
        if not has(limits, ["max_pod"]):
            continue
        exceeded = limits.max_pod.exceeded_by(
            cpu=footprint.cpu, memory_gib=footprint.memory_gib, disk_gib=footprint.disk_gib, gpus=footprint.gpus
        )
        for key, value, limit in exceeded:
            yield Problem(
                path=(*path, *key.split(".")),
                message="the pod is larger than any pod is allowed to be (guardrail max-pod-size)",
                given=number(value),
                allowed=f"at most {number(limit)}",
                fix="ask for less, or raise guardrails.maxPod",
            )


def _texts(parts: Parts) -> Iterator[Problem]:
    """A workload with its aliases written out, as it is in objects, in plans and in the state."""
    for path, _, workload in parts.with_workloads():
        if not is_whole(workload):
            continue
        written = workload.model_dump(mode="json", by_alias=True)
        texts = {key: json.dumps(value, ensure_ascii=False) for key, value in written.items()}
        for key, text in texts.items():
            if _SURROGATE.search(text):
                yield Problem(
                    path=(*path, key),
                    message="holds half of a character (U+D800 to U+DFFF), which no file and no object can hold",
                    fix="write the whole character, or remove it",
                )
        sizes = {key: len(text.encode(errors="surrogatepass")) for key, text in texts.items()}
        if (size := sum(sizes.values())) > _MAX_WORKLOAD_BYTES:
            largest = max(sizes, key=lambda key: sizes[key])
            yield Problem(
                path=(*path, largest),
                message="with this the workload is larger than an object of Kubernetes should be, aliases written out",
                given=f"{size // 1024} KiB, {sizes[largest] // 1024} KiB of them here",
                allowed=f"at most {_MAX_WORKLOAD_BYTES // 1024} KiB",
                fix="put data into the image or on a volume, and have the program read it there",
            )


def _login(parts: Parts) -> Iterator[Problem]:
    """Whoever signs people in must be able to say who is in the groups."""
    if parts.services.login is None:
        return
    groups: list[tuple[PathParts, str]] = []
    if has(parts.services.login, ["admin_groups"]):
        groups += [(("login", "adminGroups", at), name) for at, name in enumerate(parts.services.login.admin_groups)]
    for path, tenant in parts.with_tenants("groups"):
        groups += [((*path, "groups", at), name) for at, name in enumerate(tenant.groups)]
    for path, name in groups:
        if reason := parts.services.login.not_a_group(name):
            yield Problem(
                path=path,
                message=f"nobody who signs in is in this group: {reason}",
                given=shown(name),
                fix="name the group as the identity provider does",
            )


def _service_accounts(parts: Parts) -> Iterator[Problem]:
    login, cloud = parts.services.login, parts.cloud
    if login is None or cloud is None or not has(login, ["tokens"]) or not has(login.tokens, ["service_accounts"]):
        return
    if login.tokens.service_accounts and not cloud.publishes_service_account_keys():
        yield Problem(
            path=("login", "tokens", "serviceAccounts"),
            message="nobody knows who signs the tokens of this cluster's ServiceAccounts",
            given="true",
            fix="add `serviceAccountIssuer` to cloud.facts, if its keys are public, or remove this key",
        )


def _certificates(parts: Parts) -> Iterator[Problem]:
    spec = parts.services.certificates
    if not isinstance(spec, LetsEncryptSpec) or not has(spec, ["challenge"]) or spec.challenge != "dns01":
        return
    if parts.cloud and not parts.cloud.owns_dns_zone():
        yield Problem(
            path=("certificates", "issuer"),
            message="Let's Encrypt proves a domain by DNS-01 only in its DNS zone, and here is none that is ours",
            given=shown(spec.issuer),
            allowed="internal, clusterIssuer, or letsEncrypt by HTTP-01",
            fix="say in cloud.facts.dns01Solver how cert-manager writes to it, like `dns01Solver: {route53: {region: "
            "eu-central-1, hostedZoneID: Z…}}`; add `mode: perHost` and `challenge: http01` if Let's Encrypt reaches "
            "the hosts on port 80; otherwise write `issuer: internal`, or `issuer: clusterIssuer` with the `name` of "
            "one that you make",
        )


def _autoscalers(parts: Parts) -> Iterator[Problem]:
    """Whoever is to add pods by what pods use needs somebody who measures that."""
    if parts.cloud is None or parts.cloud.measures_pods():
        return
    for path, _, workload in parts.with_workloads():
        footprint = footprint_of(workload)
        if footprint and footprint.is_autoscaled:
            yield Problem(
                path=(*path, "replicas"),
                message="nobody measures pods on this cluster (cloud.facts.hasMetricsServer: false), so none is added",
                fix="install metrics-server and remove hasMetricsServer, or write the same number as min and max",
            )


_CHECKS: tuple[Callable[[Parts], Iterator[Problem]], ...] = (
    tenancy.tenant_names,
    tenancy.workload_names,
    tenancy.owners,
    routing.hosts,
    _accelerators,
    capacity.pools_have_machines,
    capacity.pools_carry_what_needs_no_gpu,
    capacity.the_cloud_can_work_with_the_pools,
    capacity.the_network_carries_the_pools,
    capacity.workloads_find_room,
    gpus.in_turns_one_at_a_time,
    gpus.in_turns_within_a_tenant,
    gpus.interconnects_are_there,
    gpus.drivers_run_the_programs,
    models.fit,
    models.images_are_mounted,
    models.queues,
    _quota,
    buckets.declared,
    buckets.granted,
    queues.trainings_have_a_queue,
    queues.borrowed_accelerators_are_there,
    queues.runs_fit_their_queue,
    storage.sizes,
    storage.mounts,
    storage.mounts_leave_the_templates_their_places,
    storage.names,
    storage.volumes_can_be_shared,
    storage.volumes_of_one_node_have_one_pod,
    _approved_images,
    _limits,
    _texts,
    _certificates,
    _autoscalers,
    _login,
    _service_accounts,
    routing.routes,
    routing.api_keys,
    idle.times,
    idle.warnings,
    idle.workloads,
    monitoring.what_needs_it,
    monitoring.receivers,
    monitoring.tenants,
    monitoring.dashboards,
    monitoring.retention,
    logs.lasting_disk,
    secrets.config_secrets,
    secrets.of_tenants,
    external_secrets.stores,
    external_secrets.prefixes,
    external_secrets.asked,
    ssh.owners,
    images.builds,
    images.approved,
    images.scanned,
    images.workspaces,
    images.named_by_digest,
    ceilings.quotas,
    ceilings.networks,
    ceilings.pod_security,
    ceilings.public_routes,
    costs.prices,
    costs.budgets_have_prices,
    costs.prices_are_of_one_currency,
    costs.a_month_is_kept,
    costs.people_are_told_apart,
    costs.usage_can_be_written,
)
