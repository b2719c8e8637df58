"""What pods on every node with GPUs have in common: where they go, as whom they run.

They run as root, because what they open on the node is root's: the kubelet's sockets. The Pod Security levels
`baseline` and `restricted` forbid any hostPath (https://kubernetes.io/docs/concepts/security/pod-security-standards/),
so their namespaces are `privileged`; nothing else lives in them, and no tenant may create anything there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.clouds.sharing import part
from bedplate.kubernetes import SKIP_AWAIT, Manifest, manifest, template_metadata
from bedplate.labels import ACCELERATOR, Identity

_STAYS = {"cluster-autoscaler.kubernetes.io/enable-ds-eviction": "false"}
"""https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#how-can-i-enabledisable-eviction-for-a-specific-daemonset"""
_MIG_DEVICES = {"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"}


def cut(accelerators: Sequence[str]) -> list[str]:
    """Those that are parts with memory and cores of their own."""
    return [name for name in accelerators if part(name).profile]


def daemon_set(
    identity: Identity,
    namespace: str,
    on: Manifest,
    pod: Manifest,
    annotations: Mapping[str, Any] | None = None,
) -> Manifest:
    """A DaemonSet on nodes with GPUs. on: what their accelerator label must be; pod: its containers and volumes;
    annotations: of its pods."""
    return manifest(
        "apps/v1",
        "DaemonSet",
        identity.name,
        identity,
        namespace=namespace,
        # One broken node must not hold up the platform's updates; the alert tells of it.
        annotations=SKIP_AWAIT,
        spec={
            "selector": {"matchLabels": identity.selector()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "revisionHistoryLimit": 5,
            "template": {
                # It stays to the end when a node is emptied: pods with GPUs may still be stopping.
                "metadata": template_metadata(identity, {**_STAYS, **(annotations or {})}),
                "spec": {**_pod(on), **pod},
            },
        },
    )


def all_but(but: Sequence[str]) -> Manifest:
    """Of the accelerator label: any, but none of those that another DaemonSet is for; an unknown one too."""
    found: list[Manifest] = [{"key": ACCELERATOR, "operator": "Exists"}]
    if but:
        found.append({"key": ACCELERATOR, "operator": "NotIn", "values": sorted(but)})
    return {"matchExpressions": found}


def only(accelerators: Sequence[str]) -> Manifest:
    """Of the accelerator label: one of these."""
    return {"matchExpressions": [{"key": ACCELERATOR, "operator": "In", "values": sorted(accelerators)}]}


def _pod(on: Manifest) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Admitted in every namespace unless the cluster limits the class by quota
        # (https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default).
        "priorityClassName": "system-node-critical",
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [on]}}},
        # The GPU taint, and those that clouds put on spot nodes.
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def security(*, of_cut_gpus: bool) -> Manifest:
    """Without any capability; of all parts of a cut GPU only SYS_ADMIN can see.

    https://github.com/NVIDIA/nvidia-container-toolkit (NVIDIA_MIG_MONITOR_DEVICES),
    https://docs.nvidia.com/datacenter/tesla/mig-user-guide/device-nodes-and-capabilities.html
    """
    added = {"add": ["SYS_ADMIN"]} if of_cut_gpus else {}
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], **added},
    }


def environment(values: dict[str, str], *, of_cut_gpus: bool) -> list[dict[str, Any]]:
    """Variables of a container that sees all GPUs of its node."""
    plain = [{"name": name, "value": value} for name, value in values.items()]
    return [*plain, _MIG_DEVICES] if of_cut_gpus else plain
