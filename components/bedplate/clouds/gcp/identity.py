"""Who the nodes are, and what pods may do.

Owns the nodes' service account with its roles, and the roles of pods. It deliberately makes no key, and no service
account for pods: IAM knows a Kubernetes ServiceAccount itself, as a principal of the project's workload pool.

https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_gcp import artifactregistry, projects, serviceaccount, storage

from bedplate.clouds.contract import BucketGrant, SecretsGrant
from bedplate.clouds.gcp.spec import GcpClusterSpec

_OBJECT_ROLES = {"read": "roles/storage.objectViewer", "write": "roles/storage.objectUser"}
_SECRET_ROLE = "roles/secretmanager.secretAccessor"
_NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""Logs and metrics of nodes, which is all that GKE's nodes need to work.

https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts
"""


@dataclass(frozen=True, kw_only=True)
class GcpServiceAccountArgs:
    """account_id: name of the account in its project. roles: of the project."""

    spec: GcpClusterSpec
    account_id: str
    description: str
    roles: Sequence[str]


class GcpServiceAccount(pulumi.ComponentResource):
    """One service account with its roles."""

    email: pulumi.Output[str]
    """Name of the account for Google's services."""
    member: pulumi.Output[str]
    """Name of the account for IAM."""

    def __init__(self, name: str, args: GcpServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpServiceAccount", name, {}, opts)
        account = serviceaccount.Account(
            f"{name}-account",
            account_id=args.account_id,
            description=args.description,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.email, self.member = account.email, account.member
        for role in args.roles:
            projects.IAMMember(
                f"{name}-{role.rpartition('/')[2]}",
                project=args.spec.project_id,
                role=role,
                member=self.member,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"email": self.email, "member": self.member})


@dataclass(frozen=True, kw_only=True)
class GcpIdentitiesArgs:
    """spec: of the cluster."""

    spec: GcpClusterSpec


class GcpIdentities(pulumi.ComponentResource):
    """The identities that the cluster itself needs; drivers, autoscaler and network are GKE's own."""

    nodes: GcpServiceAccount
    """Of the machines: logs, metrics, and pulling the platform's images, nothing else."""

    def __init__(self, name: str, args: GcpIdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpIdentities", name, {}, opts)
        spec = args.spec
        self.nodes = GcpServiceAccount(
            f"{name}-nodes",
            GcpServiceAccountArgs(
                spec=spec,
                account_id=f"{spec.name}-nodes",
                description=f"Nodes of {spec.name}",
                roles=[_NODE_ROLE],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One role, of a bucket, of a repository of images, or of the project. expression: IAM condition on what it covers;
    '' for all."""

    role: str
    title: str = ""
    bucket: str = ""
    repository: pulumi.Input[str] = ""
    expression: str = ""


@dataclass(frozen=True, kw_only=True)
class GcpWorkloadIdentityArgs:
    """namespace, service_account: whose pods get the permissions. after: the cluster, whose pool knows them."""

    spec: GcpClusterSpec
    namespace: str
    service_account: str
    permissions: Sequence[Permission]
    after: Sequence[pulumi.Resource] = field(default_factory=list[pulumi.Resource])


class GcpWorkloadIdentity(pulumi.ComponentResource):
    """Permissions for the pods of one ServiceAccount, which needs neither annotation nor label."""

    def __init__(self, name: str, args: GcpWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpWorkloadIdentity", name, {}, opts)
        member = principal(args.spec, args.namespace, args.service_account)
        after = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        for position, permission in enumerate(args.permissions):
            condition = {"title": permission.title, "expression": permission.expression}
            if permission.bucket:
                storage.BucketIAMMember(
                    f"{name}-{position}",
                    bucket=permission.bucket,
                    role=permission.role,
                    member=member,
                    condition=storage.BucketIAMMemberConditionArgs(**condition) if permission.expression else None,
                    opts=after,
                )
            elif permission.repository:
                artifactregistry.RepositoryIamMember(
                    f"{name}-{position}",
                    project=args.spec.project_id,
                    location=args.spec.region,
                    repository=permission.repository,
                    role=permission.role,
                    member=member,
                    opts=after,
                )
            else:
                projects.IAMMember(
                    f"{name}-{position}",
                    project=args.spec.project_id,
                    role=permission.role,
                    member=member,
                    condition=projects.IAMMemberConditionArgs(**condition) if permission.expression else None,
                    opts=after,
                )
        self.register_outputs({})


def principal(spec: GcpClusterSpec, namespace: str, service_account: str) -> str:
    """IAM's name of a ServiceAccount.

    Clusters of one project share their pool: the same names in another cluster of it are the same principal.
    """
    pool = f"projects/{spec.project_number}/locations/global/workloadIdentityPools/{spec.workload_pool}"
    return f"principal://iam.googleapis.com/{pool}/subject/ns/{namespace}/sa/{service_account}"


def permission_of(grant: BucketGrant | SecretsGrant, spec: GcpClusterSpec) -> Permission:
    """IAM's role for a grant; Cloud Storage uses the buckets' key on its own behalf."""
    return _of_bucket(grant) if isinstance(grant, BucketGrant) else _of_secrets(grant.prefix, spec)


def _of_bucket(grant: BucketGrant) -> Permission:
    """Reading an object names the object, listing names the bucket and a prefix.

    https://cloud.google.com/iam/docs/conditions-attribute-reference#storage
    """
    objects, prefix = json.dumps(f"projects/_/buckets/{grant.bucket}/objects/{grant.prefix}"), json.dumps(grant.prefix)
    listed = f'api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith({prefix})'
    return Permission(
        role=_OBJECT_ROLES[grant.access],
        title=f"{grant.access} {grant.prefix}*",
        bucket=grant.bucket,
        expression=f"resource.name.startsWith({objects}) || {listed}" if grant.prefix else "",
    )


def secret_prefix(prefix: str) -> str:
    """What the names of secrets begin with: they cannot contain '/', and no tenant's name contains '_'."""
    return prefix.replace("/", "_")


def _of_secrets(prefix: str, spec: GcpClusterSpec) -> Permission:
    """Secrets are named by the project's number in conditions.

    https://cloud.google.com/secret-manager/docs/access-control#conditions
    """
    names = json.dumps(f"projects/{spec.project_number}/secrets/{secret_prefix(prefix)}")
    return Permission(
        role=_SECRET_ROLE, title=f"secrets {secret_prefix(prefix)}*", expression=f"resource.name.startsWith({names})"
    )
