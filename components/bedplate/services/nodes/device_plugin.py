"""NVIDIA's device plugin: what makes a node with GPUs offer them to pods.

Owns a namespace, a ServiceAccount and a DaemonSet. It deliberately brings no driver and no container toolkit: those
come with the node's image, together, so the plugin works with whatever driver a node has (it loads the driver's own
NVML, from 384.81 on: https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/README.md#prerequisites). A new image of
the nodes brings a new driver, node by node, and each new node starts the plugin anew. GPU feature discovery is left
out: pods find GPUs by the platform's own label, which is there before the first node is.

The pods run as root without any capability and mount the kubelet's folder of device plugins, as upstream's manifest
does (https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/deployments/static/nvidia-device-plugin.yml). The Pod
Security levels `baseline` and `restricted` forbid any hostPath
(https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline), so the namespace is `privileged`;
nothing else lives in it, and no tenant may create anything there.
"""

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from bedplate.kubernetes import (
    SKIP_AWAIT,
    Alert,
    Dns,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    manifest,
    service_account,
    template_metadata,
)
from bedplate.labels import ACCELERATOR, GPU_NAMESPACE, Identity
from bedplate.services.nodes.alerts import DEVICE_PLUGIN_ALERTS

# renovate: datasource=docker depName=nvcr.io/nvidia/k8s-device-plugin
VERSION = "v0.20.0"
NAME = "nvidia-device-plugin"
_IDENTITY = Identity(name=NAME, component="gpu", version=VERSION)
_PLUGINS_FOLDER = "/var/lib/kubelet/device-plugins"
"""Where the kubelet listens: https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/."""
_STAYS = {"cluster-autoscaler.kubernetes.io/enable-ds-eviction": "false"}
"""https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#how-can-i-enabledisable-eviction-for-a-specific-daemonset"""


@dataclass(frozen=True, kw_only=True)
class DevicePluginArgs:
    """kubernetes_version: minor, '1.35'. dns: of the cluster."""

    kubernetes_version: str
    dns: Dns


class DevicePlugin(pulumi.ComponentResource):
    """The device plugin on every node that has the platform's accelerator label."""

    alerts: ClassVar[tuple[Alert, ...]] = DEVICE_PLUGIN_ALERTS

    def __init__(self, name: str, args: DevicePluginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:DevicePlugin", name, {}, opts)
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=GPU_NAMESPACE,
                identity=_IDENTITY,
                level="privileged",
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        account = service_account(NAME, GPU_NAMESPACE, _IDENTITY)
        KubernetesObject(f"{name}-service-account", account, place.inside(self))
        KubernetesObject(f"{name}-daemon-set", _daemon_set(), place.inside(self))
        self.register_outputs({})


def _daemon_set() -> Manifest:
    return manifest(
        "apps/v1",
        "DaemonSet",
        NAME,
        _IDENTITY,
        namespace=GPU_NAMESPACE,
        # One broken node must not hold up the platform's updates; the alert tells of it.
        annotations=SKIP_AWAIT,
        spec={
            "selector": {"matchLabels": _IDENTITY.selector()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "revisionHistoryLimit": 5,
            "template": {
                # It stays to the end when a node is emptied: pods with GPUs may still be stopping.
                "metadata": template_metadata(_IDENTITY, _STAYS),
                "spec": _pod(),
            },
        },
    )


def _pod() -> Manifest:
    has_gpus = {"matchExpressions": [{"key": ACCELERATOR, "operator": "Exists"}]}
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Admitted in every namespace unless the cluster limits the class by quota
        # (https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default).
        "priorityClassName": "system-node-critical",
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [has_gpus]}}
        },
        # The GPU taint, and those that clouds put on spot nodes.
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container()],
        "volumes": [{"name": "device-plugins", "hostPath": {"path": _PLUGINS_FOLDER, "type": "Directory"}}],
    }


def _container() -> Manifest:
    environment = {
        # A node without a working driver shows as a pod that fails, not as one that offers nothing.
        "FAIL_ON_INIT_ERROR": "true",
        "MIG_STRATEGY": "none",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "all",
    }
    return {
        "name": NAME,
        "image": f"nvcr.io/nvidia/k8s-device-plugin:{VERSION}",
        "command": ["nvidia-device-plugin"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "volumeMounts": [{"name": "device-plugins", "mountPath": _PLUGINS_FOLDER}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
