"""Whether a language model fits on the GPUs that it is to have, and who adds pods for it.

Owns the proposal of what would fit. It owns no numbers: those of models are `workloads`', those of GPUs the clouds'.
"""

from collections.abc import Iterator

from bedplate.clouds.sharing import part
from bedplate.stack_file.parts import Parts, has, is_whole
from bedplate.stack_file.problems import Problem, shown
from bedplate.workloads.llm import LlmSpec

_MOUNTS_IMAGES = (1, 35)
"""https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes"""


def fit(parts: Parts) -> Iterator[Problem]:
    """A model that does not fit is refused by vLLM after its weights were loaded, which takes minutes of many GPUs."""
    offered = parts.accelerators() or []
    for path, _, workload in parts.with_workloads():
        if not isinstance(workload, LlmSpec) or not is_whole(workload) or workload.gpu.accelerator not in offered:
            continue
        gpus, memory_gb = workload.gpu.count, part(workload.gpu.accelerator).memory_gb
        model, demand = workload.preset, workload.demand
        if demand.fits(gpus, memory_gb, workload.memory_share):
            continue
        if not model.goes_on(gpus):
            yield Problem(
                path=(*path, "gpu", "count"),
                message=f"{gpus} GPUs cannot share the {model.heads} heads of {workload.model} evenly",
                given=shown(gpus),
                allowed=", ".join(str(count) for count in (1, 2, 4, 8, 16) if model.goes_on(count)),
                fix=_proposal(workload, parts),
            )
            continue
        yield Problem(
            path=(*path, "gpu"),
            message=(
                f"{workload.model} with {workload.full_requests} requests of {workload.context_tokens} tokens needs "
                f"{demand.gb_of_each(gpus):.1f} GB of each GPU"
            ),
            given=f"{gpus} × {workload.gpu.accelerator}, of each {memory_gb * workload.memory_share:.1f} GB for vLLM",
            fix=_proposal(workload, parts),
        )


def images_are_mounted(parts: Parts) -> Iterator[Problem]:
    """A cluster before 1.35 drops a volume's `image`, and refuses the pod for a volume without a source."""
    version = parts.cloud.kubernetes_version if parts.cloud and has(parts.cloud, ["kubernetes_version"]) else None
    if version is None or tuple(map(int, version.split("."))) >= _MOUNTS_IMAGES:
        return
    for path, _, workload in parts.with_workloads():
        if isinstance(workload, LlmSpec) and has(workload, ["weights"]) and workload.weights.image:
            yield Problem(
                path=(*path, "weights", "image"),
                message=f"this cluster (Kubernetes {version}) mounts no images",
                given=workload.weights.image,
                allowed="from Kubernetes 1.35 on",
                fix="raise cloud.kubernetesVersion, or have the weights on a volume or in a bucket",
            )


def queues(parts: Parts) -> Iterator[Problem]:
    """Somebody reads what waits."""
    for path, _, workload in parts.with_workloads():
        if not isinstance(workload, LlmSpec) or not is_whole(workload) or workload.queued() is None:
            continue
        if not parts.stops_idle:
            fewest = workload.replicas.min
            yield Problem(
                path=(*path, "replicas"),
                message="nobody adds pods by what waits in them: this stack has no KEDA",
                fix="add `idle: {}` to the stack (and `services` to layers), or write "
                f"{{min: {fewest}, max: {fewest}}}",
            )


def _proposal(spec: LlmSpec, parts: Parts) -> str:
    """The cheapest changes that would fit: fewer tokens on these GPUs, more of them, others, another cache."""
    demand, share = spec.demand, spec.memory_share
    found: list[str] = []
    memory_gb = part(spec.gpu.accelerator).memory_gb
    if spec.preset.goes_on(spec.gpu.count):
        tokens = demand.most_tokens(spec.gpu.count, memory_gb, share)
        if requests := tokens // spec.context_tokens:
            found.append(f"`fullRequests: {requests}`")
        elif tokens >= 4096:
            found.append(f"`contextTokens: {tokens // 1024 * 1024}` and `fullRequests: 1`")
    most = _most_of_a_node(parts)
    for accelerator in [spec.gpu.accelerator, *(name for name in most if name != spec.gpu.accelerator)]:
        counts = range(1, most[accelerator] + 1)
        fitting = [count for count in counts if demand.fits(count, part(accelerator).memory_gb, share)]
        if fitting:
            found.append(f"`gpu: {{accelerator: {accelerator}, count: {fitting[0]}}}`")
            break
    return f"write {', or '.join(found)}" if found else "choose a smaller model, or add a pool with larger GPUs"


def _most_of_a_node(parts: Parts) -> dict[str, int]:
    """By accelerator, the most that one node has; parts of GPUs are taken one by one."""
    most: dict[str, int] = {}
    for pool in (parts.pools or {}).values():
        if has(pool, ["accelerator", "sharing", "count"]) and pool.offers:
            most[pool.offers] = max(most.get(pool.offers, 0), 1 if pool.sharing else pool.count or 1)
    return most
