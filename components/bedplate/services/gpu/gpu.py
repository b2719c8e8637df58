"""GPUs as pods ask for them, and what is known of their use.

Owns the device plugin and the exporter of metrics, each where the cluster brings none, the recording rules of who has
which GPU and uses how much of it, and the alerts. It deliberately owns no driver, which comes with the nodes' image,
and cuts no GPU: that is the cloud's. It registers no resource of its own: its parts are the platform's children, and
their URNs a contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import Alert, Dashboard, RuleGroup
from bedplate.services.gpu.alerts import GPU_ALERTS
from bedplate.services.gpu.dashboards import DASHBOARDS
from bedplate.services.gpu.device_plugin import DevicePlugin, DevicePluginArgs
from bedplate.services.gpu.exporter import GpuExporter, GpuExporterArgs
from bedplate.services.gpu.rules import GPU_RULES


@dataclass(frozen=True, kw_only=True)
class GpuArgs:
    """accelerators: what pods may ask for, parts of GPUs included."""

    facts: ClusterFacts
    accelerators: Sequence[str]


class Gpu:
    """What runs on nodes with GPUs, and what is recorded and told of them."""

    alerts: Sequence[Alert]
    """Of nodes with GPUs, of GPUs that nobody uses, and of what runs here."""
    rules: Sequence[RuleGroup]
    """Who has which GPU, and uses how much of it; none without GPUs."""
    dashboards: Sequence[Dashboard]
    """The same as pictures."""

    def __init__(self, name: str, args: GpuArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plugin, exporter = self._device_plugin(name, args, opts), self._exporter(name, args, opts)
        self.alerts = [*GPU_ALERTS, *(alert for running in (*plugin, *exporter) for alert in running.alerts)]
        self.rules = GPU_RULES if args.accelerators else ()
        self.dashboards = DASHBOARDS if args.accelerators else ()

    def _device_plugin(self, name: str, args: GpuArgs, opts: pulumi.ResourceOptions | None) -> list[DevicePlugin]:
        if not args.accelerators or args.facts.has_device_plugin:
            return []
        plugin = DevicePluginArgs(
            accelerators=args.accelerators,
            kubernetes_version=args.facts.kubernetes_version,
            dns=args.facts.dns,
            fabrics=args.facts.fabrics,
        )
        return [DevicePlugin(f"{name}-device-plugin", plugin, opts)]

    def _exporter(self, name: str, args: GpuArgs, opts: pulumi.ResourceOptions | None) -> list[GpuExporter]:
        if not args.accelerators or args.facts.has_gpu_metrics:
            return []
        exporter = GpuExporterArgs(
            accelerators=args.accelerators,
            driver_folder=args.facts.gpu_driver_folder,
            kubernetes_version=args.facts.kubernetes_version,
            dns=args.facts.dns,
        )
        return [GpuExporter(f"{name}-gpu-exporter", exporter, opts)]
