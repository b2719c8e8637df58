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
HELD_SECONDS = 60
"""Longer than a deploy writes. Who was cut off in the middle waits for it when he comes again."""
_ASKED_EVERY_SECONDS = 1.0
_TRIES = 3
KEPT_RELEASES = 20
ACTIVE, SUPERSEDED = "active", "superseded"
Key = tuple[str, str]
"""Kind and name of an object."""


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
    first. resource_version: of the ConfigMap. is_held: until what it says is kept, where this process holds it."""

    app: str
    objects: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    release: int = 0
    host: str = ""
    resource_version: str = ""
    is_held: bool = True


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
def held(
    cluster: Cluster,
    app: str,
    who: str,
    wait_seconds: float,
    made: Sequence[Key] = (),
    found: Object | None = None,
) -> Generator[Record]:
    """The app's record, held by this process alone: whoever comes meanwhile waits that long, and is refused then.

    made: what the app will be made of, which is remembered with what it was made of before. found: the ConfigMap as it
    was seen last. A process that died holds it for a minute, which the same person waits: his connection may have
    broken. Raises DeployError.
    """
    holder, started = f"{who} ({uuid.uuid4().hex[:8]})", time.monotonic()
    while (record := _taken(cluster, app, holder, made, found)) is None:
        found = cluster.get("ConfigMap", record_name(app))
        other = str(((found or NOTHING).get("data") or NOTHING).get("heldBy", "somebody")).partition(" (")[0]
        if time.monotonic() - started >= (max(wait_seconds, HELD_SECONDS + 1) if other == who else wait_seconds):
            message = f"{other} is deploying '{app}' now"
            raise DeployError(message, f"wait until that ends (`bedplate deploy status {app}`), then try again", app)
        time.sleep(_ASKED_EVERY_SECONDS)
    try:
        yield record
    finally:
        if record.is_held:
            _let_go(cluster, app, holder)


def _until() -> str:
    return (datetime.now(UTC) + timedelta(seconds=HELD_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _taken(cluster: Cluster, app: str, holder: str, made: Sequence[Key], found: Object | None) -> Record | None:
    """The record where it is free now; what was seen of it may be old."""
    for _ in range(_TRIES):
        held_by = {"heldBy": holder, "heldUntil": _until()}
        try:
            if found is None:
                data = {**held_by, "objects": json.dumps(list(made))}
                return _record(cluster.create(_config_map(record_name(app), labels(app, RECORD), data)))
            data = found.get("data") or NOTHING
            if not data.get("heldBy") or data.get("heldUntil", "") <= now():
                before = _record(found).objects
                objects = [*made, *(key for key in before if key not in made)]
                change = {
                    "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
                    "data": {**held_by, "objects": json.dumps(objects)},
                }
                return _record(cluster.change("ConfigMap", record_name(app), change))
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
        else:
            return None
        found = cluster.get("ConfigMap", record_name(app))
    return None


def _let_go(cluster: Cluster, app: str, holder: str) -> None:
    found = cluster.get("ConfigMap", record_name(app))
    if found is None or (found.get("data") or NOTHING).get("heldBy") != holder:
        return
    cluster.change("ConfigMap", record_name(app), {"data": {"heldBy": None, "heldUntil": None}})


def keep(cluster: Cluster, record: Record) -> None:
    """Writes what the app is made of now, and lets it go."""
    data = {
        "objects": json.dumps(record.objects),
        "release": str(record.release),
        "host": record.host,
        "heldBy": None,
        "heldUntil": None,
    }
    change = {"metadata": {"resourceVersion": record.resource_version}, "data": data}
    try:
        cluster.change("ConfigMap", record_name(record.app), change)
    except Refused as refused:
        # Somebody else holds it, because this took longer than anybody waits: it is his to write.
        if refused.status != 409:
            raise
    record.is_held = False


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
    cluster: Cluster, record: Record, image: str, workload: Mapping[str, Any], who: str, of: int | None = None
) -> Release:
    """A new release, after which the oldest beyond those that are kept goes. Which is active follows from numbers."""
    app, version = record.app, record.release + 1
    while True:
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
        try:
            cluster.create(_config_map(_name_of(app, version), marked, {"release.json": json.dumps(said)}))
        except Refused as refused:
            if refused.status != 409:
                raise
            # One was made of which the record did not hear.
            version = releases(cluster, app)[0].version + 1
            continue
        if version > KEPT_RELEASES:
            for old in releases(cluster, app)[KEPT_RELEASES:]:
                cluster.delete("ConfigMap", _name_of(app, old.version))
        return release


def _name_of(app: str, version: int) -> str:
    return f"{app}.release-{version}"


def named(cluster: Cluster, app: str) -> Sequence[str]:
    """Names of all ConfigMaps that remember the app."""
    found = cluster.list("ConfigMap", {MANAGED_BY: DEPLOYED, WORKLOAD: app})
    return [str(each["metadata"]["name"]) for each in found]
