"""The registry of images that the platform builds.

Owns one registry, reached in the network alone and without a user of its own, and the nodes' right to pull. Untagged
images go after a week. It deliberately encrypts with Azure's key: with ours, the registry could not reach a vault
behind a firewall as the identity that it must have at birth
(https://learn.microsoft.com/azure/container-registry/tutorial-enable-customer-managed-keys). Azure cannot make all tags
of a registry immovable, and scans images in Defender alone, which the subscription's owner turns on.

A tenant whose builds act as an identity has a registry of its own: roles know repositories only in a mode of a registry
(https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions) that Pulumi's
provider cannot set yet, and a token with a scope map would be a password that lasts.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import containerregistry

from bedplate.clouds.azure.identity import AzureIdentities
from bedplate.clouds.azure.network import AzureNetwork, AzurePrivateEndpoint, AzurePrivateEndpointArgs
from bedplate.clouds.azure.policies import Permission, assign
from bedplate.clouds.azure.spec import AzureClusterSpec

_UNTAGGED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class AzureRegistryArgs:
    """network, identities: of this cluster. registry: its name. endpoint: name of its address in the network."""

    spec: AzureClusterSpec
    network: AzureNetwork
    identities: AzureIdentities
    registry: str
    endpoint: str


class AzureRegistry(pulumi.ComponentResource):
    """The platform's registry, or a tenant's."""

    id: pulumi.Output[str]
    """Id of the registry in Azure."""

    def __init__(self, name: str, args: AzureRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureRegistry", name, {}, opts)
        spec, on, off = args.spec, containerregistry.PolicyStatus.ENABLED, containerregistry.ExportPolicyStatus.DISABLED
        registry = containerregistry.Registry(
            f"{name}-registry",
            registry_name=args.registry,
            resource_group_name=args.network.resource_group,
            location=spec.region,
            # Private endpoints and retention are of this tier alone: https://learn.microsoft.com/azure/container-registry/container-registry-skus.
            sku=containerregistry.SkuArgs(name=containerregistry.SkuName.PREMIUM),
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            public_network_access=containerregistry.PublicNetworkAccess.DISABLED,
            network_rule_bypass_options=containerregistry.NetworkRuleBypassOptions.AZURE_SERVICES,
            zone_redundancy=containerregistry.ZoneRedundancy.ENABLED,
            policies=containerregistry.PoliciesArgs(
                retention_policy=containerregistry.RetentionPolicyArgs(days=_UNTAGGED_DAYS, status=on),
                export_policy=containerregistry.ExportPolicyArgs(status=off),
            ),
            tags=spec.resource_tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        AzurePrivateEndpoint(
            f"{name}-endpoint",
            AzurePrivateEndpointArgs(
                spec=spec, network=args.network, name=args.endpoint, target_id=registry.id, service="registry"
            ),
            pulumi.ResourceOptions(parent=self),
        )
        assign(
            f"{name}-nodes",
            spec.subscription_id,
            args.identities.nodes.principal_id,
            Permission(role="AcrPull", scope=registry.id),
            pulumi.ResourceOptions(parent=self),
        )
        self.id = registry.id
        self.register_outputs({"id": self.id})
