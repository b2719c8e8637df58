"""Why something of a tenant does not run: one or several causes, each with the change to make.

Owns the reading of what members may see: objects, pods with their last log lines, events, quotas, claims and what pods
use. It knows apps that members deployed and whatever a stack runs in the tenant, workspaces and trainings included. The
texts are matched against what Kubernetes 1.34 to 1.36 writes; a text nobody knows is passed on as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.deploy.cluster import NONE, NOTHING, Cluster, Object, Refused
from bedplate.deploy.errors import DeployError
from bedplate.deploy.pods import cause_of_pod
from bedplate.deploy.refusals import explained
from bedplate.deploy.state import newest
from bedplate.labels import COMPONENT, WORKLOAD

_MAKERS = ("Deployment", "StatefulSet", "Job", "CronJob")
_REFUSED_EVENTS = ("FailedCreate", "FailedUpdate")
_OF_JOB = "job-name"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """kind: one word for programs: `memory`, `image`, `probe`, `quota`, `guardrail`, `unschedulable`, `volume`,
    `network`, `crash`, `secret`, `queue`, `asleep`, `disk`, `evicted`, `refused`, `slow`. object: what shows it. cause:
    what is wrong. fix: the change to make. log: the last lines, where they say more."""

    kind: str
    object: str
    cause: str
    fix: str
    log: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is known of one name. of_stack: whether the stack's file owns it. status: in a word."""

    name: str
    kind: str
    status: str
    of_stack: bool
    causes: Sequence[Cause]


def explain(cluster: Cluster, name: str) -> Explanation:
    """Of an app, a workspace, a training or a job. Raises DeployError where there is nothing of that name."""
    marked = {WORKLOAD: name}
    makers = [(kind, body) for kind in _MAKERS for body in cluster.list(kind, marked)]
    pods = _of_newest(cluster, makers, cluster.list("Pod", marked))
    scaled = cluster.list("ScaledObject", marked)
    if not makers and not pods:
        known = sorted(
            {str((body["metadata"].get("labels") or NOTHING).get(WORKLOAD, "")) for body in _everything(cluster)}
        )
        fix = f"choose one of: {', '.join(filter(None, known))}" if any(known) else "deploy something first"
        raise DeployError(f"there is no '{name}' in {cluster.namespace}", fix, name)
    events = cluster.list("Event")
    first = makers[0][1] if makers else pods[0]
    causes = [*_of_makers(cluster, makers, events, scaled), *_of_pods(cluster, pods, events)]
    unready = [pod for pod in pods if not _is_fine(pod)]
    if not causes and not unready and any(_wants(body) > _has(body) for _, body in makers):
        causes = [Cause(kind="slow", object=name, cause="its pods are being made", fix="look again in a moment")]
    labels = first["metadata"].get("labels") or NOTHING
    return Explanation(
        name=name,
        kind=str(labels.get(COMPONENT, "")),
        status="Healthy" if not causes else "Asleep" if causes[0].kind == "asleep" else "Failing",
        of_stack=labels.get("app.kubernetes.io/managed-by") != "bedplate-deploy",
        causes=tuple(dict.fromkeys(causes)),
    )


def _of_newest(cluster: Cluster, makers: Sequence[tuple[str, Object]], pods: Sequence[Object]) -> Sequence[Object]:
    """Without those of the release before: what keeps them is over with them."""
    deployments = [body for kind, body in makers if kind == "Deployment"]
    if len(deployments) != 1 or len(makers) != 1:
        return pods
    (live,) = deployments
    return newest(live, pods, cluster.list("ReplicaSet", {WORKLOAD: str(live["metadata"]["name"])}))


def _everything(cluster: Cluster) -> list[Object]:
    return [body for kind in _MAKERS for body in cluster.list(kind)]


def _wants(body: Object) -> int:
    return int((body.get("spec") or NOTHING).get("replicas", 0))


def _has(body: Object) -> int:
    return int((body.get("status") or NOTHING).get("readyReplicas", 0))


def _is_fine(pod: Object) -> bool:
    """Ready or done, or on its way out."""
    status: Mapping[str, Any] = pod.get("status") or NOTHING
    if status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return True
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or NONE)


def _of_makers(
    cluster: Cluster, makers: Sequence[tuple[str, Object]], events: Sequence[Object], scaled: Sequence[Object]
) -> list[Cause]:
    """Why pods are not made at all: refused, waiting in a queue, or stopped."""
    causes: list[Cause] = []
    for kind, body in makers:
        name, spec = str(body["metadata"]["name"]), body.get("spec") or NOTHING
        workload = str((body["metadata"].get("labels") or NOTHING).get(WORKLOAD, name))
        if kind in ("Deployment", "StatefulSet") and _wants(body) == 0:
            why = "it is stopped while nobody uses it" if scaled else "it has no pods by its own number"
            fix = "open it: the first request starts it" if scaled else f"bedplate deploy scale {name} --min 1"
            causes.append(Cause(kind="asleep", object=f"{kind} {name}", cause=why, fix=fix))
        if kind == "Job" and spec.get("suspend"):
            said = _last(events, "Workload", workload) or _last(events, "Job", name)
            cause = f"it waits its turn in the queue{f': {said}' if said else ''}"
            fix = "it starts when the quota has room; see who runs: bedplate deploy list, or kubectl get jobs"
            causes.append(Cause(kind="queue", object=f"{kind} {name}", cause=cause, fix=fix))
        if refusal := _refusal(kind, body, events):
            told = explained(Refused(403, refusal), kind, name, cluster.namespace)
            causes.append(Cause(kind=_kind_of(refusal), object=f"{kind} {name}", cause=told.message, fix=told.fix))
    return causes


def _refusal(kind: str, body: Object, events: Sequence[Object]) -> str:
    """Why the API server takes no pods of it: its condition says so, or the last event of what makes them."""
    for condition in (body.get("status") or NOTHING).get("conditions") or NONE:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return str(condition.get("message", ""))
    status: Mapping[str, Any] = body.get("status") or NOTHING
    is_short = (
        _wants(body) > int(status.get("replicas", 0))
        if kind in ("Deployment", "StatefulSet")
        else not any(status.get(counted) for counted in ("active", "succeeded", "failed"))
    )
    name = str(body["metadata"]["name"])
    if kind == "CronJob" or not is_short:
        return ""
    for event in sorted(events, key=_time, reverse=True):
        of: Mapping[str, Any] = event.get("involvedObject") or NOTHING
        is_its = of.get("name") == name or (
            of.get("kind") == "ReplicaSet" and str(of.get("name")).startswith(f"{name}-")
        )
        if event.get("reason") in _REFUSED_EVENTS and is_its:
            return str(event.get("message", ""))
    return ""


def _kind_of(refusal: str) -> str:
    if "exceeded quota" in refusal:
        return "quota"
    return "guardrail" if "ValidatingAdmissionPolicy" in refusal or "PodSecurity" in refusal else "refused"


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _last(events: Sequence[Object], kind: str, name: str) -> str:
    """What was said last of an object, or of one that is named after it."""
    found = [
        event
        for event in events
        if (event.get("involvedObject") or NOTHING).get("kind") == kind
        and name in str((event.get("involvedObject") or NOTHING).get("name", ""))
    ]
    return str(max(found, key=_time).get("message", "")) if found else ""


def _of_pods(cluster: Cluster, pods: Sequence[Object], events: Sequence[Object]) -> list[Cause]:
    """One cause of each kind: twenty pods that fail alike are one failure."""
    found: dict[str, Cause] = {}
    for pod in pods:
        if _is_fine(pod):
            continue
        own = [
            event for event in events if (event.get("involvedObject") or NOTHING).get("name") == pod["metadata"]["name"]
        ]
        told = cause_of_pod(cluster, pod, sorted(own, key=_time))
        cause = Cause(object=f"Pod {pod['metadata']['name']}", **told)
        found.setdefault(cause.kind, cause)
    return sorted(found.values(), key=lambda cause: cause.kind == "slow")
