"""The five steps from an app to one that answers: build, push, apply, roll out, smoke test.

Owns their order and what each leaves behind, so that an interrupted deploy is repeated by running it again: the record
is written before the first object, objects are applied as a whole, and what a deploy no longer has goes last.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bedplate.deploy import records
from bedplate.deploy.cluster import NOTHING, Cluster, Object, Refused, together
from bedplate.deploy.errors import DeployError
from bedplate.deploy.records import Release
from bedplate.deploy.state import AppState, live_of, state_from, state_of
from bedplate.offered import Offered
from bedplate.wording import counted

if TYPE_CHECKING:
    from bedplate.deploy.beforehand import Seen

STEPS = ("build", "push", "apply", "roll out", "smoke test")
_LOOK_SECONDS, _WATCHED_SECONDS = 0.5, 1
_CERTAIN_SECONDS = 4.0
"""How long a cause must be seen: a pod that starts may look like one that cannot for a moment."""
_PROBE_SECONDS = 5.0
_COUNTED_SECONDS = 60.0
_BEFORE = {"Deployment": ("ServiceAccount",), "IngressRoute": ("Middleware", "Service")}
"""Kinds that need others: pods their account, a route its keys and its Service."""
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is deployed: the workload without its image, as the template takes it, and where the image is from."""

    app: str
    workload: Mapping[str, Any]
    image: str
    of: int | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the five. outcome: `done`, `skipped` or `failed`."""

    name: str
    outcome: str
    seconds: float
    detail: str = ""


@dataclass
class Deployment:
    """What a deploy came to."""

    release: Release
    host: str
    steps: list[Step] = field(default_factory=list[Step])
    state: AppState | None = None

    @property
    def url(self) -> str:
        """Where it answers: outside, or inside its tenant where it has no way in."""
        return f"https://{self.host}" if self.host else ""

    @property
    def is_well(self) -> bool:
        """Whether no step failed."""
        return all(step.outcome != "failed" for step in self.steps)


def offered_in(cluster: Cluster) -> Offered:
    """What the platform has for this namespace. Raises DeployError where that is none of its tenants'."""
    fix = "choose your tenant's with --namespace, or set it in the context of your kubeconfig"
    try:
        found = cluster.get("ConfigMap", "bedplate")
    except Refused as refused:
        if refused.status == 403:
            raise DeployError(f"you may not read the namespace '{cluster.namespace}': {refused.reason}", fix) from None
        raise
    if found is None:
        raise DeployError(f"the namespace '{cluster.namespace}' is no tenant's of this platform", fix)
    return Offered.read(found)


def deploy(
    cluster: Cluster,
    offered: Offered,
    wanted: Wanted,
    report: Report,
    *,
    before: list[Step],
    is_waited_for: bool,
    wait_seconds: float,
    lock_seconds: float = 0.0,
    there: "Seen | None" = None,
) -> Deployment:
    """From an image on. before: the steps that made it. there: what was seen of the app a moment ago. Raises
    DeployError where it is refused; nothing is there then that a repeat does not mend. A rollout that fails is no
    error: it is told in the deployment's steps and state."""
    from bedplate.deploy.app_file import spec_of
    from bedplate.deploy.beforehand import seen
    from bedplate.deploy.rendering import refuse_unoffered, render

    spec = spec_of(wanted.workload, wanted.image)
    refuse_unoffered(spec, offered)
    there = there or seen(cluster, wanted.app)
    _say(report, 3, "apply", "")
    started = time.monotonic()
    rendered = render(wanted.workload, wanted.image, offered, cluster.namespace)
    bodies = [_with_pods(body, wanted, there.live) for body in rendered]
    # All objects are judged as a whole first: of an app that a guardrail refuses nothing is there.
    together([partial(_sent, cluster, body, wanted.app, is_dry_run=True) for body in bodies])
    made = [(str(body["kind"]), str(body["metadata"]["name"])) for body in bodies]
    with records.held(cluster, wanted.app, there.who, lock_seconds, made, there.record) as record:
        live = _applied(cluster, bodies, wanted.app)
        for kind, name in record.objects[len(made) :]:
            cluster.delete(kind, name)
        release = records.add_release(cluster, record, wanted.image, wanted.workload, there.who, wanted.of)
        record.objects, record.release, record.host = made, release.version, _host(offered, bodies)
        records.keep(cluster, record)
    deployment = Deployment(release=release, host=record.host, steps=list(before))
    detail = f"{counted(len(bodies), 'object')}, release {release.version}"
    deployment.steps.append(Step(name="apply", outcome="done", seconds=_since(started), detail=detail))
    if not is_waited_for:
        deployment.steps += [
            Step(name=name, outcome="skipped", seconds=0, detail="not waited for") for name in STEPS[3:]
        ]
        deployment.state = state_of(cluster, wanted.app)
        return deployment
    deployment.steps.append(_rolled_out(cluster, wanted.app, live, report, deployment, wait_seconds))
    deployment.steps.append(_smoke(deployment, report, spec.health_path))
    return deployment


def _say(report: Report, number: int, name: str, text: str) -> None:
    report(f"Step {number}/5  {name}" + (f": {text}" if text else ""))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _applied(cluster: Cluster, bodies: Sequence[dict[str, Any]], app: str) -> Object:
    """All objects, at once but for those that others wait for. Returns the Deployment."""
    waited_for = {before: kind for kind, needed in _BEFORE.items() for before in needed}
    rows: dict[str, list[dict[str, Any]]] = {}
    for body in sorted(bodies, key=lambda body: body["kind"] in _BEFORE):
        rows.setdefault(waited_for.get(str(body["kind"]), str(body["kind"])), []).append(body)
    # The longest first: none of them waits for a connection.
    ordered = sorted(rows.values(), key=len, reverse=True)
    done = together([partial(_in_order, cluster, row, app) for row in ordered])
    return next(body for row in done for body in row if body["kind"] == "Deployment")


def _in_order(cluster: Cluster, bodies: Sequence[dict[str, Any]], app: str) -> list[Object]:
    return [_sent(cluster, body, app) for body in bodies]


def _host(offered: Offered, bodies: Any) -> str:
    """Where the app answers from outside, "" where nothing leads there."""
    for body in bodies:
        if body["kind"] == "IngressRoute":
            return f"{body['metadata']['name']}-{offered.tenant}.{offered.domain}"
    return ""


def _with_pods(body: dict[str, Any], wanted: Wanted, live: Object | None) -> dict[str, Any]:
    """A Deployment with as many pods as there are, within its bounds: the number is the autoscaler's."""
    if body["kind"] != "Deployment":
        return body
    bounds: Mapping[str, Any] = wanted.workload.get("replicas") or NOTHING
    fewest, most = int(bounds.get("min", 2)), int(bounds.get("max", 10))
    number = int(live["spec"].get("replicas", fewest)) if live else fewest
    return {**body, "spec": {**body["spec"], "replicas": max(fewest, min(number, most))}}


def _sent(cluster: Cluster, body: dict[str, Any], app: str, *, is_dry_run: bool = False) -> Object:
    deadline = time.monotonic() + _COUNTED_SECONDS
    while True:
        try:
            return cluster.apply(body, is_dry_run=is_dry_run)
        except Refused as refused:
            if _is_counting(refused) and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
                continue
            from bedplate.deploy.refusals import explained

            raise explained(refused, str(body["kind"]), app, cluster.namespace) from None


def _is_counting(refused: Refused) -> bool:
    """Whether the quota is being counted, and the same request is taken a moment later: a controller learns of a custom
    kind up to half a minute after its definition, and two who count at once are asked to come again."""
    return "status unknown for quota" in refused.reason or (
        refused.status == 409 and "resourcequotas" in refused.reason
    )


def _rolled_out(
    cluster: Cluster, app: str, live: Object, report: Report, deployment: Deployment, wait_seconds: float
) -> Step:
    """Waits until all pods are new and ready, or until something is seen that will keep them from it."""
    started, said, wrong_since = time.monotonic(), -1, None
    for state in _states(cluster, app, live):
        deployment.state = state
        if state.progress != said:
            said = state.progress
            _say(report, 4, "roll out", f"{state.status} {state.progress} %, {state.message}")
        if state.is_complete:
            return Step(name="roll out", outcome="done", seconds=_since(started), detail=state.message)
        if not state.failing:
            wrong_since = None
        elif time.monotonic() - (wrong_since := wrong_since or time.monotonic()) >= _CERTAIN_SECONDS:
            return Step(name="roll out", outcome="failed", seconds=_since(started), detail=state.failing)
        if time.monotonic() - started > wait_seconds:
            detail = f"not complete after {wait_seconds:.0f} s: {state.message}"
            return Step(name="roll out", outcome="failed", seconds=_since(started), detail=detail)
    raise AssertionError("states do not end")


def _states(cluster: Cluster, app: str, live: Object) -> Iterator[AppState]:
    """How the app is now, after each change, and about each second with what is seen of its pods."""
    pods: Sequence[Object] = ()
    while True:
        yield state_from(app, live, pods)
        looked = time.monotonic()
        try:
            for changed in cluster.changes("Deployment", live, _WATCHED_SECONDS):
                yield state_from(app, changed, pods)
        except Refused:
            pass
        time.sleep(max(0.0, _LOOK_SECONDS - (time.monotonic() - looked)))
        live, pods = live_of(cluster, app)


def _smoke(deployment: Deployment, report: Report, health_path: str) -> Step:
    """One request by the public host. Without a key it must be refused, or answered where everybody may come."""
    if not deployment.is_well:
        return Step(name="smoke test", outcome="skipped", seconds=0, detail="not rolled out")
    if not deployment.host:
        return Step(name="smoke test", outcome="skipped", seconds=0, detail="no way in from outside: pods are ready")
    # Half of what asking the API server takes, for those who have a host.
    import urllib.request
    from urllib.error import HTTPError

    started = time.monotonic()
    _say(report, 5, "smoke test", f"GET {deployment.url}{health_path}")
    try:
        with urllib.request.urlopen(f"{deployment.url}{health_path}", timeout=_PROBE_SECONDS) as answer:
            status = int(answer.status)
    except HTTPError as error:
        status = error.code
    except OSError as error:
        detail = f"not reached from here: {getattr(error, 'reason', error)}"
        return Step(name="smoke test", outcome="skipped", seconds=_since(started), detail=detail)
    is_well = status < 400 or status in (401, 403)
    meaning = "closed to whoever shows no key or session" if status in (401, 403) else "it answers"
    outcome = "done" if is_well else "failed"
    return Step(name="smoke test", outcome=outcome, seconds=_since(started), detail=f"{status}: {meaning}")


def again(cluster: Cluster, app: str, version: int | None = None) -> Release:
    """The release that is brought back: that version, or the one before the active one. Raises DeployError."""
    kept = records.releases(cluster, app)
    if not kept:
        raise DeployError(
            f"no release of '{app}' is kept", "deploy it: bedplate deploy, or see `bedplate deploy list`", app
        )
    chosen = [each for each in kept if each.version == version] if version is not None else kept[1:2]
    if not chosen:
        known = ", ".join(str(each.version) for each in kept)
        what = f"release {version}" if version is not None else "an earlier release"
        raise DeployError(f"'{app}' has no {what}", f"choose one of: {known}", app)
    return chosen[0]


def with_replicas(release: Release, fewest: int, most: int) -> Release:
    """The release with other bounds of pods."""
    workload = {
        **release.workload,
        "replicas": {**(release.workload.get("replicas") or NOTHING), "min": fewest, "max": most},
    }
    return replace(release, workload=workload)


def restart(cluster: Cluster, app: str) -> None:
    """New pods one by one, of the same release; also of an app of the stack. Raises DeployError."""
    from bedplate.deploy.refusals import explained
    from bedplate.labels import RESTARTED_AT

    if cluster.get("Deployment", app) is None:
        raise DeployError(f"there is no '{app}' in {cluster.namespace}", "see `bedplate deploy list`", app)
    template = {"metadata": {"annotations": {RESTARTED_AT: records.now()}}}
    try:
        cluster.change("Deployment", app, {"spec": {"template": template}})
    except Refused as refused:
        raise explained(refused, "Deployment", app, cluster.namespace) from None
