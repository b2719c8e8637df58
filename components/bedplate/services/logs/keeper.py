"""What keeps the streams in order, by the clock: templates, retention, the disk, and Kibana's spaces.

Owns a CronJob, its program and what that is told. The stores have rules of their own for it (ILM, ISM), in different
words and different licences, and neither acts before its time when a disk fills: one program does for both
(docs/adr/0038-logs.md).
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
    template_metadata,
)
from bedplate.labels import LOGS_NAMESPACE, Identity
from bedplate.services.logs import programs
from bedplate.services.logs.spec import LogsSpec
from bedplate.services.logs.streams import AUDIT, AUDIT_LOG, PLATFORM, PODS, stream_of, templates
from bedplate.services.logs.users import KEEPER, space_of

# renovate: datasource=docker depName=docker.io/library/python
VERSION = "3.13.9-slim"
IDENTITY = Identity(name=KEEPER, component="logs", version=VERSION)
PROGRAM, WANTED = "log_keeper.py", "wanted.json"
_FOLDER, _AUTHORITY_FOLDER = "/etc/bedplate/keeper", "/etc/bedplate/authority"
_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The store, as the program is told. password_of: the Secret with the password, and the key. authority: source of
    the volume with what vouches for it, if any, under `ca.crt`. kibana: where it answers, if there is one."""

    url: str
    user: str
    password_of: tuple[str, str]
    authority: Mapping[str, Any] | None = None
    kibana: str | None = None


def wanted(spec: LogsSpec, namespaces: Mapping[str, str]) -> dict[str, Any]:
    """What there is to be. namespaces: of tenants, by tenant."""
    of_tenants = {tenant: stream_of(namespace) for tenant, namespace in sorted(namespaces.items())}
    return {
        "templates": templates(spec.copies),
        "streams": [*of_tenants.values(), PLATFORM, AUDIT_LOG],
        "days": {PODS: spec.pod_days, AUDIT: spec.audit_days},
        "spaces": {
            "default": [f"{PODS}.*", AUDIT_LOG],
            **{space_of(tenant): [stream] for tenant, stream in of_tenants.items()},
        },
    }


def keeper(spec: LogsSpec, namespaces: Mapping[str, str], kept: Kept) -> Sequence[tuple[str, Manifest]]:
    """Its objects, each with the suffix of its resource name."""
    data = {
        PROGRAM: resources.files(programs).joinpath(PROGRAM).read_text(),
        WANTED: json.dumps(wanted(spec, namespaces), indent=1) + "\n",
    }
    return (
        ("service-account", service_account(KEEPER, LOGS_NAMESPACE, IDENTITY)),
        ("wanted", manifest("v1", "ConfigMap", KEEPER, IDENTITY, namespace=LOGS_NAMESPACE, data=data)),
        ("cron-job", _cron_job(kept)),
    )


def _cron_job(kept: Kept) -> Manifest:
    secret, key = kept.password_of
    authority = {"STORE_AUTHORITY": f"{_AUTHORITY_FOLDER}/ca.crt"} if kept.authority else {}
    container = Container(
        name=KEEPER,
        image=f"docker.io/library/python:{VERSION}",
        cpu=0.05,
        memory_gib=0.125,
        scratch_gib=0.125,
        command=["python3", f"{_FOLDER}/{PROGRAM}"],
        environment={
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
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        restartPolicy="Never",
    )
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": 280,
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": template_metadata(IDENTITY), "spec": pod},
    }
    return manifest(
        "batch/v1",
        "CronJob",
        KEEPER,
        IDENTITY,
        namespace=LOGS_NAMESPACE,
        spec={
            "schedule": f"*/{_MINUTES} * * * *",
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 200,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": job},
        },
    )
