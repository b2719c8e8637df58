"""What somebody is told about signing in: the proxy, and the store of sessions."""

from bedplate.kubernetes import Alert
from bedplate.labels import LOGIN_NAMESPACE
from bedplate.services.login.authentication import PROXY
from bedplate.services.login.session_store import NAME as STORE

_RUNBOOK = "docs/guides/login.md#nobody-is-let-in"
_AVAILABLE = f'kube_deployment_status_replicas_available{{namespace="{LOGIN_NAMESPACE}", deployment="{PROXY}"}}'
_ANSWERS = f'oauth2_proxy_requests_total{{namespace="{LOGIN_NAMESPACE}"'
_READY = f'kube_statefulset_status_replicas_ready{{namespace="{LOGIN_NAMESPACE}", statefulset="{STORE}"}}'

LOGIN_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateLoginDown",
        expression=f"max({_AVAILABLE}) == 0 or absent({_AVAILABLE})",
        for_minutes=5,
        severity="critical",
        summary="The login proxy does not run",
        description="Nobody reaches anything behind the login until it does.",
        runbook=_RUNBOOK,
    ),
    Alert(
        name="BedplateLoginFailing",
        expression=(f'sum(rate({_ANSWERS}, code=~"5.."}}[10m])) / sum(rate({_ANSWERS}}}[10m])) > 0.05'),
        for_minutes=10,
        severity="warning",
        summary="One in twenty answers of the login proxy is an error",
        description="The provider or the store of sessions does not answer it; its log says which.",
        runbook=_RUNBOOK,
    ),
    Alert(
        name="BedplateSessionStoreDown",
        expression=f"max({_READY}) == 0 or absent({_READY})",
        for_minutes=5,
        severity="critical",
        summary="The store of sessions does not run",
        description="Nobody reaches anything behind the login until it does.",
        runbook=_RUNBOOK,
    ),
)
