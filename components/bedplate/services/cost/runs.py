"""The two programs that run by the clock: the one that marks used-up budgets, and the one that writes usage.

Owns their CronJobs, files and rights. Both take what they need from an image that is somebody else's and from a file of
ours; neither fetches anything when it runs.
"""

import json
import urllib.parse
from importlib import resources

from bedplate.clouds.facts import WorkloadIdentity
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Container,
    Manifest,
    manifest,
    pod_spec,
)
from bedplate.kubernetes.by_the_clock import PYTHON_IMAGE, PYTHON_VERSION, Run, by_the_clock
from bedplate.labels import BUDGET_MARKER, BUDGET_MARKER_ROLE, COST_NAMESPACE, TENANT, Identity, label_value
from bedplate.services.cost import programs
from bedplate.services.cost.alerts import MARKS, USAGE
from bedplate.services.cost.spec import BudgetsSpec, CostSpec, UsageSpec
from bedplate.services.monitoring.endpoint import PrometheusEndpoint

# renovate: datasource=docker depName=ghcr.io/opencost/opencost-parquet-exporter
PARQUET_VERSION = "v0.2.1"
"""It has pyarrow and the clouds' clients
(https://github.com/opencost/opencost-parquet-exporter/blob/v0.2.1/requirements.txt); its own program is not run."""
MARK_SECONDS = 1800
"""For how long a mark holds that nobody renews: six rounds."""
MARKS_IDENTITY = Identity(name=BUDGET_MARKER, component="cost", version=PYTHON_VERSION)
USAGE_IDENTITY = Identity(name=USAGE, component="cost", version=PARQUET_VERSION)
_FOLDER = "/programs"


def files() -> Manifest:
    """Both programs as a ConfigMap."""
    names = ("budget_marks.py", "usage_rows.py")
    data = {name: resources.files(programs).joinpath(name).read_text() for name in names}
    return manifest(
        "v1", "ConfigMap", "programs", Identity(name="cost", component="cost"), namespace=COST_NAMESPACE, data=data
    )


def denying(spec: BudgetsSpec) -> list[dict[str, object]]:
    """The budgets that deny, as the program reads them."""
    scopes = {"tenant": spec.tenants, "project": spec.projects, "person": spec.people}
    return [
        {"scope": scope, "name": label_value(name), "limits": dict(budget.limits)}
        for scope, budgets in scopes.items()
        for name, budget in budgets.items()
        if budget.when_exhausted == "denyGpus"
    ]


def marks(spec: CostSpec, prometheus: PrometheusEndpoint) -> Manifest:
    """Marks used-up budgets every five minutes. It finds the tenants by the label of their namespaces, so that one more
    changes nothing here."""
    settings = {"label": TENANT, "budgets": denying(spec.budgets), "validSeconds": MARK_SECONDS}
    container = Container(
        name=MARKS,
        image=PYTHON_IMAGE,
        cpu=0.05,
        memory_gib=0.125,
        scratch_gib=0.125,
        command=["python3", f"{_FOLDER}/budget_marks.py"],
        environment={
            "PROMETHEUS": prometheus.url,
            "KUBERNETES": "https://kubernetes.default.svc",
            "BUDGETS": json.dumps(settings, sort_keys=True),
        },
        files={_FOLDER: {"configMap": {"name": "programs"}}},
    )
    pod = pod_spec(
        container,
        BUDGET_MARKER,
        automountServiceAccountToken=True,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        restartPolicy="Never",
    )
    run = Run(schedule="*/5 * * * *", seconds=240, retries=1)
    return by_the_clock(MARKS, COST_NAMESPACE, MARKS_IDENTITY, run, pod)


def usage(spec: CostSpec, where: UsageSpec, identity: WorkloadIdentity, prometheus: PrometheusEndpoint) -> Manifest:
    """Writes the hours that are over, ten minutes after each. identity: what lets it write."""
    container = Container(
        name=USAGE,
        image=f"ghcr.io/opencost/opencost-parquet-exporter:{PARQUET_VERSION}",
        cpu=0.1,
        memory_gib=0.5,
        scratch_gib=0.25,
        command=["/app/.venv/bin/python3", f"{_FOLDER}/usage_rows.py"],
        environment={"PROMETHEUS": prometheus.url, "FOLDER": where.folder, "CURRENCY": spec.currency},
        files={_FOLDER: {"configMap": {"name": "programs"}}},
    )
    pod = pod_spec(
        container,
        USAGE,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        restartPolicy="Never",
    )
    run = Run(schedule="10 * * * *", seconds=1800, retries=1)
    return by_the_clock(USAGE, COST_NAMESPACE, USAGE_IDENTITY, run, pod, identity.labels)


def bucket_of(where: UsageSpec) -> tuple[str, str]:
    """The bucket of a folder, and the prefix of what is written there."""
    place = urllib.parse.urlsplit(where.folder)
    prefix = place.path.strip("/")
    # Of Azure a bucket is a container of an account.
    account = (place.hostname or "").partition(".")[0]
    return f"{account}/{place.username}" if place.username else place.netloc, f"{prefix}/" if prefix else ""


def marker_rights() -> list[Manifest]:
    """It may list namespaces, and patch those in which it is bound: each tenant's own (`tenants/`), where Kubernetes
    looks for who may write a namespace
    (https://github.com/kubernetes/apiserver/blob/v0.35.4/pkg/endpoints/request/requestinfo.go). To which annotations
    it is held, a guardrail says (`guardrails/budgets.py`)."""
    group, finds = "rbac.authorization.k8s.io", f"{BUDGET_MARKER_ROLE}-finds-tenants"
    subject = {"kind": "ServiceAccount", "name": BUDGET_MARKER, "namespace": COST_NAMESPACE}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": finds}
    roles = ((BUDGET_MARKER_ROLE, "patch"), (finds, "list"))
    return [
        *(
            manifest(
                f"{group}/v1",
                "ClusterRole",
                name,
                MARKS_IDENTITY,
                rules=[{"apiGroups": [""], "resources": ["namespaces"], "verbs": [verb]}],
            )
            for name, verb in roles
        ),
        manifest(f"{group}/v1", "ClusterRoleBinding", finds, MARKS_IDENTITY, roleRef=role, subjects=[subject]),
    ]
