"""NVIDIA's DCGM exporter: how much each GPU is used, by whom, and what is wrong with it.

Owns a namespace, a ServiceAccount, the list of counters, and a DaemonSet, two where GPUs are cut: parts of a GPU have
no `DCGM_FI_DEV_GPU_UTIL`, only a profiling counter, and that needs SYS_ADMIN, which pods of other nodes do without
(https://github.com/NVIDIA/dcgm-exporter/blob/main/docker/Dockerfile). It deliberately brings no scrape job: monitoring
finds the Service.

The pods read from the kubelet which pod has which GPU; its socket is root's
(https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/#monitoring-device-plugin-resources).
"""

from collections.abc import Sequence
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
    configuration_hash,
    manifest,
    service_account,
)
from bedplate.labels import GPU_METRICS_NAMESPACE, Identity
from bedplate.services.gpu.alerts import EXPORTER_ALERTS
from bedplate.services.gpu.on_nodes import all_but, cut, daemon_set, environment, only, security

# renovate: datasource=docker depName=nvcr.io/nvidia/k8s/dcgm-exporter
VERSION = "4.5.3-4.8.2-distroless"
NAME = "dcgm-exporter"
PORT = 9400
COUNTERS: dict[str, tuple[str, str]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilisation in percent"),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gauge", "memory utilisation in percent"),
    "DCGM_FI_DEV_FB_USED": ("gauge", "memory used in MiB"),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "memory free in MiB"),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "power in W"),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "temperature in degrees Celsius"),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": ("counter", "rows of memory remapped after uncorrectable errors"),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("gauge", "whether remapping rows has failed"),
    "DCGM_EXP_XID_ERRORS_COUNT": ("gauge", "XID errors of the last minutes by number"),
    "DCGM_FI_DRIVER_VERSION": ("label", "version of the driver"),
}
"""Name → kind and what it is: https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/default-counters.csv."""
COUNTERS_OF_PARTS: dict[str, tuple[str, str]] = {
    **COUNTERS,
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("gauge", "share of time in which the part computes"),
}
XID_WINDOW_MINUTES = 10
"""An XID is told so long, and looked at again after a scrape that failed."""
_COUNTERS_FOLDER = "/etc/bedplate"
_WRITABLE = {"scratch": "/tmp", "logs": "/var/log", "run": "/run"}
_DRIVER_MOUNT = "/usr/local/nvidia"
_RESOURCES_FOLDER = "/var/lib/kubelet/pod-resources"


@dataclass(frozen=True, kw_only=True)
class GpuExporterArgs:
    """accelerators: what pods may ask for. driver_folder: of the node, if no runtime of NVIDIA's brings the driver into
    containers. kubernetes_version: minor, '1.35'. dns: of the cluster."""

    accelerators: Sequence[str]
    driver_folder: str | None
    kubernetes_version: str
    dns: Dns


class GpuExporter(pulumi.ComponentResource):
    """The exporter on every node that has the platform's accelerator label."""

    alerts: ClassVar[tuple[Alert, ...]] = EXPORTER_ALERTS

    def __init__(self, name: str, args: GpuExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GpuExporter", name, {}, opts)
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=GPU_METRICS_NAMESPACE,
                identity=_identity(NAME),
                level="privileged",
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        KubernetesObject(f"{name}-service", _service(), place.inside(self))
        parts, driver = cut(args.accelerators), args.driver_folder
        if set(args.accelerators) - set(parts):
            self._run(name, place, NAME, all_but(parts), driver)
        if parts:
            self._run(f"{name}-parts", place, f"{NAME}-parts", only(parts), driver, is_cut=True)
        self.register_outputs({})

    def _run(
        self,
        name: str,
        place: PlatformNamespace,
        software: str,
        on: Manifest,
        driver_folder: str | None,
        *,
        is_cut: bool = False,
    ) -> None:
        identity, counters = _identity(software), COUNTERS_OF_PARTS if is_cut else COUNTERS
        text = "".join(f"{counter}, {kind}, {what}.\n" for counter, (kind, what) in counters.items())
        config = manifest(
            "v1", "ConfigMap", software, identity, namespace=GPU_METRICS_NAMESPACE, data={"counters.csv": text}
        )
        account = service_account(software, GPU_METRICS_NAMESPACE, identity)
        KubernetesObject(f"{name}-service-account", account, place.inside(self))
        KubernetesObject(f"{name}-counters", config, place.inside(self))
        pod = _pod(identity, driver_folder, is_cut=is_cut)
        body = daemon_set(identity, GPU_METRICS_NAMESPACE, on, pod, configuration_hash(text))
        KubernetesObject(f"{name}-daemon-set", body, place.inside(self))


def _identity(software: str) -> Identity:
    return Identity(name=software, component="gpu-metrics", version=VERSION)


def _service() -> Manifest:
    """By which Prometheus finds the pods of all DaemonSets; nobody else asks for it."""
    return manifest(
        "v1",
        "Service",
        NAME,
        _identity(NAME),
        namespace=GPU_METRICS_NAMESPACE,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/component": "gpu-metrics"},
            "ports": [{"name": "metrics", "port": PORT, "targetPort": "metrics", "protocol": "TCP"}],
        },
    )


def _pod(identity: Identity, driver_folder: str | None, *, is_cut: bool) -> Manifest:
    driver = [{"name": "driver", "hostPath": {"path": driver_folder, "type": "Directory"}}] if driver_folder else []
    container = _container(is_cut=is_cut)
    return {
        "serviceAccountName": identity.name,
        "containers": [_beside_the_driver(container) if driver_folder else container],
        "volumes": [
            {"name": "pod-resources", "hostPath": {"path": _RESOURCES_FOLDER, "type": "Directory"}},
            {"name": "counters", "configMap": {"name": identity.name}},
            *({"name": name, "emptyDir": {"sizeLimit": "64Mi"}} for name in _WRITABLE),
            *driver,
        ],
    }


def _beside_the_driver(container: Manifest) -> Manifest:
    """With the node's own driver, and privileged: nothing else gives it the devices that it would not be allotted.

    https://cloud.google.com/stackdriver/docs/managed-prometheus/exporters/nvidia-dcgm
    """
    library = {"name": "LD_LIBRARY_PATH", "value": f"{_DRIVER_MOUNT}/lib64"}
    mount = {"name": "driver", "mountPath": _DRIVER_MOUNT, "readOnly": True}
    return {
        **container,
        "env": [*container["env"], library],
        "volumeMounts": [*container["volumeMounts"], mount],
        "securityContext": {"privileged": True, "readOnlyRootFilesystem": True},
    }


def _container(*, is_cut: bool) -> Manifest:
    variables = {
        "DCGM_EXPORTER_KUBERNETES": "true",
        # GPUs that are used in turns show once for each of their pods, not for one of them.
        "KUBERNETES_VIRTUAL_GPUS": "true",
        "DCGM_EXPORTER_LISTEN": f":{PORT}",
        "DCGM_EXPORTER_XID_COUNT_WINDOW_SIZE": str(XID_WINDOW_MINUTES * 60_000),
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    }
    node = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    health = {"httpGet": {"path": "/health", "port": "metrics"}, "periodSeconds": 15, "timeoutSeconds": 5}
    exact = {"memory": "512Mi", "ephemeral-storage": "256Mi"}
    return {
        "name": NAME,
        "image": f"nvcr.io/nvidia/k8s/dcgm-exporter:{VERSION}",
        "args": ["-f", f"{_COUNTERS_FOLDER}/counters.csv"],
        "env": [*environment(variables, of_cut_gpus=is_cut), node],
        "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
        "livenessProbe": {**health, "initialDelaySeconds": 45},
        "readinessProbe": health,
        "resources": {"requests": {"cpu": "100m", **exact}, "limits": {"cpu": "500m", **exact}},
        "volumeMounts": [
            {"name": "pod-resources", "mountPath": _RESOURCES_FOLDER, "readOnly": True},
            {"name": "counters", "mountPath": _COUNTERS_FOLDER, "readOnly": True},
            *({"name": name, "mountPath": path} for name, path in _WRITABLE.items()),
        ],
        "securityContext": security(of_cut_gpus=is_cut),
    }
