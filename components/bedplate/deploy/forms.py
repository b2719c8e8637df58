"""What commands about apps tell programs: forms with stable names, whose schema is published.

Owns the names (`cpu_request`, `memory_limit`, …). A name that is here stays, and means the same; new ones may come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.deploy import records
from bedplate.deploy.cluster import NONE, NOTHING, Cluster, Object
from bedplate.deploy.errors import DeployError
from bedplate.deploy.state import newest, state_from
from bedplate.labels import COMPONENT, DEPLOYED, DOMAIN, MANAGED_BY, WORKLOAD
from bedplate.offered import Offered


@dataclass(frozen=True, kw_only=True)
class App:
    """One app. owned_by: `member` of what `bedplate deploy` made, `stack` of what a stack file has. url, domain: null
    where nothing leads there from outside. version, deployment_id: of the active release; null of the stack's."""

    name: str
    namespace: str
    owned_by: str
    status: str
    message: str
    progress: int
    url: str | None
    domain: str | None
    deployment_id: str | None
    version: int | None
    type: str
    image: str
    port: int | None
    cpu_request: str
    memory_request: str
    memory_limit: str
    accelerator: str | None
    gpus: int
    replicas: int
    ready_replicas: int
    min_replicas: int
    max_replicas: int
    nodes: Sequence[str]
    created_at: str
    updated_at: str | None
    updated_by: str | None


@dataclass(frozen=True, kw_only=True)
class ReleaseRow:
    """One release of an app."""

    version: int
    image: str
    status: str
    deployed_at: str
    deployed_by: str
    deployment_id: str
    cpu_request: str
    memory_limit: str
    rolled_back_to: int | None


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One of the five steps of a deploy."""

    name: str
    outcome: str
    seconds: float
    detail: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What a deploy came to. ok: whether no step failed."""

    ok: bool
    name: str
    namespace: str
    deployment_id: str
    version: int
    image: str
    url: str | None
    domain: str | None
    status: str
    progress: int
    steps: Sequence[StepRow]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build came to. image: by its digest."""

    ok: bool
    name: str
    image: str
    steps: Sequence[StepRow]


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """How one app is. progress: percent of its pods that are new and ready."""

    name: str
    status: str
    message: str
    progress: int
    replicas: int
    ready_replicas: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """That something was done to what has this name. url: where it is, if that is what was asked."""

    ok: bool
    name: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecretMade:
    """A secret that is kept now. read_by: apps that see it when their pods start."""

    ok: bool
    name: str
    created_at: str
    read_by: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class DomainRow:
    """One host."""

    domain: str
    app: str
    url: str
    owned_by: str


@dataclass(frozen=True, kw_only=True)
class ProblemRow:
    """Why a command did not do what it was asked for."""

    object: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What every command says that fails."""

    ok: bool
    problems: Sequence[ProblemRow]


def apps(cluster: Cluster, offered: Offered) -> list[App]:
    """All that serve in the namespace, a member's and the stack's."""
    pods, sets = list(cluster.list("Pod")), list(cluster.list("ReplicaSet"))
    return [
        _app(
            cluster,
            live,
            [pod for pod in pods if _workload(pod) == _workload(live)],
            [each for each in sets if _workload(each) == _workload(live)],
            offered,
        )
        for live in cluster.list("Deployment")
        if _workload(live)
    ]


def app(cluster: Cluster, name: str, offered: Offered) -> App:
    """Raises DeployError where there is none."""
    live = cluster.get("Deployment", name)
    if live is None:
        raise DeployError(f"there is no '{name}' in {cluster.namespace}", "see `bedplate deploy list`", name)
    marked = {WORKLOAD: name}
    return _app(cluster, live, cluster.list("Pod", marked), cluster.list("ReplicaSet", marked), offered)


def _workload(body: Object) -> str:
    return str((body["metadata"].get("labels") or NOTHING).get(WORKLOAD, ""))


def _app(cluster: Cluster, live: Object, pods: Sequence[Object], sets: Sequence[Object], offered: Offered) -> App:
    name, labels = str(live["metadata"]["name"]), live["metadata"].get("labels") or NOTHING
    is_members = labels.get(MANAGED_BY) == DEPLOYED
    record = records.find_record(cluster, name) if is_members else None
    release = next(iter(records.releases(cluster, name)), None) if is_members else None
    host = (record.host if record else "") or (offered.of_stack.get(name) or NOTHING).get("host", "")
    template: dict[str, Any] = live["spec"]["template"]["spec"]
    container = template["containers"][0]
    resources = container.get("resources") or NOTHING
    requests, limits = resources.get("requests") or NOTHING, resources.get("limits") or NOTHING
    state = state_from(name, live, newest(live, pods, sets))
    fewest, most = _bounds(cluster, name, state.replicas)
    ports = container.get("ports") or NONE
    return App(
        name=name,
        namespace=cluster.namespace,
        owned_by="member" if is_members else "stack",
        status=state.status,
        message=state.failing or state.message,
        progress=state.progress,
        url=f"https://{host}" if host else None,
        domain=host or None,
        deployment_id=release.id if release else None,
        version=release.version if release else None,
        type=str(labels.get(COMPONENT, "")),
        image=str(container["image"]),
        port=int(ports[0]["containerPort"]) if ports else None,
        cpu_request=str(requests.get("cpu", "")),
        memory_request=str(requests.get("memory", "")),
        memory_limit=str(limits.get("memory", "")),
        accelerator=(template.get("nodeSelector") or NOTHING).get(f"{DOMAIN}/accelerator"),
        gpus=int(limits.get("nvidia.com/gpu", 0)),
        replicas=state.replicas,
        ready_replicas=state.ready,
        min_replicas=fewest,
        max_replicas=most,
        nodes=sorted({str(pod["spec"]["nodeName"]) for pod in pods if pod["spec"].get("nodeName")}),
        created_at=str(live["metadata"]["creationTimestamp"]),
        updated_at=release.deployed_at if release else None,
        updated_by=release.deployed_by if release else None,
    )


def _bounds(cluster: Cluster, name: str, replicas: int) -> tuple[int, int]:
    found = cluster.get("HorizontalPodAutoscaler", name)
    if found is None:
        return replicas, replicas
    return int(found["spec"].get("minReplicas", 1)), int(found["spec"]["maxReplicas"])


def release_rows(kept: Sequence[records.Release]) -> list[ReleaseRow]:
    """The newest first."""
    return [
        ReleaseRow(
            version=each.version,
            image=each.image,
            status=each.status,
            deployed_at=each.deployed_at,
            deployed_by=each.deployed_by,
            deployment_id=each.id,
            cpu_request=f"{each.workload.get('cpu', 1):g}",
            memory_limit=f"{each.workload.get('memoryGib', 2):g}Gi",
            rolled_back_to=each.of,
        )
        for each in kept
    ]


def domains(cluster: Cluster, offered: Offered) -> list[DomainRow]:
    """Hosts of the stack's apps and of members'."""
    of_stack = [(name, said.get("host", ""), "stack") for name, said in offered.of_stack.items()]
    of_members = [(record.app, record.host, "member") for record in records.records(cluster)]
    return [
        DomainRow(domain=host, app=name, url=f"https://{host}", owned_by=whose)
        for name, host, whose in sorted([*of_stack, *of_members])
        if host
    ]
