"""A bucket as all of the platform's are: a storage account of its own, private, encrypted with our key, TLS only.

Owns the account with its container and what guards it. It deliberately has no key that signs in (shared keys are off)
and sets no retention of its own: how long objects live is the owner's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from bedplate.clouds.azure.keys import AzureKeys
from bedplate.clouds.azure.spec import AzureClusterSpec

_UNDELETE_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class AzureAccountArgs:
    """purpose: what the name follows from. containers: of blobs. rules: how long blobs live.

    reached_by_azure: whether Azure's own services reach the account from outside the network.
    """

    spec: AzureClusterSpec
    keys: AzureKeys
    resource_group: pulumi.Output[str]
    purpose: str
    containers: Sequence[str]
    has_versions: bool
    rules: Sequence[storage.ManagementPolicyRuleArgs]
    reached_by_azure: bool = False


class AzureAccount(pulumi.ComponentResource):
    """A private storage account."""

    id: pulumi.Output[str]
    """Id of the account."""
    account_name: pulumi.Output[str]
    """Name of the account."""
    containers: list[storage.BlobContainer]
    """What blobs are in."""

    def __init__(self, name: str, args: AzureAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureAccount", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=True)
        account = private_account(
            f"{name}-account",
            args.spec,
            args.keys,
            args.resource_group,
            args.purpose,
            reached_by_azure=args.reached_by_azure,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=args.keys.grants),
        )
        self.id, self.account_name = account.id, account.name
        undelete = storage.DeleteRetentionPolicyArgs(enabled=True, days=_UNDELETE_DAYS)
        service = storage.BlobServiceProperties(
            f"{name}-blobs",
            account_name=account.name,
            resource_group_name=args.resource_group,
            blob_services_name="default",
            is_versioning_enabled=args.has_versions,
            delete_retention_policy=undelete,
            container_delete_retention_policy=undelete,
            opts=child,
        )
        self.containers = [
            storage.BlobContainer(
                f"{name}-{container}",
                container_name=container,
                account_name=account.name,
                resource_group_name=args.resource_group,
                public_access=storage.PublicAccess.NONE,
                opts=kept,
            )
            for container in args.containers
        ]
        storage.ManagementPolicy(
            f"{name}-lifecycle",
            management_policy_name="default",
            account_name=account.name,
            resource_group_name=args.resource_group,
            policy=storage.ManagementPolicySchemaArgs(rules=list(args.rules)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[service]),
        )
        self.register_outputs({"id": self.id, "account_name": self.account_name})


def private_account(
    name: str,
    spec: AzureClusterSpec,
    keys: AzureKeys,
    resource_group: pulumi.Output[str],
    purpose: str,
    *,
    opts: pulumi.ResourceOptions,
    reached_by_azure: bool = False,
    is_for_nfs: bool = False,
) -> storage.StorageAccount:
    """The account itself, over all zones. is_for_nfs: for shares, whose protocol has no TLS: the network is the guard.

    https://learn.microsoft.com/azure/storage/files/files-nfs-protocol#security-and-networking
    """
    return storage.StorageAccount(
        name,
        account_name=spec.storage_account(purpose),
        resource_group_name=resource_group,
        location=spec.region,
        kind=storage.Kind.FILE_STORAGE if is_for_nfs else storage.Kind.STORAGE_V2,
        sku=storage.SkuArgs(name=storage.SkuName.PREMIUM_ZRS if is_for_nfs else storage.SkuName.STANDARD_ZRS),
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        allow_shared_key_access=False,
        default_to_o_auth_authentication=True,
        is_local_user_enabled=False,
        enable_https_traffic_only=not is_for_nfs,
        minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
        public_network_access=(
            storage.PublicNetworkAccess.ENABLED if reached_by_azure else storage.PublicNetworkAccess.DISABLED
        ),
        network_rule_set=storage.NetworkRuleSetArgs(
            default_action=storage.DefaultAction.DENY,
            bypass=storage.Bypass.AZURE_SERVICES if reached_by_azure else storage.Bypass.NONE,
        ),
        identity=storage.IdentityArgs(
            type=storage.IdentityType.USER_ASSIGNED, user_assigned_identities=[keys.data_identity.id]
        ),
        encryption=storage.EncryptionArgs(
            key_source=storage.KeySource.MICROSOFT_KEYVAULT,
            # Without a version: a rotated key is taken up by itself.
            key_vault_properties=storage.KeyVaultPropertiesArgs(
                key_name=keys.data_key.name, key_vault_uri=keys.data_vault.uri
            ),
            encryption_identity=storage.EncryptionIdentityArgs(encryption_user_assigned_identity=keys.data_identity.id),
        ),
        tags=spec.resource_tags,
        opts=opts,
    )


def lifecycle(*, keep_days: int | None = None, old_version_days: int | None = None) -> storage.ManagementPolicyRuleArgs:
    """Blobs go `keep_days` after their last change, or never; replaced versions after `old_version_days`."""
    kept = storage.ManagementPolicyBaseBlobArgs(
        delete=storage.DateAfterModificationArgs(days_after_modification_greater_than=keep_days)
    )
    old = storage.ManagementPolicyVersionArgs(
        delete=storage.DateAfterCreationArgs(days_after_creation_greater_than=old_version_days or 0)
    )
    # Append blobs can be deleted by a rule, and have no versions: https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview.
    return storage.ManagementPolicyRuleArgs(
        name="retention",
        enabled=True,
        type=storage.RuleType.LIFECYCLE,
        definition=storage.ManagementPolicyDefinitionArgs(
            filters=storage.ManagementPolicyFilterArgs(
                blob_types=["blockBlob", "appendBlob"] if keep_days else ["blockBlob"]
            ),
            actions=storage.ManagementPolicyActionArgs(
                base_blob=kept if keep_days else None, version=old if old_version_days else None
            ),
        ),
    )
