"""What somebody is told about stopping: the owner before it happens, the platform's team when nobody can decide.

The expressions read what `rules` records, and KEDA's pods by kube-state-metrics. The labels `owner` and `tenant` are
for whoever routes alerts.
"""

from bedplate.kubernetes import Alert, metric_label
from bedplate.labels import TENANT
from bedplate.services.idle.keda import OPERATOR
from bedplate.services.idle.rules import Clock
from bedplate.services.idle.workspace_objects import IDLE_AFTER

_GUIDE = "docs/guides/idle.md"
_BY = "by (namespace, workspace)"
_ON = "on (namespace, workspace)"
_TENANT = metric_label(TENANT)
_NAME = "{{ $labels.namespace }}/{{ $labels.workspace }}"
_RUNNING = (
    f"max {_BY} (bedplate:workspace_pod * on (namespace, pod) group_left ()"
    ' (max by (namespace, pod) (kube_pod_status_phase{phase="Running"}) == 1))'
)
_NOT_BY_HAND = f"unless {_ON} bedplate:workspace_stopped_by_hand"


def idle_alerts(warn_minutes: int, keda_namespace: str) -> tuple[Alert, ...]:
    """warn_minutes: how long before it is stopped the owner is told."""
    whose = f"max by (namespace, workspace, tenant, project, owner) ({IDLE_AFTER}) ^ 0"
    return (
        Alert(
            name="BedplateWorkspaceStopsSoon",
            expression=(
                f"(bedplate:workspace_stops_in_seconds > 0 <= {warn_minutes * 60}"
                f" and {_ON} {Clock().recorded('bedplate:workspace_stops_in_seconds')})"
                f" * {_ON} group_right () ({whose})"
            ),
            for_minutes=0,
            severity="warning",
            summary=f"Nobody uses {_NAME}: it stops in {{{{ $value | humanizeDuration }}}}",
            description="Open it, or say until when to keep it. Its volumes stay, and opening it starts it again.",
            runbook=f"{_GUIDE}#a-workspace-stops-soon",
        ),
        Alert(
            name="BedplateIdleBlind",
            expression=(
                f'max {_BY} (bedplate:workspace_signal{{signal="unmeasured"}}) and {_ON} {_RUNNING}'
                " and on () bedplate:front_door_read"
            ),
            for_minutes=15,
            severity="warning",
            summary=f"Nobody knows whether {_NAME} is in use",
            description="Figures of its CPU, its network or its GPUs are missing, so it is kept, whatever it costs.",
            runbook=f"{_GUIDE}#nobody-knows-whether-it-is-in-use",
        ),
        _gpu_without_end(),
        Alert(
            name="BedplateIdleNotDeciding",
            expression="count(bedplate:workspace) unless on () bedplate:front_door_read",
            for_minutes=10,
            severity="critical",
            summary="Nothing is stopped or started: what the front door counts is not read",
            description="What runs goes on, whatever it costs, and who opens what is stopped waits in vain.",
            runbook=f"{_GUIDE}#nothing-is-stopped-or-started",
        ),
        Alert(
            name="BedplateIdleNotFollowed",
            expression=(
                f"(bedplate:workspace_wanted == 1 and {_ON} bedplate:workspace_replicas == 0 {_NOT_BY_HAND})"
                f" or (bedplate:workspace_wanted == 0 and {_ON} bedplate:workspace_replicas > 0)"
            ),
            for_minutes=5,
            severity="critical",
            summary=f"KEDA does not do with {_NAME} what is due",
            description="It should have been stopped or started minutes ago.",
            runbook=f"{_GUIDE}#keda-does-not-follow",
        ),
        _keda_down(keda_namespace),
    )


def _gpu_without_end() -> Alert:
    return Alert(
        name="BedplateGpuWithoutEnd",
        expression=_without_end(),
        for_minutes=15,
        severity="warning",
        summary=f"Nothing stops {_NAME}, which holds {{{{ $value }}}} GPUs",
        description="It is no workload of a stack file, and runs until somebody ends it.",
        runbook=f"{_GUIDE}#nothing-stops-it",
    )


def _without_end() -> str:
    """PromQL: GPUs of what neither a ScaledObject nor an autoscaler is about, by the name of what holds them.

    Templates make one of both for whatever has no end."""
    makers = " or ".join(
        f'label_replace(kube_pod_owner{{owner_kind=~"{kinds}"}}, "workspace", "$1", "owner_name", "{name}")'
        for kinds, name in (("DaemonSet|ReplicationController|StatefulSet", "(.+)"), ("ReplicaSet", "(.+)-[0-9a-z]+"))
    )
    held = 'max by (namespace, pod, container) (kube_pod_container_resource_requests{resource="nvidia_com_gpu"})'
    scaled = 'label_replace(kube_horizontalpodautoscaler_info, "workspace", "$1", "scaletargetref_name", "(.+)")'
    tenants = f'max by (namespace, {_TENANT}) (kube_namespace_labels{{{_TENANT}!=""}})'
    found = (
        f"sum {_BY} (sum by (namespace, pod) ({held}) * on (namespace, pod) group_right ()"
        f" max by (namespace, pod, workspace) ({makers}))"
    )
    return (
        f"max by (namespace, workspace, {_TENANT}) (({found} unless {_ON} bedplate:workspace unless {_ON} {scaled}) > 0"
        f" and on (namespace) {tenants})"
    )


def _keda_down(keda_namespace: str) -> Alert:
    return Alert(
        name="BedplateKedaDown",
        expression=(f"max({_available(keda_namespace)}) == 0 or absent({_available(keda_namespace)})"),
        for_minutes=5,
        severity="critical",
        summary="KEDA does not run",
        description="What runs goes on, whatever it costs, and who opens what is stopped waits in vain.",
        runbook=f"{_GUIDE}#keda-does-not-run",
    )


def _available(namespace: str) -> str:
    return f'kube_deployment_status_replicas_available{{namespace="{namespace}", deployment="{OPERATOR}"}}'
