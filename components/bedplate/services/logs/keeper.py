"""What keeps the streams in order, by the clock: templates, retention, the disk, and Kibana's spaces.

Owns a CronJob, its program, its rights and what it is told. The stores have rules of their own for it (ILM, ISM), in
different words and different licences, and neither acts before its time when a disk fills: one program does for both
(docs/adr/0038-logs.md). It finds the tenants by the label of their namespaces, so that one more changes nothing here,
whichever stack has it; and it brings the collectors, who stand in another namespace, what vouches for the store.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Container,
    Manifest,
    manifest,
    pod_spec,
    service_account,
)
from bedplate.kubernetes.by_the_clock import PYTHON_IMAGE, PYTHON_VERSION, Run, by_the_clock
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE, TENANT, Identity
from bedplate.services.logs import programs
from bedplate.services.logs.collector import AUTHORITY, AUTHORITY_KEY
from bedplate.services.logs.roles import KEEPER, space_of
from bedplate.services.logs.spec import LogsSpec
from bedplate.services.logs.streams import AUDIT, AUDIT_LOG, PATTERNS, PODS, stream_of, templates

IDENTITY = Identity(name=KEEPER, component="logs", version=PYTHON_VERSION)
PROGRAM, WANTED = "log_keeper.py", "wanted.json"
_FOLDER, _AUTHORITY_FOLDER = "/etc/bedplate/keeper", "/etc/bedplate/authority"
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The store, as the program is told. password_of: the Secret with the password, and the key. authority: source of
    the volume with what vouches for it, if any, under `ca.crt`; publishes_authority: that the collectors have it from
    the keeper alone. kibana: where it answers, if there is one."""

    url: str
    user: str
    password_of: tuple[str, str]
    authority: Mapping[str, Any] | None = None
    publishes_authority: bool = False
    kibana: str | None = None


def wanted(spec: LogsSpec, *, publishes_authority: bool = False) -> dict[str, Any]:
    """What there is to be, whoever the tenants are."""
    published = {"namespace": LOG_COLLECTOR_NAMESPACE, "name": AUTHORITY, "key": AUTHORITY_KEY}
    return {
        "templates": templates(spec.copies),
        "patterns": list(PATTERNS),
        "label": TENANT,
        "stream": stream_of("{}"),
        "streams": [AUDIT_LOG],
        "days": {PODS: spec.pod_days, AUDIT: spec.audit_days},
        "space": space_of("{}"),
        "spaces": {"default": list(PATTERNS)},
        **({"publishes": published} if publishes_authority else {}),
    }


def keeper(spec: LogsSpec, kept: Kept) -> Sequence[tuple[str, Manifest]]:
    """Its objects, each with the suffix of its resource name."""
    told = wanted(spec, publishes_authority=kept.publishes_authority)
    data = {
        PROGRAM: resources.files(programs).joinpath(PROGRAM).read_text(),
        WANTED: json.dumps(told, indent=1) + "\n",
    }
    return (
        ("service-account", service_account(KEEPER, LOGS_NAMESPACE, IDENTITY)),
        *_rights(publishes_authority=kept.publishes_authority),
        ("wanted", manifest("v1", "ConfigMap", KEEPER, IDENTITY, namespace=LOGS_NAMESPACE, data=data)),
        ("cron-job", _cron_job(kept)),
    )


def _rights(*, publishes_authority: bool) -> list[tuple[str, Manifest]]:
    """It lists namespaces, and may read and change one ConfigMap of the collectors'."""
    subject = {"kind": "ServiceAccount", "name": KEEPER, "namespace": LOGS_NAMESPACE}
    name, group = f"bedplate-{KEEPER}", f"{_RBAC}/v1"
    lists = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}]
    of_cluster = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
    rights = [
        ("cluster-role", manifest(group, "ClusterRole", name, IDENTITY, rules=lists)),
        ("binding", manifest(group, "ClusterRoleBinding", name, IDENTITY, roleRef=of_cluster, subjects=[subject])),
    ]
    if publishes_authority:
        writes = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [AUTHORITY], "verbs": _READ_WRITE}
        there, role = LOG_COLLECTOR_NAMESPACE, {"apiGroup": _RBAC, "kind": "Role", "name": AUTHORITY}
        bound = manifest(group, "RoleBinding", AUTHORITY, IDENTITY, namespace=there, roleRef=role, subjects=[subject])
        rights += [
            ("role", manifest(group, "Role", AUTHORITY, IDENTITY, namespace=there, rules=[writes])),
            ("role-binding", bound),
        ]
    return rights


_READ_WRITE = ["get", "patch"]


def _cron_job(kept: Kept) -> Manifest:
    secret, key = kept.password_of
    authority = {"STORE_AUTHORITY": f"{_AUTHORITY_FOLDER}/{AUTHORITY_KEY}"} if kept.authority else {}
    container = Container(
        name=KEEPER,
        image=PYTHON_IMAGE,
        cpu=0.05,
        memory_gib=0.125,
        scratch_gib=0.125,
        command=["python3", f"{_FOLDER}/{PROGRAM}"],
        environment={
            "KUBERNETES": "https://kubernetes.default.svc",
            "STORE": kept.url,
            "STORE_USER": kept.user,
            "WANTED": f"{_FOLDER}/{WANTED}",
            **authority,
            **({"KIBANA": kept.kibana} if kept.kibana else {}),
        },
        secret_environment={"STORE_PASSWORD": secret},
        secret_keys={"STORE_PASSWORD": key},
        files={
            _FOLDER: {"configMap": {"name": KEEPER}},
            **({_AUTHORITY_FOLDER: kept.authority} if kept.authority else {}),
        },
    )
    pod = pod_spec(
        container,
        KEEPER,
        automountServiceAccountToken=True,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        restartPolicy="Never",
    )
    return by_the_clock(KEEPER, LOGS_NAMESPACE, IDENTITY, Run(schedule="*/5 * * * *", seconds=280), pod)
