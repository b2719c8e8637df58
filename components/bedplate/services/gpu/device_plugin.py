"""NVIDIA's device plugin: what makes a node with GPUs offer them to pods.

Owns a namespace, a ServiceAccount, and a DaemonSet for each way in which GPUs are shared: as a whole, cut (MIG), used
in turns. Whatever the way, a node offers `nvidia.com/gpu`, and what one of them is says the node's label (ADR 0030). It
deliberately brings no driver and no container toolkit: those come with the node's image, together, so the plugin works
with whatever driver a node has (it loads the driver's own NVML; `clouds/drivers.py` has the oldest). A new image of the
nodes brings a new driver, node by node, and each new node starts the plugin anew. GPU feature discovery is left out:
pods find GPUs by the platform's own label, which is there before the first node is, and the metrics name the driver.

The pods mount the kubelet's folder of device plugins, as upstream's manifest does
(https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/deployments/static/nvidia-device-plugin.yml).
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
from ruamel.yaml import YAML

from bedplate.clouds.facts import FabricFacts
from bedplate.clouds.sharing import part
from bedplate.kubernetes import (
    Alert,
    Dns,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    manifest,
    service_account,
)
from bedplate.labels import GPU_NAMESPACE, GPU_RESOURCE, Identity
from bedplate.services.gpu.alerts import DEVICE_PLUGIN_ALERTS
from bedplate.services.gpu.fabric import FabricPlugins, FabricPluginsArgs
from bedplate.services.gpu.on_nodes import all_but, cut, daemon_set, environment, only, security

# renovate: datasource=docker depName=nvcr.io/nvidia/k8s-device-plugin
VERSION = "v0.20.0"
NAME = "nvidia-device-plugin"
_IDENTITY = Identity(name=NAME, component="gpu", version=VERSION)
_PLUGINS_FOLDER = "/var/lib/kubelet/device-plugins"
"""Where the kubelet listens: https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/."""
_CONFIG_FOLDER, _CONFIG = "/etc/bedplate", "plugin.yaml"


@dataclass(frozen=True, kw_only=True)
class DevicePluginArgs:
    """accelerators: what pods may ask for. kubernetes_version: minor, '1.35'. dns: of the cluster. fabrics: network
    cards between GPUs, by accelerator."""

    accelerators: Sequence[str]
    kubernetes_version: str
    dns: Dns
    fabrics: Mapping[str, FabricFacts] = field(default_factory=dict[str, FabricFacts])


class DevicePlugin(pulumi.ComponentResource):
    """The device plugin on every node that has the platform's accelerator label."""

    alerts: ClassVar[tuple[Alert, ...]] = DEVICE_PLUGIN_ALERTS

    def __init__(self, name: str, args: DevicePluginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:DevicePlugin", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=GPU_NAMESPACE,
                identity=_IDENTITY,
                level="privileged",
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
            ),
            child,
        )
        parts, turns = cut(args.accelerators), _turns(args.accelerators)
        shared = [*parts, *(accelerator for alike in turns.values() for accelerator in alike)]
        if set(args.accelerators) - set(shared):
            self._run(name, place, _plugin(_IDENTITY, all_but(shared)))
        if parts:
            self._run(f"{name}-parts", place, _plugin(_identity("parts"), only(parts), is_cut=True))
        for times, alike in turns.items():
            identity = _identity(f"turns-{times}")
            KubernetesObject(f"{name}-turns-{times}-config", _config(identity, times), place.inside(self))
            self._run(f"{name}-turns-{times}", place, _plugin(identity, only(alike), has_config=True))
        if any(fabric.plugin for fabric in args.fabrics.values()):
            FabricPlugins(f"{name}-fabrics", FabricPluginsArgs(fabrics=args.fabrics, inside=place.inside(self)), child)
        self.register_outputs({})

    def _run(self, name: str, place: PlatformNamespace, daemon: tuple[Identity, Manifest]) -> None:
        identity, body = daemon
        account = service_account(identity.name, GPU_NAMESPACE, identity)
        KubernetesObject(f"{name}-service-account", account, place.inside(self))
        KubernetesObject(f"{name}-daemon-set", body, place.inside(self))


def _identity(way: str) -> Identity:
    return Identity(name=f"{NAME}-{way}", component="gpu", version=VERSION)


def _turns(accelerators: Sequence[str]) -> dict[int, list[str]]:
    """Accelerators whose GPUs are used in turns, by how many use one."""
    turns: dict[int, list[str]] = {}
    for name in sorted(accelerators):
        if (of := part(name)).is_in_turns:
            turns.setdefault(of.share.denominator, []).append(name)
    return turns


def _config(identity: Identity, times: int) -> Manifest:
    """https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/README.md#with-cuda-time-slicing

    The resource keeps its name, so that one quota counts it: by another name it would be counted by none.
    """
    shared = {"name": GPU_RESOURCE, "replicas": times}
    turns = {"renameByDefault": False, "failRequestsGreaterThanOne": True, "resources": [shared]}
    text = io.StringIO()
    YAML(typ="safe").dump({"version": "v1", "sharing": {"timeSlicing": turns}}, text)  # pyright: ignore[reportUnknownMemberType]
    data = {_CONFIG: text.getvalue()}
    return manifest("v1", "ConfigMap", identity.name, identity, namespace=GPU_NAMESPACE, data=data)


def _plugin(
    identity: Identity, on: Manifest, *, is_cut: bool = False, has_config: bool = False
) -> tuple[Identity, Manifest]:
    volumes: list[Manifest] = [{"name": "device-plugins", "hostPath": {"path": _PLUGINS_FOLDER, "type": "Directory"}}]
    if has_config:
        volumes.append({"name": "config", "configMap": {"name": identity.name}})
    container = _container(is_cut=is_cut, has_config=has_config)
    pod = {"serviceAccountName": identity.name, "containers": [container], "volumes": volumes}
    return identity, daemon_set(identity, GPU_NAMESPACE, on, pod)


def _container(*, is_cut: bool, has_config: bool) -> Manifest:
    variables = {
        # A node without a working driver shows as a pod that fails, not as one that offers nothing.
        "FAIL_ON_INIT_ERROR": "true",
        # A node's parts are all alike, and are offered as the GPUs of the node.
        "MIG_STRATEGY": "single" if is_cut else "none",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "all",
        **({"CONFIG_FILE": f"{_CONFIG_FOLDER}/{_CONFIG}"} if has_config else {}),
    }
    config = [{"name": "config", "mountPath": _CONFIG_FOLDER, "readOnly": True}] if has_config else []
    return {
        "name": NAME,
        "image": f"nvcr.io/nvidia/k8s-device-plugin:{VERSION}",
        "command": ["nvidia-device-plugin"],
        "env": environment(variables, of_cut_gpus=is_cut),
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "volumeMounts": [{"name": "device-plugins", "mountPath": _PLUGINS_FOLDER}, *config],
        "securityContext": security(of_cut_gpus=is_cut),
    }
