"""What somebody is told of the gate."""

from bedplate.kubernetes import Alert
from bedplate.labels import SSH_GATE, SSH_NAMESPACE

_GUIDE = "docs/guides/ssh.md"

SSH_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateSshGateAway",
        expression=(
            "max by (namespace, deployment) (kube_deployment_status_replicas_available"
            f'{{namespace="{SSH_NAMESPACE}", deployment="{SSH_GATE}"}}) == 0'
        ),
        for_minutes=5,
        severity="critical",
        summary="Nobody gets in by SSH: no pod of the gate is ready",
        description="Workspaces go on and are reached by browser.",
        runbook=f"{_GUIDE}#nobody-gets-in-by-ssh",
    ),
    Alert(
        name="BedplateSshSessionsUncounted",
        # A target that is gone tells nothing: what counts then is that there is a gate.
        expression=(
            f'max by (namespace) (kube_deployment_status_replicas_available{{namespace="{SSH_NAMESPACE}",'
            f' deployment="{SSH_GATE}"}} > 0) unless on () min(up{{job="{SSH_GATE}"}}) == 1'
        ),
        for_minutes=10,
        severity="warning",
        summary="Nobody counts who works by SSH",
        description="Workspaces that are reached by SSH are kept while it is so, whatever it costs.",
        runbook=f"{_GUIDE}#nobody-counts-who-works-by-ssh",
    ),
)
