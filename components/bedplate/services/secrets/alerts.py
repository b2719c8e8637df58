"""What somebody is told about secrets that do not come.

The expressions read External Secrets' own metrics (https://external-secrets.io/latest/api/metrics/), whose `namespace`
and `name` are the ExternalSecret's, and its pods by kube-state-metrics.
"""

from bedplate.kubernetes import Alert
from bedplate.labels import EXTERNAL_SECRETS
from bedplate.services.secrets.reloader import RELOADER

_GUIDE = "docs/guides/secrets.md"


def secrets_alerts(operator_namespace: str) -> tuple[Alert, ...]:
    """operator_namespace: where External Secrets runs."""

    def none_of(deployment: str) -> str:
        series = "kube_deployment_status_replicas_available"
        available = f'{series}{{namespace="{operator_namespace}", deployment="{deployment}"}}'
        return f"max({available}) == 0 or absent({available})"

    return (
        Alert(
            name="BedplateSecretNotSynced",
            expression=(
                'max by (namespace, name) (externalsecret_status_condition{condition="Ready", status="False"}) == 1'
            ),
            for_minutes=15,
            severity="warning",
            summary="Secret {{ $labels.namespace }}/{{ $labels.name }} is not brought from its store",
            description="Pods that run keep what they have; new ones wait if it never came, or start with old values.",
            runbook=f"{_GUIDE}#a-secret-is-not-brought",
        ),
        Alert(
            name="BedplateSecretStoreNotReady",
            expression=(
                'max by (namespace, name) (secretstore_status_condition{condition="Ready", status="False"}) == 1'
            ),
            for_minutes=15,
            severity="warning",
            summary="The store of {{ $labels.namespace }} lets nobody in",
            description="No secret of this tenant is brought or rotated.",
            runbook=f"{_GUIDE}#a-store-lets-nobody-in",
        ),
        Alert(
            name="BedplateExternalSecretsDown",
            expression=none_of(EXTERNAL_SECRETS),
            for_minutes=15,
            severity="warning",
            summary="External Secrets does not run",
            description="No secret is brought or rotated. Pods that run keep what they have.",
            runbook=f"{_GUIDE}#external-secrets-does-not-run",
        ),
        Alert(
            name="BedplateReloaderDown",
            expression=none_of(RELOADER),
            for_minutes=15,
            severity="warning",
            summary="Reloader does not run",
            description="Rotated secrets are in the cluster and do not reach pods that serve.",
            runbook=f"{_GUIDE}#reloader-does-not-run",
        ),
    )
