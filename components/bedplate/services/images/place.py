"""Where the images of one tenant are built: a namespace beside the tenant's, with nothing in it but builds.

Owns the namespace, who may start builds in it, how many, and what they reach. Members may attach to a build, which is
how the folder gets there, and may not execute anything in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.clouds.networks import not_internet, translated
from bedplate.kubernetes import (
    METADATA_ADDRESSES,
    KubernetesObject,
    Manifest,
    addresses,
    default_policies,
    manifest,
    namespace_manifest,
    network_policy,
)
from bedplate.kubernetes.pods import cpu_quantity, memory_quantity
from bedplate.labels import BUILD, BUILDS_OF, SCAN, Identity, builds_namespace
from bedplate.offers import TenantImages
from bedplate.services.images.pod import PUSH_SECRET, pod_template
from bedplate.services.images.scan import account, scan_binding, scan_parts
from bedplate.services.images.spec import BuildsSpec

ROLE = "bedplate-builder"
_OF_NAMESPACES = Identity(name=BUILD, component="images")
"""No tenant's: the guardrails of tenants hold wherever the label of one is."""
_FINISHED_JOBS = 20
"""Builds with the finished ones that nobody removed yet."""
RULES: list[Manifest] = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list", "watch"]},
    # By websocket it is a GET, and since Kubernetes 1.35 also asked for as `create`
    # (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb).
    {"apiGroups": [""], "resources": ["pods/attach"], "verbs": ["get", "create"]},
    {"apiGroups": [""], "resources": ["podtemplates"], "resourceNames": [BUILD, SCAN], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get", "list"]},
]


@dataclass(frozen=True, kw_only=True)
class BuildPlaceArgs:
    """tenant: whose images. credentials: of the registry, as ~/.docker/config.json has them. acts_as: the identity of
    the cloud that builds push as, if they do; scans_as: the same of scans, which pull. repository: what the tenant's
    images begin with. before: what must be there before anybody can build."""

    tenant: TenantImages
    spec: BuildsSpec
    facts: ClusterFacts
    credentials: pulumi.Input[str]
    acts_as: WorkloadIdentity | None
    scans_as: WorkloadIdentity | None
    repository: str
    before: Sequence[pulumi.Resource]


class BuildPlace(pulumi.ComponentResource):
    """The namespace of a tenant's builds."""

    namespace: KubernetesObject
    """It."""

    def __init__(self, name: str, args: BuildPlaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:BuildPlace", name, {}, opts)
        tenant, spec, facts = args.tenant, args.spec, args.facts
        identity = _identity(tenant)
        namespace = namespace_manifest(_name(tenant), _OF_NAMESPACES, "privileged", facts.kubernetes_version)
        namespace["metadata"]["labels"][BUILDS_OF] = tenant.namespace_name
        # The policy first: until it is there, a build could be anything.
        policed = pulumi.ResourceOptions(parent=self, depends_on=list(args.before))
        self.namespace = there = KubernetesObject(f"{name}-namespace", namespace, policed)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[there], deleted_with=there)
        parts: list[Manifest] = [
            _credentials(_name(tenant), identity, args.credentials),
            account(BUILD, _name(tenant), identity, args.acts_as),
            pod_template(_name(tenant), identity, spec, args.acts_as),
            _quota(_name(tenant), identity, spec),
            *_policies(_name(tenant), identity, spec, facts),
            *_ways_to_the_cloud(_name(tenant), identity, args.acts_as),
            *(scan_parts(_name(tenant), tenant, spec, args.repository, args.scans_as) if spec.scan else []),
        ]
        for part in parts:
            KubernetesObject(f"{name}-{part['kind'].lower()}-{part['metadata']['name']}", part, inside)
        if spec.scan:
            in_tenant = pulumi.ResourceOptions(
                parent=self, depends_on=[there, tenant.namespace], deleted_with=tenant.namespace
            )
            KubernetesObject(f"{name}-scans-of-tenant", scan_binding(_name(tenant), tenant), in_tenant)
        # Deleted by itself, before the namespace, as a tenant's own.
        first = pulumi.ResourceOptions(parent=self, depends_on=[there])
        binding = _binding(_name(tenant), identity, tenant.groups, facts.group_prefix)
        KubernetesObject(f"{name}-rolebinding-members", binding, first)
        self.register_outputs({})


def role(identity: Identity) -> Manifest:
    """What members may do where their images are built; once a cluster."""
    return manifest("rbac.authorization.k8s.io/v1", "ClusterRole", ROLE, identity, rules=RULES)


def _name(tenant: TenantImages) -> str:
    return builds_namespace(tenant.namespace_name)


def _identity(tenant: TenantImages) -> Identity:
    own = tenant.identity
    return Identity(
        name=BUILD, component="images", tenant=own.tenant, project=own.project, owner=own.owner, workload=BUILD
    )


def _credentials(namespace: str, identity: Identity, written: pulumi.Input[str]) -> Manifest:
    kind = "kubernetes.io/dockerconfigjson"
    secret = manifest("v1", "Secret", PUSH_SECRET, identity, namespace=namespace, type=kind)
    return {**secret, "stringData": {".dockerconfigjson": written}}


def _binding(namespace: str, identity: Identity, groups: Sequence[str], group_prefix: str) -> Manifest:
    api_group = "rbac.authorization.k8s.io"
    return manifest(
        f"{api_group}/v1",
        "RoleBinding",
        "members",
        identity,
        namespace=namespace,
        roleRef={"apiGroup": api_group, "kind": "ClusterRole", "name": ROLE},
        subjects=[{"apiGroup": api_group, "kind": "Group", "name": f"{group_prefix}{group}"} for group in groups],
    )


def _quota(namespace: str, identity: Identity, spec: BuildsSpec) -> Manifest:
    hard = {
        "pods": str(spec.at_once),
        "count/jobs.batch": str(spec.at_once + _FINISHED_JOBS),
        "requests.cpu": cpu_quantity(spec.cpu * spec.at_once),
        "requests.memory": memory_quantity(spec.memory_gib * spec.at_once),
        "requests.ephemeral-storage": memory_quantity(spec.disk_gib * spec.at_once),
        "persistentvolumeclaims": "0",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    return manifest("v1", "ResourceQuota", "builds", identity, namespace=namespace, spec={"hard": hard})


def _policies(namespace: str, identity: Identity, spec: BuildsSpec, facts: ClusterFacts) -> list[Manifest]:
    """Out to the internet and to private networks that the stack names; nobody comes in."""
    closed, closed_ipv6 = not_internet([*METADATA_ADDRESSES, *facts.networks])
    out = [
        addresses("0.0.0.0/0", but=closed),
        addresses("::/0", but=[*closed_ipv6, *translated(closed)]),
        *(addresses(cidr) for cidr in spec.networks),
    ]
    internet = network_policy("internet", namespace, identity, policyTypes=["Egress"], egress=[{"to": out}])
    return [*default_policies(namespace, identity, facts.dns), internet]


def _ways_to_the_cloud(namespace: str, identity: Identity, acts_as: WorkloadIdentity | None) -> list[Manifest]:
    """To where pods get their credentials (port 988 is GKE's), and to a registry that answers in the cluster's own
    networks."""
    if acts_as is None:
        return []
    ways = [
        {
            "to": [addresses(network) for network in networks],
            "ports": [{"protocol": "TCP", "port": port} for port in ports],
        }
        for networks, ports in ((acts_as.credentials_networks, (80, 988)), (acts_as.storage_networks, (443,)))
        if networks
    ]
    return [network_policy("cloud", namespace, identity, policyTypes=["Egress"], egress=ways)] if ways else []
