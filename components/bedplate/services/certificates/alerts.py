"""What somebody is told about certificates and who issues them, before anybody is refused.

The expressions read cert-manager's own metrics (https://cert-manager.io/docs/devops-tips/prometheus-metrics/; names and
labels: https://github.com/cert-manager/cert-manager/tree/v1.21.1/internal/collectors), and kube-state-metrics for
cert-manager's pods. A scrape through a ServiceMonitor or PodMonitor without `honorLabels` calls the certificate's
namespace `exported_namespace`, because `namespace` is then the scraped pod's; the expressions hold with either.

Nothing here counts days: certificates of Let's Encrypt live 90 days, soon 45, or 6 on request
(https://letsencrypt.org/2025/12/02/from-90-to-45), and the internal authority ten years. What counts is the time
between the planned renewal and the end.
"""

from collections.abc import Sequence

from bedplate.kubernetes import Alert
from bedplate.labels import CERTIFICATES_NAMESPACE, FRONT_DOOR_NAMESPACE

_GUIDE = "docs/guides/certificates.md"
_AVAILABLE = f'kube_deployment_status_replicas_available{{namespace="{CERTIFICATES_NAMESPACE}"'


def of_certificates(metric: str, namespaces: Sequence[str], condition: str = "", over: str = "") -> str:
    """cert-manager's series about certificates in these namespaces. over: how far back the last sample may be."""

    def selected(where: str) -> str:
        series = f"certmanager_certificate_{metric}{{{where}{condition}}}"
        return f"last_over_time({series}[{over}])" if over else series

    names = "|".join(namespaces)
    exported, plain = f'exported_namespace=~"{names}"', f'exported_namespace="", namespace=~"{names}"'
    return f"({selected(exported)} or {selected(plain)})"


CERT_MANAGER_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="BedplateCertManagerDown",
        expression=(f'max by (deployment) ({_AVAILABLE}}}) == 0 or absent({_AVAILABLE}, deployment="cert-manager"}})'),
        for_minutes=15,
        severity="warning",
        summary="{{ $labels.deployment }} does not run",
        description="No certificate is issued or renewed. What is served goes on being served until it ends.",
        runbook=f"{_GUIDE}#cert-manager-does-not-run",
    ),
)
"""Of a cert-manager that is ours."""


def certificate_alerts(cluster_issuer: str, cert_manager_namespace: str) -> tuple[Alert, ...]:
    """Of the platform's certificates, whoever runs cert-manager. cert_manager_namespace: of the internal authority."""
    namespaces = sorted({FRONT_DOOR_NAMESPACE, cert_manager_namespace})
    return (*_of_renewal(namespaces), *_of_issuing(namespaces, cluster_issuer))


def _of_renewal(namespaces: Sequence[str]) -> tuple[Alert, ...]:
    ends = f"max by (name) ({of_certificates('expiration_timestamp_seconds', namespaces)})"
    renewal = f"max by (name) ({of_certificates('renewal_timestamp_seconds', namespaces)} > 0)"
    return (
        Alert(
            name="BedplateCertificateEndsSoon",
            # Never issued is 0 for both, and another alert's.
            expression=f"({ends} - time()) / ({ends} - {renewal}) < 0.5",
            for_minutes=15,
            severity="critical",
            summary="Certificate {{ $labels.name }} ends soon and has not been renewed",
            description="Half of the time between its planned renewal and its end has passed.",
            runbook=f"{_GUIDE}#a-certificate-is-not-renewed",
        ),
        Alert(
            name="BedplateCertificateRenewalOverdue",
            expression=f"{renewal} < time()",
            for_minutes=120,
            severity="warning",
            summary="Certificate {{ $labels.name }} should have been renewed two hours ago",
            description="The first attempts failed; more follow, further and further apart.",
            runbook=f"{_GUIDE}#a-certificate-is-not-renewed",
        ),
    )


def _of_issuing(namespaces: Sequence[str], cluster_issuer: str) -> tuple[Alert, ...]:
    ready = of_certificates("ready_status", namespaces, ', condition="True"')
    unproven = of_certificates("challenge_status", namespaces, ', status="valid"')
    issuer = f'certmanager_clusterissuer_ready_status{{name="{cluster_issuer}", condition="True"}}'
    return (
        Alert(
            name="BedplateCertificateNotReady",
            expression=f"max by (name) ({ready}) == 0",
            for_minutes=30,
            severity="warning",
            summary="Certificate {{ $labels.name }} is not ready",
            description="It was never issued, has ended, or is not what was asked for; its hosts may be refused.",
            runbook=f"{_GUIDE}#a-certificate-is-not-ready",
        ),
        Alert(
            name="BedplateIssuerNotReady",
            expression=f"max by (name) ({issuer}) == 0",
            for_minutes=15,
            severity="warning",
            summary="ClusterIssuer {{ $labels.name }} is not ready",
            description="No certificate is issued or renewed until it is.",
            runbook=f"{_GUIDE}#the-issuer-is-not-ready",
        ),
        Alert(
            name="BedplateChallengeFailing",
            # A challenge is there only until it is over, whichever way.
            expression=f"max by (domain) ({unproven} == 0)",
            for_minutes=30,
            severity="warning",
            summary="{{ $labels.domain }} has not been proven for 30 minutes",
            description="The record or the answer that the authority looks for does not get there, or cannot be seen.",
            runbook=f"{_GUIDE}#a-challenge-fails",
        ),
        Alert(
            name="BedplateCertificatesUnwatched",
            expression="absent(certmanager_clock_time_seconds_gauge)",
            for_minutes=30,
            severity="warning",
            summary="Nobody watches the certificates",
            description="Prometheus gets no metrics of cert-manager, so no other alert of certificates can fire.",
            runbook=f"{_GUIDE}#nobody-watches-the-certificates",
        ),
    )
