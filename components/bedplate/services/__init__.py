"""Cluster services: one file each."""

from bedplate.services.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.alerts import Alerts, AlertsArgs
from bedplate.services.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.services.device_plugin import DevicePlugin, DevicePluginArgs
from bedplate.services.nodes import NODE_ALERTS
from bedplate.services.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from bedplate.services.storage_classes import StorageClasses, StorageClassesArgs

__all__ = [
    "NODE_ALERTS",
    "AcceleratorClasses",
    "AcceleratorClassesArgs",
    "Alerts",
    "AlertsArgs",
    "ClusterAutoscaler",
    "ClusterAutoscalerArgs",
    "DevicePlugin",
    "DevicePluginArgs",
    "PlatformNamespace",
    "PlatformNamespaceArgs",
    "StorageClasses",
    "StorageClassesArgs",
]
