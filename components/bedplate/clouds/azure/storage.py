"""Where the platform keeps data: the artefact bucket, and the account of volumes that many nodes mount.

Owns both storage accounts with their addresses in the network. It deliberately deletes no current object; what was
overwritten or deleted can be had back for a month. Shares are made and deleted by Kubernetes, in the second account.
"""

from dataclasses import dataclass

import pulumi

from bedplate.clouds.azure.buckets import AzureAccount, AzureAccountArgs, lifecycle, private_account
from bedplate.clouds.azure.identity import AzureIdentities, share_role
from bedplate.clouds.azure.keys import AzureKeys
from bedplate.clouds.azure.network import AzureNetwork, AzurePrivateEndpoint, AzurePrivateEndpointArgs
from bedplate.clouds.azure.policies import Permission, assign
from bedplate.clouds.azure.spec import AzureClusterSpec

_OLD_VERSION_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class AzureStorageArgs:
    """network, keys, identities: of this cluster."""

    spec: AzureClusterSpec
    network: AzureNetwork
    keys: AzureKeys
    identities: AzureIdentities


class AzureStorage(pulumi.ComponentResource):
    """Object and file storage of the platform."""

    def __init__(self, name: str, args: AzureStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureStorage", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        artifacts = AzureAccount(
            f"{name}-artifacts",
            AzureAccountArgs(
                spec=args.spec,
                keys=args.keys,
                resource_group=args.network.resource_group,
                purpose="artifacts",
                containers=["artifacts"],
                has_versions=True,
                rules=[lifecycle(old_version_days=_OLD_VERSION_DAYS)],
            ),
            child,
        )
        AzurePrivateEndpoint(
            f"{name}-artifacts-endpoint",
            AzurePrivateEndpointArgs(
                spec=args.spec, network=args.network, name="artifacts", target_id=artifacts.id, service="blob"
            ),
            child,
        )
        self._shares(name, args)
        self.register_outputs({})

    def _shares(self, name: str, args: AzureStorageArgs) -> None:
        shares = private_account(
            f"{name}-shares-account",
            args.spec,
            args.keys,
            args.network.resource_group,
            "shares",
            is_for_nfs=True,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=args.keys.grants),
        )
        AzurePrivateEndpoint(
            f"{name}-shares-endpoint",
            AzurePrivateEndpointArgs(
                spec=args.spec, network=args.network, name="shares", target_id=shares.id, service="file"
            ),
            pulumi.ResourceOptions(parent=self),
        )
        role = share_role(f"{name}-shares-role", args.spec, pulumi.ResourceOptions(parent=self, depends_on=[shares]))
        # The file driver acts as the control plane.
        assign(
            f"{name}-shares-driver",
            args.spec.subscription_id,
            args.identities.cluster.principal_id,
            Permission(role=role.id, scope=shares.id),
            pulumi.ResourceOptions(parent=self),
        )
