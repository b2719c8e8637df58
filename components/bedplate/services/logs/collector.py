"""Fluent Bit on every machine: what sends each container's lines to the store.

Owns its DaemonSet, its configuration and its ServiceAccount, which may nothing: whose a line is, the name of its file
says. It stands in a namespace of its own, the one of logs whose pods may mount files of their machine. It runs as root,
because the kubelet's files are root's (https://github.com/kubernetes/kubernetes/issues/111215), and with no capability:
it can read them and change none, being mounted read-only. What the store does not take waits in a folder of the
machine, so that a restart loses nothing.
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
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, Identity
from bedplate.services.logs.collecting import METRICS_PORT, PASSWORD_VARIABLE
from bedplate.services.logs.roles import COLLECTOR

# renovate: datasource=docker depName=docker.io/fluent/fluent-bit
VERSION = "5.1.1"
IDENTITY = Identity(name=COLLECTOR, component="logs", version=VERSION)
CONFIGURATION = "fluent-bit.yaml"
BUFFER_FOLDER = "/var/lib/bedplate/logs"
"""In the container and on the machine."""
AUTHORITY, AUTHORITY_KEY = "store-authority", "ca.crt"
"""The ConfigMap with what vouches for the store; pods wait until it is there."""
AUTHORITY_FILE = f"/etc/bedplate/authority/{AUTHORITY_KEY}"
_LOGS_FOLDER = "/var/log"
"""Below it are links to files in /var/log/pods."""
_CONFIGURATION_FOLDER = "/etc/bedplate/collector"
_MEMORY = "256Mi"
"""64 chunks of 2 MB at most are in memory at once, beside what is being sent."""


def before(configuration: str) -> Sequence[tuple[str, Manifest]]:
    """What its pods need, each with the suffix of its resource name."""
    name, data = f"{COLLECTOR}-configuration", {CONFIGURATION: configuration}
    return (
        ("service-account", service_account(COLLECTOR, LOG_COLLECTOR_NAMESPACE, IDENTITY)),
        ("configuration", manifest("v1", "ConfigMap", name, IDENTITY, namespace=LOG_COLLECTOR_NAMESPACE, data=data)),
    )


def daemon_set(
    configuration: str,
    password_of: tuple[str, str],
    hashes: Mapping[str, pulumi.Input[str]],
    *,
    has_authority: bool,
) -> Manifest:
    """On every machine, whatever its taints. hashes: annotations that change with its secrets. has_authority: that the
    store's certificate is verified with the ConfigMap's, not with public authorities."""
    annotations = {**configuration_hash(configuration), **hashes}
    return manifest(
        "apps/v1",
        "DaemonSet",
        COLLECTOR,
        IDENTITY,
        namespace=LOG_COLLECTOR_NAMESPACE,
        # One broken machine must not hold up the platform's updates; the alert tells of it.
        annotations=SKIP_AWAIT,
        spec={
            "selector": {"matchLabels": IDENTITY.selector()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "revisionHistoryLimit": 5,
            "template": {
                "metadata": template_metadata(IDENTITY, annotations),
                "spec": _pod(password_of, has_authority=has_authority),
            },
        },
    )


def _pod(password_of: tuple[str, str], *, has_authority: bool) -> Manifest:
    folders = {"logs": (_LOGS_FOLDER, "Directory"), "buffer": (BUFFER_FOLDER, "DirectoryOrCreate")}
    source = {"name": AUTHORITY, "items": [{"key": AUTHORITY_KEY, "path": AUTHORITY_KEY}]}
    vouching = [{"name": "authority", "configMap": source}] if has_authority else []
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
        "containers": [_container(password_of, has_authority=has_authority)],
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
