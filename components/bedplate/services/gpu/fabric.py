"""What makes nodes offer the network cards between GPUs to pods.

Owns a ServiceAccount and a DaemonSet in the namespace of the GPUs' device plugin, for the nodes whose accelerators have
such cards. Which cards, and by which program, the cloud says. It deliberately owns no card, and no library that uses
one: that is in the workloads' images.

The pods see the machine's network, as upstream's do
(https://github.com/aws/eks-charts/blob/master/stable/aws-efa-k8s-device-plugin/templates/daemonset.yaml).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds.facts import FabricFacts, FabricPlugin
from bedplate.kubernetes import KubernetesObject, Manifest, service_account
from bedplate.labels import GPU_NAMESPACE, Identity
from bedplate.services.gpu.on_nodes import daemon_set, only, security

_PLUGINS_FOLDER = "/var/lib/kubelet/device-plugins"


@dataclass(frozen=True, kw_only=True)
class FabricPluginsArgs:
    """fabrics: by accelerator. after: what makes the namespace. inside: options of what stands in it."""

    fabrics: Mapping[str, FabricFacts]
    inside: pulumi.ResourceOptions


class FabricPlugins(pulumi.ComponentResource):
    """The plugins, one a kind of card."""

    def __init__(self, name: str, args: FabricPluginsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:FabricPlugins", name, {}, opts)
        inside = pulumi.ResourceOptions.merge(args.inside, pulumi.ResourceOptions(parent=self))
        plugins = {one.plugin.name: one.plugin for one in args.fabrics.values() if one.plugin}
        for plugin in plugins.values():
            on = [accelerator for accelerator, one in args.fabrics.items() if one.plugin == plugin]
            identity = Identity(name=plugin.name, component="gpu", version=plugin.image.rpartition(":")[2])
            account = service_account(plugin.name, GPU_NAMESPACE, identity)
            KubernetesObject(f"{name}-{plugin.name}-service-account", account, inside)
            KubernetesObject(f"{name}-{plugin.name}-daemon-set", _plugin(plugin, identity, on), inside)
        self.register_outputs({})


def _plugin(plugin: FabricPlugin, identity: Identity, accelerators: Sequence[str]) -> Manifest:
    container = {
        "name": plugin.name,
        "image": plugin.image,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [
            {"name": "device-plugins", "mountPath": _PLUGINS_FOLDER},
            {"name": "devices", "mountPath": plugin.devices_folder, "readOnly": True},
        ],
        "securityContext": security(of_cut_gpus=False),
    }
    volumes = [
        {"name": "device-plugins", "hostPath": {"path": _PLUGINS_FOLDER, "type": "Directory"}},
        {"name": "devices", "hostPath": {"path": plugin.devices_folder, "type": "Directory"}},
    ]
    pod = {"serviceAccountName": identity.name, "hostNetwork": True, "containers": [container], "volumes": volumes}
    return daemon_set(identity, GPU_NAMESPACE, only(accelerators), pod)
