"""Keys that encrypt what the platform stores, and the vaults that hold keys and secrets.

Owns two key vaults with a key each: one for Kubernetes' secrets, one, which rotates every year, for disks and buckets;
and the disk encryption set. It deliberately grants nobody their deletion: vaults are protected from being purged, and
hold what was deleted for ninety days. The key of Kubernetes' secrets does not rotate by itself: AKS names a version of
it, and an API server that asks for a version that is gone cannot start
(https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption). The newer way of AKS, with rotation, is a preview
(https://learn.microsoft.com/azure/aks/kms-data-encryption) and not in the provider's stable API.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import compute, keyvault, managedidentity

from bedplate.clouds.azure.network import AzureNetwork, AzurePrivateEndpoint, AzurePrivateEndpointArgs
from bedplate.clouds.azure.policies import Permission, assign
from bedplate.clouds.azure.spec import AzureClusterSpec

_SOFT_DELETE_DAYS = 90
_KEY_BITS = 3072
_ROTATION = "P365D"
KEY_USER = "Key Vault Crypto Service Encryption User"


@dataclass(frozen=True, kw_only=True)
class AzureVaultArgs:
    """purpose: what the vault's name follows from. resource_group: that holds it."""

    spec: AzureClusterSpec
    purpose: str
    resource_group: pulumi.Output[str]


class AzureVault(pulumi.ComponentResource):
    """A key vault without a public address, entered by roles alone.

    Without a private endpoint, which is its owner's, only those of Azure's own services reach it that Azure trusts.
    """

    id: pulumi.Output[str]
    """Id of the vault."""
    vault_name: pulumi.Output[str]
    """Name of the vault."""
    uri: str
    """Address of the vault."""

    def __init__(self, name: str, args: AzureVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureVault", name, {}, opts)
        spec = args.spec
        vault = keyvault.Vault(
            f"{name}-vault",
            vault_name=spec.vault(args.purpose),
            resource_group_name=args.resource_group,
            location=spec.region,
            properties=keyvault.VaultPropertiesArgs(
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                tenant_id=spec.directory_id,
                enable_rbac_authorization=True,
                enable_purge_protection=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=_SOFT_DELETE_DAYS,
                public_network_access="Disabled",
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass=keyvault.NetworkRuleBypassOptions.AZURE_SERVICES,
                    default_action=keyvault.NetworkRuleAction.DENY,
                ),
            ),
            tags=spec.resource_tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.id, self.vault_name = vault.id, vault.name
        self.uri = f"https://{spec.vault(args.purpose)}.vault.azure.net/"
        self.register_outputs({"id": self.id, "vault_name": self.vault_name})


@dataclass(frozen=True, kw_only=True)
class AzureKeysArgs:
    """network: of this cluster."""

    spec: AzureClusterSpec
    network: AzureNetwork


class AzureKeys(pulumi.ComponentResource):
    """The platform's keys."""

    secrets_vault: AzureVault
    """Vault of the key of Kubernetes' secrets."""
    secrets_key: keyvault.Key
    """Key of Kubernetes' secrets."""
    secrets_key_id: pulumi.Output[str]
    """Id of that key in Azure, for roles."""
    data_vault: AzureVault
    """Vault of the key of disks and buckets."""
    data_key: keyvault.Key
    """Key of disks and buckets."""
    data_identity: managedidentity.UserAssignedIdentity
    """What storage accounts use the data key as."""
    disks: compute.DiskEncryptionSet
    """How disks use the data key."""
    grants: list[pulumi.Resource]
    """Who uses the data key; what is encrypted waits for them."""

    def __init__(self, name: str, args: AzureKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureKeys", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        self._prefix, self._spec, self._group = name, spec, args.network.resource_group
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        self.secrets_vault = self._vault("secrets")
        # The API server reaches it in the network.
        AzurePrivateEndpoint(
            f"{name}-secrets-endpoint",
            AzurePrivateEndpointArgs(
                spec=spec, network=args.network, name="secrets-key", target_id=self.secrets_vault.id, service="vault"
            ),
            child,
        )
        self.secrets_key = self._key("secrets", self.secrets_vault, rotates=False)
        self.secrets_key_id = pulumi.Output.concat(self.secrets_vault.id, "/keys/secrets")
        # Disks and buckets reach it as trusted services of Azure, nothing else does.
        self.data_vault = self._vault("data")
        self.data_key = self._key("data", self.data_vault, rotates=True)
        self.data_identity = managedidentity.UserAssignedIdentity(
            f"{name}-data-user",
            resource_name_=f"{spec.name}-data",
            resource_group_name=self._group,
            location=spec.region,
            tags=spec.resource_tags,
            opts=self._kept,
        )
        self.disks = self._disk_encryption(f"{name}-disks")
        self.grants = [
            self._may_use_data_key(f"{name}-data-user-key", self.data_identity.principal_id),
            self._may_use_data_key(f"{name}-disks-key", self.disks.identity.apply(_principal)),
        ]
        self.register_outputs({"secrets_key_id": self.secrets_key_id})

    def _vault(self, purpose: str) -> AzureVault:
        args = AzureVaultArgs(spec=self._spec, purpose=purpose, resource_group=self._group)
        return AzureVault(f"{self._prefix}-{purpose}", args, pulumi.ResourceOptions(parent=self))

    def _key(self, purpose: str, vault: AzureVault, *, rotates: bool) -> keyvault.Key:
        """Made through Azure's control plane, which needs no way into the vault."""
        yearly = keyvault.RotationPolicyArgs(
            lifetime_actions=[
                keyvault.LifetimeActionArgs(
                    action=keyvault.ActionArgs(type=keyvault.KeyRotationPolicyActionType.ROTATE),
                    trigger=keyvault.TriggerArgs(time_after_create=_ROTATION),
                )
            ]
        )
        return keyvault.Key(
            f"{self._prefix}-{purpose}-key",
            key_name=purpose,
            vault_name=vault.vault_name,
            resource_group_name=self._group,
            properties=keyvault.KeyPropertiesArgs(
                kty=keyvault.JsonWebKeyType.RSA,
                key_size=_KEY_BITS,
                key_ops=[
                    keyvault.JsonWebKeyOperation.ENCRYPT,
                    keyvault.JsonWebKeyOperation.DECRYPT,
                    keyvault.JsonWebKeyOperation.WRAP_KEY,
                    keyvault.JsonWebKeyOperation.UNWRAP_KEY,
                ],
                rotation_policy=yearly if rotates else None,
            ),
            tags=self._spec.resource_tags,
            opts=self._kept,
        )

    def _disk_encryption(self, name: str) -> compute.DiskEncryptionSet:
        """https://learn.microsoft.com/azure/virtual-machines/disk-encryption#automatic-key-rotation-of-customer-managed-keys"""
        return compute.DiskEncryptionSet(
            name,
            disk_encryption_set_name=disk_encryption_set_name(self._spec),
            resource_group_name=self._group,
            location=self._spec.region,
            identity=compute.EncryptionSetIdentityArgs(type=compute.DiskEncryptionSetIdentityType.SYSTEM_ASSIGNED),
            encryption_type=compute.DiskEncryptionSetType.ENCRYPTION_AT_REST_WITH_CUSTOMER_KEY,
            active_key=compute.KeyForDiskEncryptionSetArgs(
                key_url=self.data_key.key_uri_with_version,
                source_vault=compute.SourceVaultArgs(id=self.data_vault.id),
            ),
            rotation_to_latest_key_version_enabled=True,
            tags=self._spec.resource_tags,
            # The key's version is Azure's after creation.
            opts=pulumi.ResourceOptions(parent=self, protect=True, ignore_changes=["activeKey.keyUrl"]),
        )

    def _may_use_data_key(self, name: str, principal_id: pulumi.Input[str]) -> pulumi.Resource:
        scope = pulumi.Output.concat(self.data_vault.id, "/keys/data")
        on_key = pulumi.ResourceOptions(parent=self, depends_on=[self.data_key])
        return assign(name, self._spec.subscription_id, principal_id, Permission(role=KEY_USER, scope=scope), on_key)


def _principal(identity: compute.outputs.EncryptionSetIdentityResponse | None) -> str:
    assert identity is not None, "a disk encryption set has an identity"
    return identity.principal_id


def disk_encryption_set_name(spec: AzureClusterSpec) -> str:
    """Name of the disk encryption set."""
    return f"{spec.name}-disks"
