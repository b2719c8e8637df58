"""What is remembered of an app: its releases, what it is made of, and who is at it.

Owns three sorts of ConfigMaps in the tenant's namespace, which members read and write with their own rights: the app's
record (its objects, and who holds it), one for each release, and one for each secret with nothing of its value. They
are the whole state: there is no other, and no server of ours.
"""

import json
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bedplate.deploy.cluster import NOTHING, Cluster, Object, Refused
from bedplate.deploy.errors import DeployError
from bedplate.labels import COMPONENT, DEPLOYED, DOMAIN, MANAGED_BY, WORKLOAD

RECORD, RELEASE, SECRET = "deployment-record", "release", "secret-record"
"""Values of COMPONENT."""
_NUMBER = f"{DOMAIN}/release"
_HELD_SECONDS = 120
_ASKED_EVERY_SECONDS = 1.0
KEPT_RELEASES = 20
ACTIVE, SUPERSEDED = "active", "superseded"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One deploy. workload: the spec without the image, as the template takes it. image: with its digest where the
    build or the caller said one. status: `active` of the newest, `superseded` of the others. of: of a rollback, the
    release that it brings back."""

    version: int
    id: str
    image: str
    workload: Mapping[str, Any]
    deployed_by: str
    deployed_at: str
    status: str = ACTIVE
    of: int | None = None


@dataclass
class Record:
    """objects: kind and name of each, in the order of their making. release: the active one's number, 0 before the
    first. resource_version: of the ConfigMap."""

    app: str
    objects: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    release: int = 0
    host: str = ""
    resource_version: str = ""


def labels(app: str, component: str) -> dict[str, str]:
    """Of a record of the app."""
    return {MANAGED_BY: DEPLOYED, COMPONENT: component, WORKLOAD: app}


def now() -> str:
    """In UTC, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _config_map(name: str, marked: Mapping[str, str], data: Mapping[str, str]) -> Object:
    metadata = {"name": name, "labels": dict(marked)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def record_name(app: str) -> str:
    """Of the app's record: with a dot, which no app's name has."""
    return f"{app}.deployment"


def find_record(cluster: Cluster, app: str) -> Record | None:
    """Of an app that somebody deployed, or None."""
    found = cluster.get("ConfigMap", record_name(app))
    return None if found is None else _record(found)


def records(cluster: Cluster) -> list[Record]:
    """Of all apps that members deployed in the namespace."""
    found = cluster.list("ConfigMap", {MANAGED_BY: DEPLOYED, COMPONENT: RECORD})
    return sorted((_record(each) for each in found), key=lambda record: record.app)


def _record(found: Object) -> Record:
    data = found.get("data", {})
    return Record(
        app=str(found["metadata"]["name"]).removesuffix(".deployment"),
        objects=[(str(kind), str(name)) for kind, name in json.loads(data.get("objects", "[]"))],
        release=int(data.get("release", "0")),
        host=str(data.get("host", "")),
        resource_version=str(found["metadata"]["resourceVersion"]),
    )


@contextmanager
def held(cluster: Cluster, app: str, who: str, wait_seconds: float) -> Generator[Record]:
    """The app's record, held by this process alone: whoever comes meanwhile waits that long, and is refused then.

    A process that died holds it for two minutes. Raises DeployError.
    """
    holder = f"{who} ({uuid.uuid4().hex[:8]})"
    deadline = time.monotonic() + wait_seconds
    while (record := _taken(cluster, app, holder)) is None:
        if time.monotonic() >= deadline:
            other = ((cluster.get("ConfigMap", record_name(app)) or NOTHING).get("data") or NOTHING).get(
                "heldBy", "somebody"
            )
            message = f"{other.partition(' (')[0]} is deploying '{app}' now"
            raise DeployError(message, f"wait until that ends (`bedplate deploy status {app}`), then try again", app)
        time.sleep(_ASKED_EVERY_SECONDS)
    try:
        yield record
    finally:
        _let_go(cluster, app, holder)


def _until() -> str:
    return (datetime.now(UTC) + timedelta(seconds=_HELD_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _taken(cluster: Cluster, app: str, holder: str) -> Record | None:
    """The record where it is free now and nobody was faster."""
    held_by = {"heldBy": holder, "heldUntil": _until()}
    found = cluster.get("ConfigMap", record_name(app))
    try:
        if found is None:
            return _record(cluster.create(_config_map(record_name(app), labels(app, RECORD), held_by)))
        data = found.get("data") or NOTHING
        if data.get("heldBy") and data.get("heldUntil", "") > now():
            return None
        change = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": held_by}
        return _record(cluster.change("ConfigMap", record_name(app), change))
    except Refused as refused:
        if refused.status == 409:
            return None
        raise


def _let_go(cluster: Cluster, app: str, holder: str) -> None:
    found = cluster.get("ConfigMap", record_name(app))
    if found is None or (found.get("data") or NOTHING).get("heldBy") != holder:
        return
    cluster.change("ConfigMap", record_name(app), {"data": {"heldBy": None, "heldUntil": None}})


def keep(cluster: Cluster, record: Record) -> None:
    """Writes what the app is made of, and goes on holding it."""
    data = {
        "objects": json.dumps(record.objects),
        "release": str(record.release),
        "host": record.host,
        "heldUntil": _until(),
    }
    cluster.change("ConfigMap", record_name(record.app), {"data": data})


def releases(cluster: Cluster, app: str) -> list[Release]:
    """All that are kept, the newest first."""
    found = [_release(each) for each in cluster.list("ConfigMap", labels(app, RELEASE))]
    newest = max((release.version for release in found), default=0)
    told = [replace(each, status=ACTIVE if each.version == newest else SUPERSEDED) for each in found]
    return sorted(told, key=lambda release: -release.version)


def _release(found: Object) -> Release:
    said = json.loads(found["data"]["release.json"])
    return Release(**{name: value for name, value in said.items() if name in Release.__dataclass_fields__})


def add_release(
    cluster: Cluster, app: str, image: str, workload: Mapping[str, Any], who: str, of: int | None = None
) -> Release:
    """A new release, after which the oldest beyond those that are kept goes. Which is active follows from numbers."""
    before = releases(cluster, app)
    version = (before[0].version if before else 0) + 1
    release = Release(
        version=version,
        id=f"{app}-{version}-{uuid.uuid4().hex[:6]}",
        image=image,
        workload=dict(workload),
        deployed_by=who,
        deployed_at=now(),
        of=of,
    )
    marked = {**labels(app, RELEASE), _NUMBER: str(version)}
    said = {key: value for key, value in asdict(release).items() if key != "status"}
    cluster.create(_config_map(_name_of(app, version), marked, {"release.json": json.dumps(said)}))
    for old in before[KEPT_RELEASES - 1 :]:
        cluster.delete("ConfigMap", _name_of(app, old.version))
    return release


def _name_of(app: str, version: int) -> str:
    return f"{app}.release-{version}"


def named(cluster: Cluster, app: str) -> Sequence[str]:
    """Names of all ConfigMaps that remember the app."""
    found = cluster.list("ConfigMap", {MANAGED_BY: DEPLOYED, WORKLOAD: app})
    return [str(each["metadata"]["name"]) for each in found]
