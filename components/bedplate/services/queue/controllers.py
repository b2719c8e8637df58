"""The two controllers, Kueue and JobSet, as the platform runs them.

Owns, as data, each one's Deployment with its configuration, its budget, its Service and the Secret in which it keeps
the certificate of its webhooks, which it makes and renews itself. The charts of upstream are not used (ADR 0035). What
they may do stands in `rights`, what they are asked in `webhooks`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Container,
    Manifest,
    configuration_hash,
    disruption_budget,
    manifest,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.labels import QUEUE_NAMESPACE, Identity
from bedplate.services.queue.spec import QueueSettingsSpec

# renovate: datasource=docker depName=registry.k8s.io/kueue/kueue
KUEUE_VERSION = "v0.19.2"
# renovate: datasource=docker depName=registry.k8s.io/jobset/jobset
JOBSET_VERSION = "v0.12.0"
KUEUE, JOBSET = "kueue", "jobset"
REPLICAS = 2
WEBHOOK_PORT, METRICS_PORT, HEALTH_PORT = 9443, 8443, 8081
CONFIGURATION = "configuration.yaml"
_FOLDER = "/etc/bedplate"
_CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"
"""Where both look for it, and where the library below them does
(https://github.com/kubernetes-sigs/jobset/blob/v0.12.0/pkg/util/cert/cert.go)."""


@dataclass(frozen=True, kw_only=True)
class Controller:
    """One of the two. flags: beside the one that names its configuration."""

    name: str
    image: str
    version: str
    configuration: Mapping[str, Any]
    flags: Sequence[str]
    cpu: float
    memory_gib: float

    @property
    def identity(self) -> Identity:
        """Of all that belongs to it."""
        return Identity(name=self.name, component="queue", version=self.version)


def webhook_service(name: str) -> str:
    """The Service of a controller's webhooks; Kueue finds its webhook configurations by what stands before it."""
    return f"{name}-webhook-service"


def certificate_secret(name: str) -> str:
    """Where a controller keeps its certificate."""
    return f"{name}-webhook-server-cert"


def jobset() -> Controller:
    """https://jobset.sigs.k8s.io/docs/reference/jobset-controller-config.v1alpha1/"""
    configuration = {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        **_common(JOBSET),
        "leaderElection": {"leaderElect": True, "resourceName": JOBSET},
        "clientConnection": {"qps": 100, "burst": 200},
    }
    return Controller(
        name=JOBSET,
        image=f"registry.k8s.io/jobset/jobset:{JOBSET_VERSION}",
        version=JOBSET_VERSION,
        configuration=configuration,
        flags=["--zap-log-level=2"],
        cpu=0.1,
        memory_gib=0.5,
    )


def kueue(spec: QueueSettingsSpec) -> Controller:
    """https://kueue.sigs.k8s.io/docs/reference/kueue-config.v1beta2/

    What has no queue's name is none of its business. A resource that no queue counts (disk of nodes, devices of
    interconnects) never keeps work waiting. Work of which not all pods run in time gives back what it holds; a pod that
    is made again later does not count against that, because JobSet restarts all of them
    (https://github.com/kubernetes-sigs/kueue/issues/14811).
    """
    configuration = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": QUEUE_NAMESPACE,
        **_common(KUEUE),
        "leaderElection": {"leaderElect": True, "resourceName": KUEUE},
        "clientConnection": {"qps": 100, "burst": 200},
        "manageJobsWithoutQueueName": False,
        "integrations": {"frameworks": ["batch/job", "jobset.x-k8s.io/jobset"]},
        "resources": {"quotaCheckStrategy": "IgnoreUndeclared"},
        "waitForPodsReady": {
            "timeout": f"{spec.ready_minutes}m",
            "recoveryTimeout": "0s",
            "blockAdmission": False,
            "requeuingStrategy": {"timestamp": "Eviction", "backoffBaseSeconds": 60, "backoffMaxSeconds": 3600},
        },
    }
    return Controller(
        name=KUEUE,
        image=f"registry.k8s.io/kueue/kueue:{KUEUE_VERSION}",
        version=KUEUE_VERSION,
        configuration=configuration,
        # Its API of what waits would need rights in kube-system; `kubectl get workloads` says the same.
        flags=["--zap-log-level=2", "--feature-gates=VisibilityOnDemand=false"],
        cpu=0.25,
        memory_gib=1,
    )


def _common(name: str) -> Manifest:
    return {
        "health": {"healthProbeBindAddress": f":{HEALTH_PORT}"},
        "metrics": {"bindAddress": f":{METRICS_PORT}"},
        "webhook": {"port": WEBHOOK_PORT},
        "internalCertManagement": {
            "enable": True,
            "webhookServiceName": webhook_service(name),
            "webhookSecretName": certificate_secret(name),
        },
    }


def before(controller: Controller) -> Iterator[tuple[str, Manifest]]:
    """What its pods need, each with the suffix of its resource name."""
    name, identity = controller.name, controller.identity
    yield "service-account", service_account(name, QUEUE_NAMESPACE, identity)
    data = {CONFIGURATION: _text(controller.configuration)}
    yield (
        "configuration",
        manifest("v1", "ConfigMap", f"{name}-configuration", identity, namespace=QUEUE_NAMESPACE, data=data),
    )
    # The controller fills it.
    secret = manifest("v1", "Secret", certificate_secret(name), identity, namespace=QUEUE_NAMESPACE, type="Opaque")
    yield "certificate", secret
    yield "disruption-budget", disruption_budget(name, QUEUE_NAMESPACE, identity)
    ports = [{"name": "webhook", "port": 443, "targetPort": WEBHOOK_PORT, "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": identity.selector(), "ports": ports}
    # Its pods come after it: who waits for them here waits for ever.
    service = manifest(
        "v1", "Service", webhook_service(name), identity, namespace=QUEUE_NAMESPACE, annotations=SKIP_AWAIT, spec=spec
    )
    yield "service", service


def deployment(controller: Controller) -> Manifest:
    """Two replicas, of which one acts and both answer what the API server asks."""
    identity = controller.identity
    annotations = configuration_hash(_text(controller.configuration))
    return manifest(
        "apps/v1",
        "Deployment",
        controller.name,
        identity,
        namespace=QUEUE_NAMESPACE,
        spec={
            "replicas": REPLICAS,
            "selector": {"matchLabels": identity.selector()},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 5,
            "template": {"metadata": template_metadata(identity, annotations), "spec": _pod(controller)},
        },
    )


def _pod(controller: Controller) -> Manifest:
    name = controller.name

    def probe(path: str, **times: int) -> Manifest:
        return {"httpGet": {"path": path, "port": "health"}, **times}

    container = Container(
        name=name,
        image=controller.image,
        cpu=controller.cpu,
        memory_gib=controller.memory_gib,
        command=["/manager"],
        args=[f"--config={_FOLDER}/{CONFIGURATION}", *controller.flags],
        files={
            _FOLDER: {"configMap": {"name": f"{name}-configuration"}},
            _CERTIFICATE_FOLDER: {"secret": {"secretName": certificate_secret(name)}},
        },
        extra={
            "ports": [
                {"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"},
                {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
                {"name": "webhook", "containerPort": WEBHOOK_PORT, "protocol": "TCP"},
            ],
            "readinessProbe": probe("/readyz", periodSeconds=10),
            "livenessProbe": probe("/healthz", initialDelaySeconds=15, periodSeconds=20),
        },
    )
    return pod_spec(
        container,
        name,
        automountServiceAccountToken=True,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        topologySpreadConstraints=spread_over_zones_and_nodes(controller.identity.selector()),
    )


def _text(configuration: Mapping[str, Any]) -> str:
    """JSON, which is YAML as well."""
    return json.dumps(configuration, indent=1) + "\n"
