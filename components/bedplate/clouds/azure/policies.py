"""Azure roles and conditions as data.

Owns the roles that the platform assigns, by name. None of them is Owner, Contributor or User Access Administrator, and
each is assigned at the narrowest scope there is. Ids: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import pulumi
from pulumi_azure_native import authorization

ROLES = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "Key Vault Contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "Key Vault Crypto Service Encryption User": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What an identity may do. role: of `ROLES`, or a definition's id; scope: a resource's id; condition: of ABAC."""

    role: pulumi.Input[str]
    scope: pulumi.Input[str]
    condition: str | None = None


def assign(
    name: str,
    subscription_id: str,
    principal_id: pulumi.Input[str],
    permission: Permission,
    opts: pulumi.ResourceOptions,
) -> authorization.RoleAssignment:
    """One assignment to an identity; `principal_type` spares a look-up that fails while the identity is new.

    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---assigning-a-role-to-a-new-principal-sometimes-fails
    """
    role = permission.role
    if isinstance(role, str):
        role = f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
    return authorization.RoleAssignment(
        name,
        principal_id=principal_id,
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=role,
        scope=permission.scope,
        condition=permission.condition,
        condition_version="2.0" if permission.condition else None,
        opts=opts,
    )


def definition(
    name: str, title: str, scope: str, actions: Sequence[str], opts: pulumi.ResourceOptions
) -> authorization.RoleDefinition:
    """A role of our own, where every built-in one allows more. title: unique in the directory."""
    return authorization.RoleDefinition(
        name,
        role_definition_id=str(uuid5(NAMESPACE_URL, f"{scope}/{title}")),
        role_name=title,
        scope=scope,
        assignable_scopes=[scope],
        permissions=[authorization.PermissionArgs(actions=list(actions))],
        opts=opts,
    )


_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


def below(prefix: str, *, may_write: bool) -> str:
    """The condition that keeps an identity below a prefix of a container.

    https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-examples
    """
    own = f"@Resource[{_BLOBS}:path] StringStartsWith '{prefix}'"
    read = f"((!(ActionMatches{{'{_BLOBS}/read'}} AND NOT SubOperationMatches{{'Blob.List'}})) OR ({own}))"
    listing = (
        f"((!(ActionMatches{{'{_BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}})) OR "
        f"(@Request[{_BLOBS}:prefix] StringStartsWith '{prefix}'))"
    )
    changes = ("write", "add/action", "delete", "move/action") if may_write else ()
    changed = [f"((!(ActionMatches{{'{_BLOBS}/{change}'}})) OR ({own}))" for change in changes]
    return " AND ".join([read, listing, *changed])
