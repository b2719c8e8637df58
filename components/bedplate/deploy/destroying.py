"""Taking an app away: shown first, done in an order that a repeat completes, and proven by looking.

Owns what counts as the app's: what its record says, and whatever else carries its labels and is a member's.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bedplate.deploy import records
from bedplate.deploy.cluster import NONE, NOTHING, Cluster, Object, Refused
from bedplate.deploy.errors import DeployError
from bedplate.deploy.refusals import explained
from bedplate.labels import DEPLOYED, MANAGED_BY, WORKLOAD

_LOOKED_FOR = (
    *("IngressRoute", "Middleware", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "Deployment"),
    *("ReplicaSet", "Pod", "ServiceAccount", "ConfigMap"),
)
_GONE_BY_ITSELF = ("ReplicaSet", "Pod")
_LOOK_SECONDS, _MOST_SECONDS = 0.5, 120.0
Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Destroyed:
    """removed: what was there. left: what still is, of what should be gone. kept: what stays on purpose, and why."""

    app: str
    removed: Sequence[Key]
    left: Sequence[Key]
    kept: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class DestroyedRow:
    """The same for programs: kind and name in one text. ok: whether nothing is left."""

    ok: bool
    name: str
    removed: Sequence[str]
    left: Sequence[str]
    kept: Sequence[str]


def row_of(done: Destroyed) -> DestroyedRow:
    """As programs read it."""
    removed, left = ([f"{kind} {name}" for kind, name in keys] for keys in (done.removed, done.left))
    return DestroyedRow(ok=not done.left, name=done.app, removed=removed, left=left, kept=list(done.kept))


def found_of(cluster: Cluster, app: str) -> list[Key]:
    """Everything of the app, also of one whose deploy was interrupted."""
    record = records.find_record(cluster, app)
    listed = [key for key in record.objects if cluster.get(*key)] if record else []
    marked = {MANAGED_BY: DEPLOYED, WORKLOAD: app}
    seen = [(kind, str(body["metadata"]["name"])) for kind in _LOOKED_FOR for body in _listed(cluster, kind, marked)]
    return list(dict.fromkeys([*listed, *seen]))


def _listed(cluster: Cluster, kind: str, marked: dict[str, str]) -> Sequence[Object]:
    try:
        return cluster.list(kind, marked)
    except Refused as refused:
        if refused.status == 403:
            return []
        raise


def destroy(cluster: Cluster, app: str, secrets: Sequence[str], wait_seconds: float = _MOST_SECONDS) -> Destroyed:
    """Removes all of it, and looks until nothing is left. The record goes last, so that a repeat knows what there was.

    secrets: names of the member's secrets that go too. Raises DeployError where there is no such app.
    """
    found, mounted, record = found_of(cluster, app), _mounted(cluster, app), records.find_record(cluster, app)
    if not found:
        raise DeployError(f"nothing of '{app}' is in {cluster.namespace}", "see `bedplate deploy list`", app)
    memory = [key for key in found if key[0] == "ConfigMap"]
    for kind, name in sorted(found, key=_order):
        if (kind, name) not in memory and kind not in _GONE_BY_ITSELF:
            _remove(cluster, kind, name, app)
    removed = list(found)
    for name in secrets:
        from bedplate.deploy.secrets import delete_secret

        if delete_secret(cluster, name):
            removed.append(("Secret", name))
    deadline = time.monotonic() + wait_seconds
    while left := [key for key in found_of(cluster, app) if key not in memory]:
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_SECONDS)
    if not left:
        for kind, name in sorted(memory, key=lambda key: key[1] == records.record_name(app)):
            _remove(cluster, kind, name, app)
        left = found_of(cluster, app)
    kept = [*_kept(cluster, secrets, mounted), *(_of_host(record.host) if record and record.host else ())]
    return Destroyed(app=app, removed=removed, left=left, kept=kept)


def _order(key: Key) -> int:
    """The way in goes first, so that nobody comes to what is ending."""
    return _LOOKED_FOR.index(key[0]) if key[0] in _LOOKED_FOR else len(_LOOKED_FOR)


def _remove(cluster: Cluster, kind: str, name: str, app: str) -> None:
    try:
        cluster.delete(kind, name)
    except Refused as refused:
        raise explained(refused, kind, app, cluster.namespace) from None


def _mounted(cluster: Cluster, app: str) -> list[str]:
    """Volumes that its pods have, while there is something that says so."""
    live = cluster.get("Deployment", app) or NOTHING
    volumes = ((live.get("spec") or NOTHING).get("template") or NOTHING).get("spec", {}).get("volumes") or NONE
    return sorted({each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each})


def _of_host(host: str) -> list[str]:
    """Members have ways in only where one record leads to all hosts of the domain."""
    domain = host.partition(".")[2]
    return [f"the DNS record *.{domain}, which is the platform's: {host} had none of its own, and leads nowhere now"]


def _kept(cluster: Cluster, secrets: Sequence[str], mounted: Sequence[str]) -> list[str]:
    from bedplate.deploy.secrets import secrets_of

    others = [each.name for each in secrets_of(cluster) if each.name not in secrets]
    kept = [f"secrets of the tenant, which other apps may use: {', '.join(others)}"] if others else []
    whose = "the tenant's, with what others keep there; a pull request takes them out of its file of the stack"
    return [*kept, f"volumes {', '.join(mounted)}: {whose}"] if mounted else kept
