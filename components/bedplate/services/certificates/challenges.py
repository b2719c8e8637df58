"""What the front door lets an authority look at, where that is how a host is proven (HTTP-01).

cert-manager answers a challenge with a pod, a Service and an Ingress in the namespace of the Certificate, which is the
front door's (https://cert-manager.io/docs/configuration/acme/http01/). So Traefik reads Ingress objects of that one
namespace and of one class, which no IngressClass object declares, and serves them on port 80; there every path but the
challenges' goes on being redirected, whatever an Ingress says
(https://doc.traefik.io/traefik/reference/install-configuration/entrypoints/#opt-allowACMEByPass).

Owns all of this as data. It deliberately holds nothing for DNS-01, which needs no way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, manifest, network_policy, pods_of
from bedplate.labels import FRONT_DOOR_NAMESPACE, NAME, TRAEFIK, TRAEFIK_HTTP_PORT, Identity

INGRESS_CLASS = "bedplate-challenges"
"""In the annotation `kubernetes.io/ingress.class`: the newer field would have Traefik read IngressClass objects, which
belong to the whole cluster
(https://github.com/traefik/traefik/blob/v3.7.9/pkg/provider/kubernetes/ingress/kubernetes.go)."""
SOLVER_LABEL = "acme.cert-manager.io/http01-solver"
"""Of cert-manager's pods that answer
(https://github.com/cert-manager/cert-manager/blob/v1.21.1/pkg/apis/acme/v1/types.go)."""
SOLVER_PORT = 8089
_SOLVER_PODS: Manifest = {"matchLabels": {SOLVER_LABEL: "true"}}
HTTP_SOLVER: Manifest = {
    "http01": {
        "ingress": {
            "class": INGRESS_CLASS,
            # The default, NodePort, opens every node.
            "serviceType": "ClusterIP",
            "ingressTemplate": {
                "metadata": {"annotations": {"traefik.ingress.kubernetes.io/router.entrypoints": "web"}}
            },
        }
    }
}
"""How cert-manager proves a host by HTTP-01."""


@dataclass(frozen=True, kw_only=True)
class Challenges:
    """What challenges need of the front door; nothing unless it is said.

    ingress_provider, entry_point, arguments: Traefik's, as its chart has them. rights: of Traefik, in the front door's
    namespace. policies: of that namespace. checks: of cert-manager's pods, which look at a host before the authority
    does.
    """

    ingress_provider: Mapping[str, Any]
    entry_point: Mapping[str, Any]
    arguments: Sequence[str] = ()
    rights: Sequence[Manifest] = ()
    policies: Sequence[Manifest] = ()
    checks: Sequence[Mapping[str, Any]] = ()


OVER_DNS = Challenges(ingress_provider={"enabled": False}, entry_point={})
"""Nothing comes in."""


def _over_http() -> Challenges:
    identity = Identity(name=TRAEFIK, component="ingress")
    traefik = {"matchLabels": {NAME: TRAEFIK}}

    def policy(name: str, **spec: Any) -> Manifest:
        return network_policy(name, FRONT_DOOR_NAMESPACE, identity, **spec)

    solver_port = [{"protocol": "TCP", "port": SOLVER_PORT}]
    return Challenges(
        ingress_provider={
            "enabled": True,
            "namespaces": [FRONT_DOOR_NAMESPACE],
            "ingressClass": INGRESS_CLASS,
            "allowExternalNameServices": False,
            "allowEmptyServices": True,
            # Traefik would write the load balancer's address into each Ingress, which nobody reads.
            "publishedService": {"enabled": False},
        },
        entry_point={"allowACMEByPass": True},
        arguments=["--providers.kubernetesingress.disableClusterScopeResources=true"],
        rights=_rights(identity),
        policies=[
            policy(
                "challenges",
                podSelector=_SOLVER_PODS,
                policyTypes=["Ingress"],
                ingress=[{"from": [{"podSelector": traefik}], "ports": solver_port}],
            ),
            policy(
                "challenge-solvers",
                podSelector=traefik,
                policyTypes=["Egress"],
                egress=[{"to": [{"podSelector": _SOLVER_PODS}], "ports": solver_port}],
            ),
        ],
        checks=[
            {"to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)], "ports": [{"protocol": "TCP", "port": 80}]},
            # Where the cluster knows the load balancer's address, the way leads straight to Traefik's pods.
            {
                "to": [{**pods_of(FRONT_DOOR_NAMESPACE), "podSelector": traefik}],
                "ports": [{"protocol": "TCP", "port": TRAEFIK_HTTP_PORT}],
            },
        ],
    )


def _rights(identity: Identity) -> list[Manifest]:
    """Services, EndpointSlices and Secrets it reads everywhere: see `traefik.rights`."""
    group, name = "rbac.authorization.k8s.io", f"bedplate-{identity.name}-challenges"
    rules = [{"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "watch"]}]
    subject = {"kind": "ServiceAccount", "name": identity.name, "namespace": FRONT_DOOR_NAMESPACE}
    return [
        manifest(f"{group}/v1", "Role", name, identity, namespace=FRONT_DOOR_NAMESPACE, rules=rules),
        manifest(
            f"{group}/v1",
            "RoleBinding",
            name,
            identity,
            namespace=FRONT_DOOR_NAMESPACE,
            roleRef={"apiGroup": group, "kind": "Role", "name": name},
            subjects=[subject],
        ),
    ]


OVER_HTTP = _over_http()
"""Authorities may look at hosts."""
