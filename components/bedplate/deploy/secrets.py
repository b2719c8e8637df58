"""Secrets that members make for their apps: one value each, which nobody reads here again.

Owns the Secret and, beside it, a ConfigMap with its name, who made it and when: members may not list Secrets, because a
list shows them. A new value is a new Secret, because an answer to a change would show the old one (ADR 0042).
"""

import base64
import json
import re
from dataclasses import dataclass

from bedplate.deploy import records
from bedplate.deploy.cluster import NOTHING, Cluster, Refused
from bedplate.deploy.errors import DeployError
from bedplate.deploy.records import SECRET, now
from bedplate.labels import COMPONENT, DEPLOYED, MANAGED_BY

KEY = "value"
_LARGEST_BYTES = 256 * 1024
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABELS = {MANAGED_BY: DEPLOYED, COMPONENT: SECRET}


@dataclass(frozen=True, kw_only=True)
class SecretRecord:
    """All that is known of a secret."""

    name: str
    created_by: str
    created_at: str


def create_secret(cluster: Cluster, name: str, value: bytes, *, is_replaced: bool = False) -> SecretRecord:
    """Raises DeployError where the name is wrong or taken, or the value is none."""
    if not _NAME.fullmatch(name):
        raise DeployError(
            "the name of a secret has lower-case letters, digits and '-'", "write it like hf-token", name[:63]
        )
    if not value or len(value) > _LARGEST_BYTES:
        fix = "give the value on standard input or with --file, not empty and of at most 256 KiB"
        raise DeployError(f"the secret '{name}' has no value that can be kept", fix, name)
    made = SecretRecord(name=name, created_by=cluster.user(), created_at=now())
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": _LABELS},
        "type": "Opaque",
        "data": {KEY: base64.b64encode(value).decode()},
    }
    try:
        if is_replaced:
            cluster.delete("Secret", name)
        cluster.create(body)
    except Refused as refused:
        raise _refused(refused, name, cluster.namespace) from None
    said = {"created_by": made.created_by, "created_at": made.created_at}
    metadata = {"name": f"{name}.secret", "labels": _LABELS}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"secret.json": json.dumps(said)}}
    )
    return made


def _refused(refused: Refused, name: str, namespace: str) -> DeployError:
    if refused.status == 409:
        fix = "choose another name, or replace it with --replace and restart the apps that read it"
        return DeployError(f"there is a secret '{name}' already", fix, name)
    from bedplate.deploy.refusals import explained

    return explained(refused, "Secret", name, namespace)


def delete_secret(cluster: Cluster, name: str) -> bool:
    """Whether there was one. Raises DeployError where it is not a member's."""
    try:
        was = cluster.delete("Secret", name)
        return cluster.delete("ConfigMap", f"{name}.secret") or was
    except Refused as refused:
        raise _refused(refused, name, cluster.namespace) from None


def secrets_of(cluster: Cluster) -> list[SecretRecord]:
    """All that members made in the namespace, without their values."""
    found: list[SecretRecord] = []
    for each in cluster.list("ConfigMap", _LABELS):
        said = json.loads((each.get("data") or NOTHING).get("secret.json", "{}"))
        name = str(each["metadata"]["name"]).removesuffix(".secret")
        found.append(
            SecretRecord(name=name, created_by=said.get("created_by", ""), created_at=said.get("created_at", ""))
        )
    return sorted(found, key=lambda secret: secret.name)


def readers_of(cluster: Cluster, name: str) -> list[str]:
    """Apps whose active release names the secret."""
    names = [record.app for record in records.records(cluster)]
    newest = {app: next(iter(records.releases(cluster, app)), None) for app in names}
    return [
        app
        for app, release in newest.items()
        if release and name in (release.workload.get("secretEnv") or NOTHING).values()
    ]


def secrets_of_app(cluster: Cluster, app: str) -> list[str]:
    """Those that the app's active release reads, and no other app's does."""
    release = next(iter(records.releases(cluster, app)), None)
    named = sorted(set((release.workload.get("secretEnv") or NOTHING).values())) if release else []
    return [name for name in named if readers_of(cluster, name) == [app]]
