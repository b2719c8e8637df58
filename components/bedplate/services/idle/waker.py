"""Who has KEDA start at once what somebody asks for, as it runs.

Owns its Deployment, its program, its rights and who may ask it: the front door alone. It may change ScaledObjects, of
which a policy leaves it two annotations (see `guardrails.activity`), and stops nothing. Without it, where somebody else
runs KEDA or while it is away, everything starts as before: when KEDA next looks at what Prometheus has seen.
"""

import hashlib
from collections.abc import Sequence
from importlib import resources

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Container,
    Manifest,
    configuration_hash,
    manifest,
    network_policy,
    pod_spec,
    pods_of,
    service_account,
    template_metadata,
)
from bedplate.kubernetes.by_the_clock import PYTHON_IMAGE, PYTHON_VERSION
from bedplate.labels import FRONT_DOOR_NAMESPACE, IDLE_NAMESPACE, NAME, TRAEFIK, WAKER, WAKER_PORT, Identity
from bedplate.services.idle import programs

IDENTITY = Identity(name=WAKER, component="idle", version=PYTHON_VERSION)
PROGRAM = "waker.py"
_FOLDER, _USER = "/programs", 65532
_RBAC = "rbac.authorization.k8s.io"


def host_mark(host: str) -> str:
    """Value of the label by which the program finds what answers at a host."""
    return hashlib.sha256(host.encode()).hexdigest()[:32]


def parts() -> Sequence[tuple[str, Manifest]]:
    """Its objects, each with the suffix of its resource name."""
    text = resources.files(programs).joinpath(PROGRAM).read_text()
    program = manifest("v1", "ConfigMap", WAKER, IDENTITY, namespace=IDLE_NAMESPACE, data={PROGRAM: text})
    return (
        ("service-account", service_account(WAKER, IDLE_NAMESPACE, IDENTITY)),
        *_rights(),
        ("program", program),
        ("network-policy", _network_policy()),
        ("service", _service()),
        ("deployment", _deployment(text)),
    )


def _rights() -> list[tuple[str, Manifest]]:
    name, group = f"bedplate-{WAKER}", f"{_RBAC}/v1"
    rules = [{"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["list", "patch"]}]
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": WAKER, "namespace": IDLE_NAMESPACE}
    return [
        ("cluster-role", manifest(group, "ClusterRole", name, IDENTITY, rules=rules)),
        ("binding", manifest(group, "ClusterRoleBinding", name, IDENTITY, roleRef=role, subjects=[subject])),
    ]


def _network_policy() -> Manifest:
    """What lets pods of this namespace reach the API server is KEDA's and its own."""
    traefik = {**pods_of(FRONT_DOOR_NAMESPACE), "podSelector": {"matchLabels": {NAME: TRAEFIK}}}
    return network_policy(
        WAKER,
        IDLE_NAMESPACE,
        IDENTITY,
        podSelector={"matchLabels": IDENTITY.selector()},
        policyTypes=["Ingress"],
        ingress=[{"from": [traefik], "ports": [{"protocol": "TCP", "port": WAKER_PORT}]}],
    )


def _service() -> Manifest:
    port = {"name": "http", "port": WAKER_PORT, "targetPort": "http", "protocol": "TCP"}
    spec = {"type": "ClusterIP", "selector": IDENTITY.selector(), "ports": [port]}
    return manifest("v1", "Service", WAKER, IDENTITY, namespace=IDLE_NAMESPACE, annotations=SKIP_AWAIT, spec=spec)


def _deployment(text: str) -> Manifest:
    """One pod: while it is away, starts take as long as they would without it."""
    probe = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "timeoutSeconds": 3}
    container = Container(
        name=WAKER,
        image=PYTHON_IMAGE,
        cpu=0.02,
        memory_gib=0.125,
        scratch_gib=0.0625,
        command=["python3", f"{_FOLDER}/{PROGRAM}", str(WAKER_PORT)],
        environment={"KUBERNETES": "https://kubernetes.default.svc"},
        files={_FOLDER: {"configMap": {"name": WAKER}}},
        user=_USER,
        extra={
            "ports": [{"name": "http", "containerPort": WAKER_PORT, "protocol": "TCP"}],
            "readinessProbe": probe,
            "livenessProbe": {**probe, "failureThreshold": 6},
        },
    )
    pod = pod_spec(
        container,
        WAKER,
        automountServiceAccountToken=True,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
    )
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": IDENTITY.selector()},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 5,
        "template": {"metadata": template_metadata(IDENTITY, configuration_hash(text)), "spec": pod},
    }
    return manifest("apps/v1", "Deployment", WAKER, IDENTITY, namespace=IDLE_NAMESPACE, spec=spec)
