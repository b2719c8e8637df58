"""cert-manager as the platform runs it: the chart, its values, and what its namespace lets through.

Owns data only; `certificates` installs it. The chart's own NetworkPolicies stay off: they admit anybody to the metrics,
and policies add up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Chart,
    CustomKind,
    Manifest,
    PlatformNamespaceArgs,
    network_policy,
    spread_over_zones_and_nodes,
)
from bedplate.labels import CERT_MANAGER, CERTIFICATES_NAMESPACE, OWNER, PLATFORM_OWNER, Identity

# renovate: datasource=docker depName=quay.io/jetstack/charts/cert-manager
CERT_MANAGER_VERSION = "v1.21.2"
_GROUP, _ACME_GROUP = "cert-manager.io", "acme.cert-manager.io"
CHART = Chart(
    name=CERT_MANAGER,
    repository="oci://quay.io/jetstack/charts",
    version=CERT_MANAGER_VERSION,
    kinds=(
        CustomKind(group=_GROUP, versions=("v1",), kind="Certificate", plural="certificates"),
        CustomKind(group=_GROUP, versions=("v1",), kind="CertificateRequest", plural="certificaterequests"),
        CustomKind(group=_GROUP, versions=("v1",), kind="Issuer", plural="issuers"),
        CustomKind(group=_GROUP, versions=("v1",), kind="ClusterIssuer", plural="clusterissuers", scope="Cluster"),
        CustomKind(group=_ACME_GROUP, versions=("v1",), kind="Challenge", plural="challenges"),
        CustomKind(group=_ACME_GROUP, versions=("v1",), kind="Order", plural="orders"),
    ),
    keeping={"crds": {"enabled": True, "keep": True}},
)
"""https://github.com/cert-manager/cert-manager/blob/v1.21.1/deploy/charts/cert-manager/values.yaml"""
IDENTITY = Identity(name=CERT_MANAGER, component="certificates", version=CERT_MANAGER_VERSION)
_REPLICAS = {"controller": 2, "cainjector": 2, "webhook": 3}
"""https://cert-manager.io/docs/installation/best-practice/#high-availability"""
_WEBHOOK_PORT = 10250
"""The chart's default, which private control planes reach without a firewall rule of their own."""
_HTTPS_PORTS = (443, 6443, 8443)
"""API servers listen on one of these behind their Service; certificate authorities and clouds on the first."""
_CREDENTIALS = "169.254.0.0/16"
"""Link-local, where clouds hand a pod its identity: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html,
https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity (ports)."""
_CREDENTIALS_PORTS = (80, 988)


def values(facts: ClusterFacts, nameservers: Sequence[str] = ()) -> dict[str, Any]:
    """Values of the chart: what survives the loss of a node, bounded, and able to act in the cloud's DNS.

    nameservers: that alone are asked for records of DNS-01; without any the cluster's own lead to the zone's
    (https://cert-manager.io/docs/configuration/acme/dns01/#setting-nameservers-for-dns01-self-check).
    """
    identity = facts.dns01_identity
    asked = {"dns01RecursiveNameservers": ",".join(nameservers), "dns01RecursiveNameserversOnly": True}
    return {
        "global": {
            "priorityClassName": CRITICAL_PRIORITY_CLASS,
            "leaderElection": {"namespace": CERTIFICATES_NAMESPACE},
            # Who may edit a namespace in general must not thereby get certificates of the platform's domain.
            "rbac": {"create": True, "aggregateClusterRoles": False},
            "commonLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        },
        **_part("controller", memory="256Mi"),
        "serviceAccount": {"create": True, "name": CERT_MANAGER, "annotations": dict(identity.annotations)},
        "podLabels": dict(identity.labels),
        **(asked if nameservers else {}),
        # A certificate that goes leaves its secret: whoever removes the stack by mistake still has both.
        "enableCertificateOwnerRef": False,
        "webhook": {**_part("webhook", memory="128Mi"), "securePort": _WEBHOOK_PORT, "timeoutSeconds": 30},
        "cainjector": _part("cainjector", memory="256Mi"),
        # Helm is done only when the webhook answers, so that issuers and certificates can follow.
        "startupapicheck": {"enabled": True, "timeout": "5m", **_small("64Mi")},
        "prometheus": {"enabled": True},
    }


def _part(component: str, memory: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": CERT_MANAGER, "app.kubernetes.io/component": component}
    return {
        "replicaCount": _REPLICAS[component],
        "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
        "topologySpreadConstraints": spread_over_zones_and_nodes(labels),
        **_small(memory),
    }


def _small(memory: str) -> dict[str, Any]:
    resources = {"requests": {"cpu": "20m", "memory": memory}, "limits": {"memory": memory}}
    return {"resources": resources, "tolerations": PLATFORM_TOLERATIONS}


def namespace(
    facts: ClusterFacts, checks: Sequence[Mapping[str, Any]], nameservers: Sequence[str] = ()
) -> PlatformNamespaceArgs:
    """cert-manager's namespace. Twice its pods may be critical while they are updated; one more checks the webhook.

    checks: ways out to hosts that it looks at before the authority does. nameservers: as `values` has them.
    """
    return PlatformNamespaceArgs(
        namespace=CERTIFICATES_NAMESPACE,
        identity=IDENTITY,
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        policies=_policies(checks, nameservers),
        critical_pods=2 * sum(_REPLICAS.values()) + 1,
    )


def _policies(checks: Sequence[Mapping[str, Any]], nameservers: Sequence[str]) -> list[Manifest]:
    """https://cert-manager.io/docs/installation/best-practice/#network-requirements"""
    controller = {"matchLabels": {"app.kubernetes.io/component": "controller"}}
    webhook = {"matchLabels": {"app.kubernetes.io/component": "webhook"}}

    def egress(name: str, ports: list[Manifest], to: list[Manifest], **spec: Any) -> Manifest:
        # Without `to` a rule also matches an API server that the network plugin does not see as an address.
        rule = {"ports": ports, **({"to": to} if to else {})}
        return network_policy(name, CERTIFICATES_NAMESPACE, IDENTITY, policyTypes=["Egress"], egress=[rule], **spec)

    dns_ports = sorted({53, *(int(nameserver.rpartition(":")[2]) for nameserver in nameservers)})
    looking = {"podSelector": controller, "policyTypes": ["Egress"], "egress": list(checks)}
    return [
        *([network_policy("checks", CERTIFICATES_NAMESPACE, IDENTITY, **looking)] if checks else []),
        egress("https", _ports("TCP", *_HTTPS_PORTS), []),
        # Whether a challenge's record is there is asked of the zone's own servers.
        egress("challenges", [*_ports("UDP", *dns_ports), *_ports("TCP", *dns_ports)], [], podSelector=controller),
        egress(
            "credentials",
            _ports("TCP", *_CREDENTIALS_PORTS),
            [{"ipBlock": {"cidr": _CREDENTIALS}}],
            podSelector=controller,
        ),
        # The API server calls from an address that a policy cannot name.
        network_policy(
            "webhook",
            CERTIFICATES_NAMESPACE,
            IDENTITY,
            podSelector=webhook,
            policyTypes=["Ingress"],
            ingress=[{"ports": _ports("TCP", _WEBHOOK_PORT)}],
        ),
    ]


def _ports(protocol: str, *ports: int) -> list[Manifest]:
    return [{"protocol": protocol, "port": port} for port in ports]
