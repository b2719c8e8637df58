"""Identities: of the cluster, of its nodes, of what runs in it.

Owns user-assigned identities, what they may do, and the trust of Entra in ServiceAccounts (workload identity). It
deliberately makes no application, no client secret and no certificate: nothing in the cluster holds a credential that
lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, managedidentity

from bedplate.clouds.azure.keys import AzureKeys
from bedplate.clouds.azure.network import AzureNetwork
from bedplate.clouds.azure.policies import Permission, assign, below, definition
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.contract import BucketGrant

_AUDIENCE = "api://AzureADTokenExchange"
"""https://learn.microsoft.com/azure/aks/workload-identity-overview"""


@dataclass(frozen=True, kw_only=True)
class AzureIdentityArgs:
    """identity_name: in Azure. resource_group: that holds it.

    protect: as the platform's own identities are; that of a workload goes with its tenant.
    """

    spec: AzureClusterSpec
    identity_name: str
    resource_group: pulumi.Output[str]
    permissions: Sequence[Permission] = ()
    protect: bool = True


class AzureIdentity(pulumi.ComponentResource):
    """One identity with its permissions."""

    id: pulumi.Output[str]
    """Id of the identity in Azure."""
    azure_name: pulumi.Output[str]
    """Name of the identity in its group."""
    client_id: pulumi.Output[str]
    """What it signs in as."""
    principal_id: pulumi.Output[str]
    """What roles are assigned to."""
    assignments: list[authorization.RoleAssignment]
    """What it may do."""

    def __init__(self, name: str, args: AzureIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureIdentity", name, {}, opts)
        identity = managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_name_=args.identity_name,
            resource_group_name=args.resource_group,
            location=args.spec.region,
            tags=args.spec.resource_tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.id, self.azure_name = identity.id, identity.name
        self.client_id, self.principal_id = identity.client_id, identity.principal_id
        child = pulumi.ResourceOptions(parent=self)
        self.assignments = [
            assign(f"{name}-may-{position}", args.spec.subscription_id, self.principal_id, permission, child)
            for position, permission in enumerate(args.permissions)
        ]
        self.register_outputs(
            {
                "id": self.id,
                "azure_name": self.azure_name,
                "client_id": self.client_id,
                "principal_id": self.principal_id,
            }
        )


@dataclass(frozen=True, kw_only=True)
class AzureIdentitiesArgs:
    """network, keys: of this cluster."""

    spec: AzureClusterSpec
    network: AzureNetwork
    keys: AzureKeys


class AzureIdentities(pulumi.ComponentResource):
    """The identities that the cluster itself needs. Its autoscaler and drivers act as the control plane."""

    cluster: AzureIdentity
    """Of the control plane."""
    nodes: AzureIdentity
    """Of the machines: pulling images, nothing else."""

    def __init__(self, name: str, args: AzureIdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureIdentities", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        group = args.network.resource_group
        self.nodes = AzureIdentity(
            f"{name}-nodes",
            AzureIdentityArgs(spec=spec, identity_name=f"{spec.name}-nodes", resource_group=group),
            child,
        )
        self.cluster = AzureIdentity(
            f"{name}-cluster",
            AzureIdentityArgs(
                spec=spec,
                identity_name=f"{spec.name}-cluster",
                resource_group=group,
                permissions=cluster_permissions(args.network, args.keys, self.nodes),
            ),
            child,
        )
        self.register_outputs({})


def cluster_permissions(network: AzureNetwork, keys: AzureKeys, nodes: AzureIdentity) -> list[Permission]:
    """What AKS asks of the control plane's identity, besides the group of the nodes, which AKS grants it itself.

    https://learn.microsoft.com/azure/aks/api-server-vnet-integration, https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption,
    https://learn.microsoft.com/azure/aks/azure-disk-customer-managed-keys, https://learn.microsoft.com/azure/aks/use-managed-identity
    """
    return [
        Permission(role="Network Contributor", scope=network.nodes_subnet_id),
        Permission(role="Network Contributor", scope=network.api_server_subnet_id),
        Permission(role="Managed Identity Operator", scope=nodes.id),
        Permission(role="Key Vault Crypto User", scope=keys.secrets_key_id),
        # Of the vault, not of what is in it: AKS approves its own private link.
        Permission(role="Key Vault Contributor", scope=keys.secrets_vault.id),
        Permission(role="Reader", scope=keys.disks.id),
    ]


@dataclass(frozen=True, kw_only=True)
class AzureWorkloadIdentityArgs:
    """namespace, service_account: whose pods act as the identity. issuer: of the cluster's tokens.

    protect: whether it is the platform's own.
    """

    spec: AzureClusterSpec
    network: AzureNetwork
    namespace: str
    service_account: str
    issuer: pulumi.Input[str]
    permissions: Sequence[Permission]
    protect: bool = False


class AzureWorkloadIdentity(pulumi.ComponentResource):
    """An identity for the pods of one ServiceAccount."""

    client_id: pulumi.Output[str]
    """What the pods sign in as."""

    def __init__(self, name: str, args: AzureWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureWorkloadIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = AzureIdentity(
            f"{name}-pods",
            AzureIdentityArgs(
                spec=args.spec,
                # No name in Kubernetes has a '_': two pairs never make one name.
                identity_name=f"{args.spec.name}-{args.namespace}_{args.service_account}",
                resource_group=args.network.resource_group,
                permissions=args.permissions,
                protect=args.protect,
            ),
            child,
        )
        managedidentity.FederatedIdentityCredential(
            f"{name}-trust",
            federated_identity_credential_resource_name="cluster",
            resource_name_=identity.azure_name,
            resource_group_name=args.network.resource_group,
            issuer=args.issuer,
            subject=f"system:serviceaccount:{args.namespace}:{args.service_account}",
            audiences=[_AUDIENCE],
            opts=child,
        )
        self.client_id = identity.client_id
        self.register_outputs({"client_id": self.client_id})


def bucket_permission(grant: BucketGrant, spec: AzureClusterSpec) -> Permission:
    """The role on one container; a prefix becomes a condition.

    Raises ValueError for a bucket that is not of the platform's group, whose id nobody could know.
    """
    account, _, container = grant.bucket.partition("/")
    if not container:
        raise ValueError(f"'{grant.bucket}' is no bucket of Azure: write it as 'account/container'")
    if "'" in grant.prefix:
        raise ValueError(f"the prefix {grant.prefix!r} holds a quote, which a condition cannot")
    scope = spec.id_of("Microsoft.Storage/storageAccounts", f"{account}/blobServices/default/containers/{container}")
    may_write = grant.access == "write"
    return Permission(
        role="Storage Blob Data Contributor" if may_write else "Storage Blob Data Reader",
        scope=scope,
        condition=below(grant.prefix, may_write=may_write) if grant.prefix else None,
    )


SHARE_ACTIONS = (
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/fileServices/read",
    "Microsoft.Storage/storageAccounts/fileServices/shares/read",
    "Microsoft.Storage/storageAccounts/fileServices/shares/write",
    "Microsoft.Storage/storageAccounts/fileServices/shares/delete",
)


def share_role(name: str, spec: AzureClusterSpec, opts: pulumi.ResourceOptions) -> authorization.RoleDefinition:
    """Making shares in an account that is there; the driver's documentation asks for the right to make accounts too.

    https://github.com/kubernetes-sigs/azurefile-csi-driver/blob/master/docs/driver-parameters.md
    """
    return definition(name, f"{spec.registry} shares", spec.resource_group_id, SHARE_ACTIONS, opts)
