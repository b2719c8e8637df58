"""Why one pod is not ready: what its status, its events and its log say, in the order in which one hides the other."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.deploy.cluster import NONE, NOTHING, Cluster, Object
from bedplate.labels import DEPLOYED, MANAGED_BY

Told = dict[str, Any]
_LOG_LINES = 20
_SHOWN_LINES = 8
_NETWORK = re.compile(
    r"timed? ?out|No route to host|Network is unreachable|Temporary failure in name resolution|ConnectTimeout"
    r"|Name or service not known"
    r"|getaddrinfo|Connection refused|Max retries exceeded|dial tcp|\bE(NOTFOUND|CONNREFUSED|TIMEDOUT)\b",
    re.IGNORECASE,
)
"""What programs say who do not reach what they need; NetworkPolicies drop, so most of it is a timeout."""
_WITH_SUFFIX = re.compile(r"^([0-9.]+)(Ki|Mi|Gi|Ti|)$")


def cause_of_pod(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told:
    """kind, cause, fix and log. events: of the pod, the oldest first."""
    for explain in (_evicted, _claim, _unscheduled, _mounts, _sandbox, _containers):
        if told := explain(cluster, pod, events):
            return told
    phase = (pod.get("status") or NOTHING).get("phase", "Pending")
    said = str(events[-1].get("message", "")) if events else "nothing was said of it yet"
    return _told("slow", f"the pod is {phase} and not ready: {said}", "look again in a moment")


def _told(kind: str, cause: str, fix: str, log: Sequence[str] = ()) -> Told:
    return {"kind": kind, "cause": " ".join(cause.split()), "fix": fix, "log": tuple(log[-_SHOWN_LINES:])}


def _is_deployed(pod: Object) -> bool:
    return (pod["metadata"].get("labels") or NOTHING).get(MANAGED_BY) == DEPLOYED


def _where(pod: Object) -> str:
    """Which file decides about the pod."""
    return "bedplate.toml" if _is_deployed(pod) else "the tenant's file of the stack"


def _then(pod: Object) -> str:
    return "then run `bedplate deploy --same-image`" if _is_deployed(pod) else "by a pull request"


def _evicted(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    status: Mapping[str, Any] = pod.get("status") or NOTHING
    if status.get("reason") != "Evicted":
        return None
    said = str(status.get("message", ""))
    if "ephemeral" in said or "disk" in said.lower():
        return _told("disk", f"its node took it off: {said}", f"raise scratchGib in {_where(pod)}, {_then(pod)}")
    return _told(
        "evicted", f"its node took it off: {said}", "another pod takes its place; if it happens again, ask for more"
    )


def _condition(pod: Object, kind: str) -> Mapping[str, Any]:
    found: Sequence[Mapping[str, Any]] = (pod.get("status") or NOTHING).get("conditions") or NONE
    return next((condition for condition in found if condition["type"] == kind), NOTHING)


def _claim(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    """A volume that is not there or not bound keeps a pod from any node."""
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "True":
        return None
    said = str(scheduled.get("message", ""))
    for volume in pod["spec"].get("volumes") or NONE:
        name = str((volume.get("persistentVolumeClaim") or NOTHING).get("claimName") or "")
        if not name:
            continue
        claim = cluster.get("PersistentVolumeClaim", name)
        if claim is None:
            fix = f"correct the mount in {_where(pod)}, or have the volume added to the tenant's volumes"
            return _told("volume", f"volume '{name}' does not exist", fix)
        is_bound = (claim.get("status") or NOTHING).get("phase") == "Bound"
        if not is_bound and re.search(r"unbound|storageclass|volume", said, re.IGNORECASE):
            storage = claim["spec"].get("storageClassName")
            fix = "ask your platform team: the StorageClass makes no disk, or its provisioner does not run"
            return _told("volume", f"volume '{name}' has no disk yet (StorageClass {storage}): {said}", fix)
    return None


def _unscheduled(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    scheduled = _condition(pod, "PodScheduled")
    if not scheduled or scheduled.get("status") == "True":
        return None
    said = str(scheduled.get("message", ""))
    if re.search(r"volume node affinity", said, re.IGNORECASE):
        cause = f"a volume that it mounts is on another node, where other pods have it: {said}"
        return _told("volume", cause, "run one pod (replicas), or have `access: manyNodes` written for the volume")
    if scheduled.get("reason") == "SchedulingGated":
        return _told("queue", "it waits its turn in the queue", "it starts when the quota has room")
    short = sorted(set(re.findall(r"Insufficient ([\w./-]*\w)", said)))
    asked = _asked(pod)
    if short:
        cause = f"no node has room: short of {', '.join(short)}, and it asks for {asked}: {said}"
        fix = f"wait for a node or for others to end; or ask for less in {_where(pod)}, {_then(pod)}"
        return _told("unschedulable", cause, fix)
    if re.search(r"affinity|selector|taint", said):
        fix = f"choose a kind of node that the cluster has (gpu in {_where(pod)}); ask your platform team which"
        return _told("unschedulable", f"no node is of the kind that it asks for ({asked}): {said}", fix)
    return _told("unschedulable", f"no node takes it: {said}", "ask your platform team")


def _asked(pod: Object) -> str:
    from bedplate.kubernetes.quantities import quantity  # imports the specs

    totals: dict[str, float] = {}
    for container in pod["spec"]["containers"]:
        for resource, text in ((container.get("resources") or NOTHING).get("requests") or NOTHING).items():
            totals[resource] = totals.get(resource, 0) + quantity(str(text))
    words = [f"{totals['cpu']:g} cores"] if "cpu" in totals else []
    words += [f"{totals['memory'] / 2**30:g} GiB"] if "memory" in totals else []
    words += [f"{totals['nvidia.com/gpu']:g} GPUs"] if "nvidia.com/gpu" in totals else []
    return ", ".join(words)


def _mounts(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    said = _said(events, "FailedMount", "FailedAttachVolume")
    if not said or _condition(pod, "ContainersReady").get("status") == "True":
        return None
    if missing := re.search(r'(secret|configmap) "([^"]+)" not found', said):
        return _told("secret", f"the {missing[1]} '{missing[2]}' that it mounts is not there", "create it first")
    fix = "if the disk is attached elsewhere, end the pod that has it; otherwise ask your platform team"
    return _told("volume", f"a volume cannot be mounted: {said}", fix)


def _sandbox(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    said = _said(events, "FailedCreatePodSandBox")
    is_young = not any(_statuses(pod)) or all((s.get("state") or NOTHING).get("waiting") for s in _statuses(pod))
    if not said or not is_young:
        return None
    return _told(
        "network", f"its node gives it no network: {said}", "ask your platform team: it is the node's network plugin"
    )


def _said(events: Sequence[Object], *reasons: str) -> str:
    return next((str(event.get("message", "")) for event in reversed(events) if event.get("reason") in reasons), "")


def _statuses(pod: Object) -> Sequence[Mapping[str, Any]]:
    status: Mapping[str, Any] = pod.get("status") or NOTHING
    return [*(status.get("initContainerStatuses") or NONE), *(status.get("containerStatuses") or NONE)]


def _containers(cluster: Cluster, pod: Object, events: Sequence[Object]) -> Told | None:
    for status in _statuses(pod):
        waiting: Mapping[str, Any] = (status.get("state") or NOTHING).get("waiting") or NOTHING
        now: Mapping[str, Any] = (status.get("state") or NOTHING).get("terminated") or NOTHING
        ended = now or (status.get("lastState") or NOTHING).get("terminated") or NOTHING
        is_init_done = bool(now) and now.get("exitCode") == 0
        if status.get("ready") or is_init_done:
            continue
        reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
        if ended.get("reason") == "OOMKilled":
            return _out_of_memory(cluster, pod, status)
        if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
            return _image(pod, str(status.get("image", "")), message, events)
        if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
            return _not_started(pod, reason, message)
        unhealthy = _said(events, "Unhealthy")
        is_killed = bool(ended) and _said(events, "Killing") != "" and "probe" in _said(events, "Killing")
        if unhealthy and (is_killed or not ended):
            return _probe(cluster, pod, status, unhealthy, is_killed=is_killed)
        if ended:
            return _crash(cluster, pod, status, ended)
    return None


def _container(pod: Object, name: str) -> Mapping[str, Any]:
    every = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or NONE)]
    return next((each for each in every if each["name"] == name), NOTHING)


def _out_of_memory(cluster: Cluster, pod: Object, status: Mapping[str, Any]) -> Told:
    name = str(status["name"])
    limit = str(((_container(pod, name).get("resources") or NOTHING).get("limits") or NOTHING).get("memory", "none"))
    usage = _usage(cluster, pod, name)
    used = f"last measured use {usage}" if usage else "its use was not measured"
    cause = (
        f"container exceeded memory limit ({limit}): {used}; started again {status.get('restartCount', 0)} times, "
        "each time later"
    )
    found = _WITH_SUFFIX.match(limit)
    more = f"{float(found[1]) * 2:g}{found[2]}" if found else "more"
    if _is_deployed(pod):
        fix = f'write memory = "{more}" in bedplate.toml and run `bedplate deploy --same-image`: nothing is built again'
    else:
        from bedplate.kubernetes.quantities import quantity  # imports the specs

        gib = f"{quantity(more) / 2**30:g}" if found else "more"
        fix = f"write memoryGib: {gib} in the tenant's file of the stack, by a pull request; the image stays as it is"
    return _told("memory", cause, fix, cluster.log(_name(pod), name, _LOG_LINES, is_previous=True))


def _usage(cluster: Cluster, pod: Object, container: str) -> str:
    """What a container used when it was last measured; "" where nobody measures."""
    try:
        found = cluster.get("PodMetrics", _name(pod)) or NOTHING
    except Exception:  # metrics are served by another program, which may be down
        return ""
    return next(
        (str(each["usage"]["memory"]) for each in found.get("containers") or NONE if each["name"] == container), ""
    )


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _image(pod: Object, image: str, message: str, events: Sequence[Object]) -> Told:
    said = message if "rpc error" in message or "not found" in message else _said(events, "Failed") or message
    image = image or str(pod["spec"]["containers"][0]["image"])
    if re.search(r"unauthorized|denied|forbidden|authentication|401|403", said, re.IGNORECASE):
        fix = "ask your platform team for the registry's credentials in this namespace; the name may be right"
        return _told("image", f"the registry refuses the image {image}: {said}", fix)
    if re.search(r"not found|manifest unknown|NotFound|404|does not exist", said, re.IGNORECASE):
        fix = "push it, or name a tag or digest that is there: bedplate deploy --image REF"
        return _told("image", f"the image {image} is not in its registry: {said}", fix)
    if re.search(r"no match for platform|exec format", said):
        return _told("image", f"the image {image} is for other processors: {said}", "build it for linux/amd64")
    if "InvalidImageName" in said or "parse" in said:
        return _told("image", f"the image's name {image} is wrong: {said}", "correct it: bedplate deploy --image REF")
    return _told(
        "image", f"the image {image} cannot be pulled: {said}", "see that its registry answers, then try again"
    )


def _not_started(pod: Object, reason: str, message: str) -> Told:
    if missing := re.search(r'secret "([^"]+)" not found', message):
        fix = f"bedplate secret create {missing[1]}" if _is_deployed(pod) else "ask your platform team for the secret"
        return _told("secret", f"the secret '{missing[1]}' that it names is not there", fix)
    if missing := re.search(r"couldn't find key (\S+) in Secret \S*?/?(\S+)$", message):
        fix = f"bedplate secret delete {missing[2]}, then bedplate secret create {missing[2]}"
        return _told("secret", f"the secret '{missing[2]}' has no key '{missing[1]}'", fix)
    if missing := re.search(r'configmap "([^"]+)" not found', message):
        return _told("secret", f"the ConfigMap '{missing[1]}' that it names is not there", "create it first")
    if re.search(r"executable file not found|no such file or directory|permission denied", message):
        fix = f"correct `command` in {_where(pod)}, or the image's entry point; it runs as a user that is not root"
        return _told("crash", f"its program cannot be started: {message}", fix)
    if "runAsNonRoot" in message or "non-root" in message:
        fix = f"write `user` (a number) in {_where(pod)}, or a USER with a number in the Dockerfile"
        return _told("guardrail", f"its image would run as root: {message}", fix)
    return _told("crash", f"its container cannot be made ({reason}): {message}", f"correct {_where(pod)}, {_then(pod)}")


def _probe(cluster: Cluster, pod: Object, status: Mapping[str, Any], said: str, *, is_killed: bool) -> Told:
    name = str(status["name"])
    probe = (_container(pod, name).get("readinessProbe") or NOTHING).get("httpGet") or NOTHING
    path, port = (
        probe.get("path", ""),
        [each.get("containerPort") for each in _container(pod, name).get("ports") or NONE],
    )
    log = cluster.log(_name(pod), name, _LOG_LINES, is_previous=is_killed)
    what = f"it is not asked to work, because {path} does not answer 200: {said}"
    if re.search(r"statuscode: (404|405)", said):
        return _told(
            "probe", what, f"write the path that answers 200 as healthPath in {_where(pod)}, {_then(pod)}", log
        )
    if "connection refused" in said:
        fix = (
            f"have the program listen on 0.0.0.0 at port {port[0] if port else '?'}, or correct `port` in {_where(pod)}"
        )
        return _told("probe", what, f"{fix}; if it is still loading, wait", log)
    if re.search(r"statuscode: (401|403)", said):
        return _told("probe", what, f"let healthPath answer without a key, or name another path in {_where(pod)}", log)
    if is_killed or re.search(r"Client\.Timeout|deadline exceeded|timed out", said):
        fix = f"raise startupSeconds in {_where(pod)} above what loading takes, {_then(pod)}"
        return _told("probe", f"{what}{'; it is started again and again' if is_killed else ''}", fix, log)
    return _told("probe", what, "see its log: an error of the program's own", log)


def _crash(cluster: Cluster, pod: Object, status: Mapping[str, Any], ended: Mapping[str, Any]) -> Told:
    name, code = str(status["name"]), ended.get("exitCode")
    is_over = bool((status.get("state") or NOTHING).get("terminated"))
    lines = (
        cluster.log(_name(pod), name, _LOG_LINES, is_previous=not is_over) or str(ended.get("message", "")).splitlines()
    )
    lines = [line for line in lines if line.strip()]
    cause = (
        f"its program ends with code {code} ({ended.get('reason', 'Error')}), {status.get('restartCount', 0)} restarts"
    )
    if code == 137:
        return _told(
            "crash", f"{cause}: it was killed", "see its log and its node's memory; raise memory if it grows", lines
        )
    unreached = [line for line in lines if _NETWORK.search(line)]
    if unreached:
        fix = (
            "pods reach the internet and their own tenant alone: have the address added to allowedNetworks of the "
            "tenant, or correct it"
        )
        return _told("network", f"{cause}: it does not reach what it needs: {unreached[-1].strip()}", fix, lines)
    if any("Read-only file system" in line for line in lines):
        return _told("crash", f"{cause}: it writes where it may not", "write below /tmp, or mount a volume", lines)
    last = f": {lines[-1].strip()}" if lines else ""
    return _told("crash", f"{cause}{last}", "correct the program; a release before: bedplate deploy rollback", lines)
