"""What somebody is told about the front door: whether it runs, what it really serves, and how it answers.

The expressions read Traefik's metrics
(https://doc.traefik.io/traefik/reference/install-configuration/observability/metrics/), cert-manager's for what should
be served, and kube-state-metrics. Traefik 3 has no metric of a configuration that it could not read: it goes on with
what it had, and that shows in what it serves.
"""

from bedplate.kubernetes import Alert
from bedplate.labels import FRONT_DOOR_NAMESPACE, TRAEFIK
from bedplate.services.certificates.alerts import of_certificates
from bedplate.services.certificates.host_certificates import HostCertificates

_GUIDE = "docs/guides/certificates.md"
_AVAILABLE = f'kube_deployment_status_replicas_available{{namespace="{FRONT_DOOR_NAMESPACE}", deployment="{TRAEFIK}"}}'
_DAY_SECONDS = 86400
"""Shorter than what is left of the shortest certificates, of six days, when they are renewed."""
_ANSWERS = 'traefik_router_requests_total{router=~".+@kubernetescrd"'


def front_door_alerts(hosts: HostCertificates) -> tuple[Alert, ...]:
    """hosts: how they get their certificates."""
    # A certificate that was replaced keeps its series, by serial, until Traefik restarts; each pod has its own.
    served = f"min by (name) (max by (name, instance) ({hosts.named('traefik_tls_certs_not_after')}))"
    ends, place = "expiration_timestamp_seconds", [FRONT_DOOR_NAMESPACE]
    issued = f"max by (name) ({of_certificates(ends, place)} > 0)"
    # So does one whose host is gone.
    wanted = f"max by (name) ({of_certificates(ends, place, over='1w')})"
    answers = f"sum by (router) (rate({_ANSWERS}}}[10m]))"
    # 503 is how a workload without pods is woken.
    errors = f'sum by (router) (rate({_ANSWERS}, code=~"5..", code!="503"}}[10m]))'
    return (
        Alert(
            name="BedplateFrontDoorDown",
            expression=f"max({_AVAILABLE}) == 0 or absent({_AVAILABLE})",
            for_minutes=2,
            severity="critical",
            summary="The front door does not run",
            description="Nobody reaches anything until it does.",
            runbook=f"{_GUIDE}#the-front-door-does-not-run",
        ),
        Alert(
            name="BedplateCertificateNotServed",
            expression=f"{issued} unless on (name) ({served} >= on (name) {issued})",
            for_minutes=15,
            severity="critical",
            summary="The front door does not serve the certificate {{ $labels.name }} that was issued",
            description="At least one of its pods serves an older one or none, or nobody reads its metrics.",
            runbook=f"{_GUIDE}#an-issued-certificate-is-not-served",
        ),
        Alert(
            name="BedplateServedCertificateEndsSoon",
            expression=f"{served} - time() < {_DAY_SECONDS} and on (name) {wanted}",
            for_minutes=5,
            severity="critical",
            summary="The front door serves a certificate that ends within a day: {{ $labels.name }}",
            description="Visitors are warned and programs fail when it has ended.",
            runbook=f"{_GUIDE}#an-issued-certificate-is-not-served",
        ),
        Alert(
            name="BedplateRouteFailing",
            expression=f"{errors} / {answers} > 0.05 and {answers} > 0.05",
            for_minutes=10,
            severity="warning",
            summary="One in twenty answers at {{ $labels.router }} is an error",
            description="The workload or the login fails, or does not answer in time.",
            runbook=f"{_GUIDE}#a-route-fails",
        ),
    )
