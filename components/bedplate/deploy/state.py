"""How an app is: what `deploy status`, `get` and a rollout that is waited for all say.

Owns the words. `failing` is set for what will not mend itself; `why` tells the whole of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.deploy.cluster import NONE, NOTHING, Cluster, Object
from bedplate.deploy.errors import DeployError
from bedplate.labels import WORKLOAD
from bedplate.wording import counted

HEALTHY, UPDATING, NOT_READY, FAILING, ASLEEP = "Healthy", "Updating", "NotReady", "Failing", "Asleep"
_REVISION, _TEMPLATE = "deployment.kubernetes.io/revision", "pod-template-hash"
_CERTAIN = {
    "CrashLoopBackOff": "its program ends again and again",
    "CreateContainerConfigError": "a Secret or ConfigMap that it names is not there",
    "CreateContainerError": "its container cannot be made",
    "ErrImagePull": "its image cannot be pulled",
    "ImagePullBackOff": "its image cannot be pulled",
    "InvalidImageName": "its image's name is wrong",
    "RunContainerError": "its program cannot be started",
}


@dataclass(frozen=True, kw_only=True)
class AppState:
    """status: one of the words. progress: percent of the pods that are new and ready. message: pods, in words.
    failing: what keeps it, '' where nothing is seen. ready, replicas: of all its pods."""

    app: str
    status: str
    progress: int
    message: str
    failing: str
    ready: int
    replicas: int

    @property
    def is_complete(self) -> bool:
        """Whether all pods are new and ready."""
        return self.status in (HEALTHY, ASLEEP)


def state_of(cluster: Cluster, app: str) -> AppState:
    """Raises DeployError where there is no such app."""
    return state_from(app, *live_of(cluster, app))


def live_of(cluster: Cluster, app: str) -> tuple[Object, Sequence[Object]]:
    """Its Deployment and the pods of its newest release. Raises DeployError where there is no such app."""
    live = cluster.get("Deployment", app)
    if live is None:
        raise DeployError(f"there is no '{app}' in {cluster.namespace}", "see `bedplate deploy list`", app)
    marked = {WORKLOAD: app}
    return live, newest(live, cluster.list("Pod", marked), cluster.list("ReplicaSet", marked))


def newest(live: Object, pods: Sequence[Object], sets: Sequence[Object]) -> Sequence[Object]:
    """Those of the pods that the Deployment wants now: what keeps the release before says nothing of this one."""
    status: Mapping[str, Any] = live.get("status") or NOTHING
    if int(status.get("observedGeneration", 0)) < int(live["metadata"].get("generation", 0)):
        return ()
    revision = (live["metadata"].get("annotations") or NOTHING).get(_REVISION)
    hashes = {
        (each["metadata"].get("labels") or NOTHING).get(_TEMPLATE)
        for each in sets
        if (each["metadata"].get("annotations") or NOTHING).get(_REVISION) == revision
    }
    return [pod for pod in pods if (pod["metadata"].get("labels") or NOTHING).get(_TEMPLATE) in hashes]


def state_from(app: str, live: Object, pods: Sequence[Object]) -> AppState:
    """Of a Deployment and its newest pods."""
    status: Mapping[str, Any] = live.get("status") or NOTHING
    wanted = int(live["spec"].get("replicas", 1))
    is_seen = int(status.get("observedGeneration", 0)) >= int(live["metadata"].get("generation", 0))
    updated = int(status.get("updatedReplicas", 0)) if is_seen else 0
    total, ready = int(status.get("replicas", 0)), int(status.get("readyReplicas", 0))
    available = int(status.get("availableReplicas", 0))
    fresh = max(0, min(updated, available - max(0, total - updated)))
    is_complete = is_seen and updated == wanted == total == ready == available
    progress = 100 if is_complete else min(99, 100 * fresh // max(1, wanted))
    failing = "" if is_complete else _failing(live, pods)
    if wanted == 0:
        word = ASLEEP
    elif is_complete:
        word = HEALTHY
    elif failing:
        word = FAILING
    else:
        word = UPDATING if available else NOT_READY
    message = f"{fresh} of {wanted} pods new and ready"
    if total > updated:
        message += f", {total - updated} of the release before"
    return AppState(
        app=app, status=word, progress=progress, message=message, failing=failing, ready=ready, replicas=wanted
    )


def _failing(live: Object, pods: Sequence[Object]) -> str:
    for condition in (live.get("status") or NOTHING).get("conditions") or NONE:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"its pods cannot be made: {condition.get('message', '')}"
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "it did not get ready in time"
    for pod in pods:
        for status in (pod.get("status") or NOTHING).get("containerStatuses") or NONE:
            if status.get("ready"):
                continue
            ended = (status.get("lastState") or NOTHING).get("terminated") or (status.get("state") or NOTHING).get(
                "terminated"
            )
            if ended and ended.get("reason") == "OOMKilled":
                limit = _limit(pod, str(status["name"]))
                again = counted(int(status.get("restartCount", 0)), "time")
                return f"container exceeded memory limit ({limit}), started again {again}"
            reason = ((status.get("state") or NOTHING).get("waiting") or NOTHING).get("reason", "")
            if reason in _CERTAIN:
                return f"{_CERTAIN[reason]} ({reason})"
    return ""


def _limit(pod: Object, container: str) -> str:
    found = [each for each in pod["spec"]["containers"] if each["name"] == container]
    return (
        str(((found[0].get("resources") or NOTHING).get("limits") or NOTHING).get("memory", "none"))
        if found
        else "none"
    )
