"""What somebody is told of builds."""

from bedplate.kubernetes import Alert

_GUIDE = "docs/guides/images.md"
_PODS = 'namespace=~"bedplate-builds-.+"'

IMAGES_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateBuildsWait",
        expression=f'max by (namespace, pod) (kube_pod_status_phase{{phase="Pending", {_PODS}}}) == 1',
        for_minutes=15,
        severity="warning",
        summary="A build has waited for a node for 15 minutes: {{ $labels.namespace }}/{{ $labels.pod }}",
        description="Whoever deploys waits, and gives up soon.",
        runbook=f"{_GUIDE}#builds-wait",
    ),
)
