"""Fluent Bit on every machine: what sends each container's lines to the store.

Owns its DaemonSet, its configuration and its ServiceAccount, which may nothing: whose a line is, the name of its file
says. It runs as root, because the kubelet's files are root's
(https://github.com/kubernetes/kubernetes/issues/111215), and with no capability: it can read them and change none,
being mounted read-only. What the store does not take waits in a folder of the machine, so that a restart loses nothing.
"""

from collections.abc import Mapping, Sequence

import pulumi

from bedplate.kubernetes import (
    SKIP_AWAIT,
    Manifest,
    configuration_hash,
    manifest,
    service_account,
    template_metadata,
)
from bedplate.labels import LOGS_NAMESPACE, Identity
from bedplate.services.logs.collecting import METRICS_PORT, PASSWORD_VARIABLE
from bedplate.services.logs.users import COLLECTOR

# renovate: datasource=docker depName=docker.io/fluent/fluent-bit
VERSION = "5.1.1"
IDENTITY = Identity(name=COLLECTOR, component="logs", version=VERSION)
CONFIGURATION = "fluent-bit.yaml"
BUFFER_FOLDER = "/var/lib/bedplate/logs"
"""In the container and on the machine."""
AUTHORITY_FILE = "/etc/bedplate/authority/ca.crt"
_LOGS_FOLDER = "/var/log"
"""Below it are links to files in /var/log/pods."""
_CONFIGURATION_FOLDER = "/etc/bedplate/collector"
_MEMORY = "256Mi"
"""64 chunks of 2 MB at most are in memory at once, beside what is being sent."""


def before(configuration: str) -> Sequence[tuple[str, Manifest]]:
    """What its pods need, each with the suffix of its resource name."""
    name, data = f"{COLLECTOR}-configuration", {CONFIGURATION: configuration}
    return (
        ("service-account", service_account(COLLECTOR, LOGS_NAMESPACE, IDENTITY)),
        ("configuration", manifest("v1", "ConfigMap", name, IDENTITY, namespace=LOGS_NAMESPACE, data=data)),
    )


def daemon_set(
    configuration: str,
    password_of: tuple[str, str],
    authority: Mapping[str, object] | None,
    hashes: Mapping[str, pulumi.Input[str]],
) -> Manifest:
    """On every machine, whatever its taints. hashes: annotations that change with its secrets."""
    annotations = {**configuration_hash(configuration), **hashes}
    return manifest(
        "apps/v1",
        "DaemonSet",
        COLLECTOR,
        IDENTITY,
        namespace=LOGS_NAMESPACE,
        # One broken machine must not hold up the platform's updates; the alert tells of it.
        annotations=SKIP_AWAIT,
        spec={
            "selector": {"matchLabels": IDENTITY.selector()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "revisionHistoryLimit": 5,
            "template": {
                "metadata": template_metadata(IDENTITY, annotations),
                "spec": _pod(password_of, authority),
            },
        },
    )


def _pod(password_of: tuple[str, str], authority: Mapping[str, object] | None) -> Manifest:
    folders = {"logs": (_LOGS_FOLDER, "Directory"), "buffer": (BUFFER_FOLDER, "DirectoryOrCreate")}
    vouching = [{"name": "authority", **authority}] if authority else []
    return {
        "serviceAccountName": COLLECTOR,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": "system-node-critical",
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        # What it has in memory is written to the buffer, and read back by the next one.
        "terminationGracePeriodSeconds": 40,
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(password_of, has_authority=bool(vouching))],
        "volumes": [
            {"name": "configuration", "configMap": {"name": f"{COLLECTOR}-configuration"}},
            *({"name": name, "hostPath": {"path": path, "type": kind}} for name, (path, kind) in folders.items()),
            *vouching,
        ],
    }


def _container(password_of: tuple[str, str], *, has_authority: bool) -> Manifest:
    secret, key = password_of
    alive = {"httpGet": {"path": "/api/v1/uptime", "port": "metrics"}, "periodSeconds": 20, "timeoutSeconds": 5}
    exact = {"memory": _MEMORY, "ephemeral-storage": "64Mi"}
    authority_folder = AUTHORITY_FILE.rpartition("/")[0]
    vouching = [{"name": "authority", "mountPath": authority_folder, "readOnly": True}] if has_authority else []
    return {
        "name": COLLECTOR,
        "image": f"docker.io/fluent/fluent-bit:{VERSION}",
        "command": ["/fluent-bit/bin/fluent-bit", "-c", f"{_CONFIGURATION_FOLDER}/{CONFIGURATION}"],
        "env": [{"name": PASSWORD_VARIABLE, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        # A store that takes nothing is no reason to start again.
        "livenessProbe": {**alive, "initialDelaySeconds": 30, "failureThreshold": 6},
        "readinessProbe": alive,
        "resources": {"requests": {"cpu": "50m", **exact}, "limits": {"cpu": "500m", **exact}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": _CONFIGURATION_FOLDER, "readOnly": True},
            {"name": "logs", "mountPath": _LOGS_FOLDER, "readOnly": True},
            {"name": "buffer", "mountPath": BUFFER_FOLDER},
            *vouching,
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
