"""What the cluster autoscaler may do through the Kubernetes API, and whom it may talk to.

Upstream's rights for the versions 1.34 to 1.36
(https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/aws/examples/cluster-autoscaler-autodiscover.yaml),
less what its code never asks for there: endpoints (its lock is a Lease), patching jobs, writing the status of pods,
the API group `extensions`. What it writes under names it chooses, it may write in its own namespace only.
"""

from collections.abc import Sequence

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, network_policy
from bedplate.labels import Identity

LOCK = "cluster-autoscaler"
STATUS = "cluster-autoscaler-status"
METRICS_PORT = 8085

_READ = ["get", "list", "watch"]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], **names: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs), **names}


CLUSTER_RULES: list[Manifest] = [
    _rule("", ["nodes"], [*_READ, "update"]),
    _rule("", ["pods/eviction"], ["create"]),
    _rule("", ["events"], ["create", "patch"]),
    # What its copy of the scheduler decides by.
    _rule(
        "",
        ["namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "replicationcontrollers", "services"],
        _READ,
    ),
    _rule("apps", ["daemonsets", "replicasets", "statefulsets"], _READ),
    _rule("batch", ["jobs"], _READ),
    _rule("policy", ["poddisruptionbudgets"], _READ),
    _rule("resource.k8s.io", ["deviceclasses", "resourceclaims", "resourceslices"], _READ),
    _rule(
        "storage.k8s.io",
        ["csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"],
        _READ,
    ),
]
"""In every namespace."""
OWN_RULES: list[Manifest] = [
    # A name cannot be demanded of what is being created
    # (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources).
    _rule("coordination.k8s.io", ["leases"], ["create"]),
    _rule("coordination.k8s.io", ["leases"], ["get", "update"], resourceNames=[LOCK]),
    _rule("", ["configmaps"], ["create"]),
    _rule("", ["configmaps"], ["get", "update", "delete"], resourceNames=[STATUS]),
]
"""In its own namespace."""


def way_to_apis(namespace: str, identity: Identity, credentials_network: str | None) -> Manifest:
    """HTTPS and credentials out, for all pods of the namespace.

    The API server's address and the cloud's are not known before they are there, so HTTPS is open to all but the
    addresses where clouds hand credentials to nodes.
    """
    https = {
        "to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)],
        "ports": [{"protocol": "TCP", "port": 443}],
    }
    egress = [https]
    if credentials_network:
        egress.append({"to": [addresses(credentials_network)], "ports": [{"protocol": "TCP", "port": 80}]})
    return network_policy("apis", namespace, identity, policyTypes=["Egress"], egress=egress)
