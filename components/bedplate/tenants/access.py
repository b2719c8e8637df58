"""What people of a tenant may do through the Kubernetes API.

One ClusterRole for all tenants, bound by a RoleBinding in each tenant's namespace to the tenant's groups of the
identity provider. It deliberately lacks: reading and changing Secrets (an answer to a change shows them), `exec` into
pods (it shows a workload's secrets), and any write on quotas, network policies, roles or volumes. Of ScaledObjects it
may write three annotations; what `bedplate deploy` makes it may write where the label says so (ADR 0042). Creating a
Job is enough to use what the tenant's workloads may use, secrets included: the tenant is the boundary of isolation, not
the person.
"""

from collections.abc import Sequence

import pulumi

from bedplate.kubernetes import KubernetesObject, Manifest, manifest
from bedplate.labels import BUDGET_MARKER, BUDGET_MARKER_ROLE, COST_NAMESPACE, Identity

DATA_SCIENTIST_ROLE = "bedplate-data-scientist"

_GROUP = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "patch", "delete"]
DATA_SCIENTIST_RULES: list[Manifest] = [
    {
        "apiGroups": [""],
        "resources": [
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "resourcequotas",
            "services",
        ],
        "verbs": _READ,
    },
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": _READ},
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets", "statefulsets"], "verbs": _READ},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _READ},
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": _READ},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": [*_READ, "create", "delete"]},
    # To keep, stop and start what is stopped while idle; the guardrails hold it to the annotations for that.
    {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": [*_READ, "patch"]},
    # Whether a secret was brought, and why not; what is in it is nobody's to read.
    {"apiGroups": ["external-secrets.io"], "resources": ["externalsecrets", "secretstores"], "verbs": _READ},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["get", "list"]},
    # What `bedplate deploy` makes; the policy of deployments holds it to objects of its own, and to their shapes.
    {"apiGroups": [""], "resources": ["configmaps", "serviceaccounts"], "verbs": [*_READ, *_WRITE]},
    {"apiGroups": [""], "resources": ["services"], "verbs": _WRITE},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": _WRITE},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _WRITE},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": [*_READ, *_WRITE]},
    {"apiGroups": ["traefik.io"], "resources": ["ingressroutes", "middlewares"], "verbs": [*_READ, *_WRITE]},
]


class TenantAccess(pulumi.ComponentResource):
    """The role that every tenant's members get; once a cluster."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:TenantAccess", name, {}, opts)
        identity = Identity(name="data-scientist", component="access")
        role = manifest(f"{_GROUP}/v1", "ClusterRole", DATA_SCIENTIST_ROLE, identity, rules=DATA_SCIENTIST_RULES)
        KubernetesObject(f"{name}-data-scientist", role, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def role_binding(namespace: str, identity: Identity, groups: Sequence[str], group_prefix: str) -> Manifest:
    """The tenant's groups bound to the role, in the tenant's namespace only.

    group_prefix: what the API server puts before them. Raises ValueError for a group of Kubernetes' own.
    """
    names = [f"{group_prefix}{group}" for group in groups]
    if own := [name for name in names if name.startswith("system:")]:
        raise ValueError(f"'{namespace}' would be open to Kubernetes' own {', '.join(own)}; name the provider's groups")
    subjects = [{"apiGroup": _GROUP, "kind": "Group", "name": name} for name in names]
    return _bound("members", namespace, identity, DATA_SCIENTIST_ROLE, subjects)


def marker_binding(namespace: str, identity: Identity) -> Manifest:
    """Who marks used-up budgets, bound to write this namespace and no other.

    Nobody does where no stack of the cluster denies by budgets; then there is neither that role nor that account."""
    subject = {"kind": "ServiceAccount", "name": BUDGET_MARKER, "namespace": COST_NAMESPACE}
    return _bound(BUDGET_MARKER, namespace, identity, BUDGET_MARKER_ROLE, [subject])


def _bound(name: str, namespace: str, identity: Identity, role: str, subjects: Sequence[Manifest]) -> Manifest:
    return manifest(
        f"{_GROUP}/v1",
        "RoleBinding",
        name,
        identity,
        namespace=namespace,
        roleRef={"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        subjects=list(subjects),
    )
