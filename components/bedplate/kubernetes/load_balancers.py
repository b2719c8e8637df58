"""Services that a load balancer in front of the cluster leads to."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from bedplate.kubernetes.manifests import Manifest
from bedplate.kubernetes.objects import KubernetesObject


class LoadBalancer(KubernetesObject):
    """A Service of type LoadBalancer, whose address the program can use.

    An update that awaits the Service waits for its address, ten minutes at most. The Service keeps its namespace until
    the cloud has taken its load balancer down, by a finalizer: what comes after the namespace finds neither
    (https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers).
    """

    status: pulumi.Output[Mapping[str, Any] | None]
    """What the cluster says of the Service."""

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        super().__init__(name, {**manifest, "status": None}, opts)

    @property
    def address(self) -> pulumi.Output[str]:
        """Its IP address, or its name where the cloud gives no other; empty while there is none."""
        return self.status.apply(_address)


def _address(status: Mapping[str, Any] | None) -> str:
    """https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceStatus"""
    said: Mapping[str, Any] = (status or {}).get("loadBalancer") or {}
    ingress: Sequence[Mapping[str, Any]] = said.get("ingress") or ()
    return str(ingress[0].get("ip") or ingress[0].get("hostname")) if ingress else ""
