"""Why an object was refused or a pod does not run, and the change to make.

The texts are matched against what Kubernetes 1.34 to 1.36 writes; a text nobody knows is passed on as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bedplate.embedded_cluster.objects import Object, ObjectKey
from bedplate.kubernetes.quantities import quantity
from bedplate.labels import ACCELERATOR, GPU_RESOURCE, TENANT


@dataclass(frozen=True, kw_only=True)
class RehearsalProblem:
    """What fell short: the object, the cause, and the change to make."""

    object: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class _Cause:
    pattern: str
    reason: str
    fix: str


_REFUSALS = (
    _Cause(
        pattern=(
            r"exceeded quota: (?P<quota>\S+), requested: (?P<requested>.+?), "
            r"used: (?P<used>.+?), limited: (?P<limit>.+)"
        ),
        reason="quota '{quota}' is exceeded: asked for {requested}, in use {used}, limit {limit}",
        fix="raise the tenant's quota, or make its workloads smaller or fewer",
    ),
    _Cause(
        pattern=r"ValidatingAdmissionPolicy 'bedplate-guardrails' with binding \S+ denied request: (?P<text>.+)",
        reason="denied by guardrail {text}",
        fix="change the workload as the message says, or the limit in guardrails",
    ),
    _Cause(
        pattern=r'violates PodSecurity "(?P<level>[^"]+)": (?P<text>.+)',
        reason="denied by Pod Security level {level}: {text}",
        fix="change the pod as the message says, or set the tenant's podSecurity to baseline",
    ),
    _Cause(
        pattern=r"no PriorityClass with name (?P<name>\S+) was found",
        reason="its PriorityClass {name} does not exist",
        fix="apply the services layer before the tenants layer, with a node pool of that accelerator",
    ),
    _Cause(
        pattern=r"(?P<text>(?:maximum|minimum) (?:cpu|memory) usage per Container.+)",
        reason="outside the tenant's LimitRange: {text}",
        fix="ask for less, or raise guardrails.maxPod",
    ),
    _Cause(
        pattern=r'serviceaccount "(?P<name>[^"]+)" not found',
        reason="its ServiceAccount {name} does not exist",
        fix="create the ServiceAccount in the same namespace first",
    ),
    _Cause(
        pattern=r"failed to create typed patch object .*?: (?P<text>\..+: (?:field not|expected) .+)",
        reason="the manifest is not what its kind admits: {text}",
        fix="correct the template that builds this object, or the definitions it is checked against",
    ),
    _Cause(
        pattern=r'failed calling webhook "(?P<name>[^"]+)": (?P<text>.+)',
        reason="webhook '{name}' does not answer: {text}",
        fix="see why the operator that it belongs to does not run; nothing of its kinds is accepted until it does",
    ),
    _Cause(
        pattern=r"strict decoding error: (?P<text>.+)",
        reason="the manifest has fields that Kubernetes does not know: {text}",
        fix="correct the template that builds this object",
    ),
)
_WAITING = {
    "ImagePullBackOff": "check the image's name and the registry's credentials",
    "ErrImagePull": "check the image's name and the registry's credentials",
    "InvalidImageName": "correct the image's name",
    "CrashLoopBackOff": "read the pod's log; the program ends again and again",
    "CreateContainerConfigError": "create the Secret or ConfigMap that the container names",
}


def explain_refusal(key: ObjectKey, message: str) -> RehearsalProblem:
    """Why the API server refused an object, or a controller could not create its pods."""
    flat = " ".join(message.split())
    for cause in _REFUSALS:
        if found := re.search(cause.pattern, flat):
            values = found.groupdict()
            return RehearsalProblem(object=str(key), reason=cause.reason.format(**values), fix=cause.fix)
    return RehearsalProblem(object=str(key), reason=flat, fix="change the object as Kubernetes' message says")


def explain_pod(key: ObjectKey, pod: Object, nodes: Sequence[Object], claims: Sequence[Object]) -> RehearsalProblem:
    """Why a pod that exists is not ready. nodes: of the cluster; claims: of the pod's namespace."""
    for explain in (_unbound_claim, _unschedulable, _not_running):
        if (text := explain(pod, nodes, claims)) is not None:
            return RehearsalProblem(object=str(key), reason=text[0], fix=text[1])
    return RehearsalProblem(
        object=str(key),
        reason=f"the pod is {pod.get('status', {}).get('phase', 'Pending')} and not ready",
        fix="look at its events and its log",
    )


_Text = tuple[str, str] | None


def _unbound_claim(pod: Object, nodes: Sequence[Object], claims: Sequence[Object]) -> _Text:
    phases = {claim["metadata"]["name"]: claim for claim in claims}
    volumes = pod["spec"].get("volumes", [])
    mounted = [volume["persistentVolumeClaim"] for volume in volumes if "persistentVolumeClaim" in volume]
    for name in (source["claimName"] for source in mounted):
        claim = phases.get(name)
        if claim is None:
            return f"volume '{name}' does not exist", "add it to the tenant's volumes"
        storage_class = claim["spec"].get("storageClassName")
        if claim.get("status", {}).get("phase") == "Bound" or _condition(pod, "PodScheduled") is None:
            continue
        message = str((_condition(pod, "PodScheduled") or {}).get("message", ""))
        if re.search(r"unbound|volume|storageclass|PersistentVolume", message, re.IGNORECASE):
            return (
                f"volume '{name}' is unbound (StorageClass {storage_class}): {message}",
                "check that cloud.storageClasses names StorageClasses of the cluster whose provisioner runs",
            )
    return None


def _unschedulable(pod: Object, nodes: Sequence[Object], claims: Sequence[Object]) -> _Text:
    condition = _condition(pod, "PodScheduled")
    if condition is None or condition.get("status") == "True":
        return None
    message = str(condition.get("message", ""))
    if re.search(r"volume node affinity|PersistentVolume's node affinity", message):
        return (
            f"a volume that it mounts is attached to one node at a time, and other pods have it on theirs: {message}",
            "write `access: manyNodes` for the volume, or run one pod",
        )
    requests = pod_requests(pod)
    accelerator = pod["spec"].get("nodeSelector", {}).get(ACCELERATOR)
    right = [node for node in nodes if node["metadata"]["labels"].get(ACCELERATOR) == accelerator]
    kind = f"nodes with {accelerator}" if accelerator else "nodes without GPUs"
    if not right:
        return f"no node fits: the cluster has no {kind}", "add a node pool of that kind, or label its nodes"
    for resource, needed in requests.items():
        largest = max(quantity(node["status"]["allocatable"].get(resource, "0")) for node in right)
        if needed > largest:
            asked, most = _amount(resource, needed), _amount(resource, largest)
            text = f"no node fits: the request of {asked} is too large; the largest of {len(right)} {kind} has {most}"
            return text, "ask for less, or add a pool with larger machines"
    short = sorted(set(re.findall(r"Insufficient ([\w./-]*\w)", str(condition.get("message", "")))))
    full = f"all {len(right)} {kind} are full" + (f" (short of {', '.join(short)})" if short else "")
    return f"no node fits now: {full}: {condition.get('message', '')}", "raise the pool's max, or run less at a time"


def _not_running(pod: Object, nodes: Sequence[Object], claims: Sequence[Object]) -> _Text:
    for status in pod.get("status", {}).get("containerStatuses", []):
        last = status.get("lastState", {}).get("terminated", {}) or status.get("state", {}).get("terminated", {})
        if last.get("reason") == "OOMKilled":
            limits = pod["spec"]["containers"][0].get("resources", {}).get("limits", {})
            return (
                f"container '{status['name']}' exceeded its memory limit ({limits.get('memory', 'none')})",
                "raise memoryGib and deploy again; the image stays as it is",
            )
        waiting = status.get("state", {}).get("waiting", {})
        if (reason := waiting.get("reason")) in _WAITING:
            text = f"container '{status['name']}' waits: {reason} {waiting.get('message', '')}".strip()
            return text, _WAITING[reason]
    return None


def _condition(body: Object, kind: str) -> Object | None:
    conditions: Iterable[Object] = body.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), None)


def replica_failure(deployment: Object) -> str | None:
    """Why a Deployment's pods could not be created, if that is so."""
    condition = _condition(deployment, "ReplicaFailure")
    return str(condition["message"]) if condition and condition.get("status") == "True" else None


def pod_requests(pod: Object) -> dict[str, float]:
    """What the containers of a pod request together: cores, bytes, GPUs."""
    total: dict[str, float] = {}
    for container in pod["spec"]["containers"]:
        for resource, text in container.get("resources", {}).get("requests", {}).items():
            total[resource] = total.get(resource, 0) + quantity(text)
    return total


def _amount(resource: str, value: float) -> str:
    if resource == "memory":
        return f"{value / 2**30:g} GiB memory"
    return f"{value:g} GPUs" if resource == GPU_RESOURCE else f"{value:g} {'cores' if resource == 'cpu' else resource}"


def tenant_of(body: Object) -> str:
    """The tenant that an object belongs to, '' for the platform's own."""
    return str(body["metadata"].get("labels", {}).get(TENANT, ""))
