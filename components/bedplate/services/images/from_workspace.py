"""What a workspace may do that has images built: the same as a member where images are built, and nothing elsewhere.

Owns the rights of the workspace's ServiceAccount, and the way of its pods to the API server. The builds are the
members' own Jobs, of the one shape that the policy admits; a daemon in the workspace would need what its pod must not
have. Why so: docs/adr/0054-builds-from-workspaces.md.
"""

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, manifest, network_policy
from bedplate.labels import OFFERED, builds_namespace
from bedplate.offers import BuilderRequest

_GROUP = "rbac.authorization.k8s.io"
_API_PORTS = (443, 6443)


def in_tenant(request: BuilderRequest) -> list[Manifest]:
    """In the tenant's namespace: to read what the platform offers, which says where images are, and to ask for it."""
    identity, namespace = request.identity, request.namespace_name
    name = f"{identity.workload}-builds"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [OFFERED], "verbs": ["get"]}]
    api = {
        "to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)],
        "ports": [{"protocol": "TCP", "port": port} for port in _API_PORTS],
    }
    pods = {"matchLabels": identity.selector()}
    return [
        manifest(f"{_GROUP}/v1", "Role", name, identity, namespace=namespace, rules=rules),
        _bound(name, namespace, request, "Role", name),
        network_policy(name, namespace, identity, podSelector=pods, policyTypes=["Egress"], egress=[api]),
    ]


def where_built(request: BuilderRequest, role: str) -> Manifest:
    """Where the tenant's images are built: what members may do there."""
    place = builds_namespace(request.namespace_name)
    return _bound(f"workspace-{request.identity.workload}", place, request, "ClusterRole", role)


def _bound(name: str, namespace: str, request: BuilderRequest, kind: str, role: str) -> Manifest:
    account = {"kind": "ServiceAccount", "name": request.identity.workload, "namespace": request.namespace_name}
    return manifest(
        f"{_GROUP}/v1",
        "RoleBinding",
        name,
        request.identity,
        namespace=namespace,
        roleRef={"apiGroup": _GROUP, "kind": kind, "name": role},
        subjects=[account],
    )
