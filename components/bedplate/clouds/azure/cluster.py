"""The control plane of AKS, who administers it, and when Azure may change it.

Owns the cluster with its first pool, which AKS wants at birth, the maintenance windows, and the way to reach the API.
It deliberately has no local account, so that every access is a person's or an identity's of Entra; authorisation is
Kubernetes' own as on every cloud, not Azure's. Decided against: a management lock, which pools and identities would
inherit, so that Pulumi could remove none of them; `protect` keeps the cluster
(https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources). And Defender for Containers, which
is billed by the core and is the subscription owner's to turn on
(https://learn.microsoft.com/azure/defender-for-cloud/defender-for-containers-introduction).
"""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import containerservice as aks

from bedplate.clouds.azure.identity import AzureIdentities
from bedplate.clouds.azure.keys import AzureKeys
from bedplate.clouds.azure.network import AzureNetwork
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.managed import MaintenanceSpec

_IMAGE_CLEANER_HOURS = 168
SCHEDULES = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")
"""https://learn.microsoft.com/azure/aks/planned-maintenance"""


@dataclass(frozen=True, kw_only=True)
class AzureControlPlaneArgs:
    """network, keys, identities: of this cluster. system_pool: settings of the first pool, by their Python names."""

    spec: AzureClusterSpec
    network: AzureNetwork
    keys: AzureKeys
    identities: AzureIdentities
    system_pool: dict[str, Any]


class AzureControlPlane(pulumi.ComponentResource):
    """The AKS cluster with its first pool."""

    cluster: aks.ManagedCluster
    """The cluster itself, for what the platform does not cover."""
    issuer: pulumi.Output[str]
    """Issuer of the tokens of ServiceAccounts."""
    windows: list[aks.MaintenanceConfiguration]
    """When Azure may change what runs."""

    def __init__(self, name: str, args: AzureControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureControlPlane", name, {}, opts)
        spec = args.spec
        self.cluster = self._cluster(f"{name}-aks", args)
        self.issuer = self.cluster.oidc_issuer_profile.apply(_issuer)
        maintenance = spec.maintenance
        self.windows = (
            [self._window(f"{name}-{schedule}", schedule, maintenance, args) for schedule in SCHEDULES]
            if maintenance
            else []
        )
        self.register_outputs({"issuer": self.issuer})

    def _cluster(self, name: str, args: AzureControlPlaneArgs) -> aks.ManagedCluster:
        spec, identities, group = args.spec, args.identities, args.network.resource_group
        return aks.ManagedCluster(
            name,
            resource_name_=spec.name,
            resource_group_name=group,
            location=spec.region,
            dns_prefix=spec.name,
            # The minor alone: AKS takes its newest patch, https://learn.microsoft.com/azure/aks/supported-kubernetes-versions#alias-minor-version.
            kubernetes_version=spec.kubernetes_version,
            sku=aks.ManagedClusterSKUArgs(name=aks.ManagedClusterSKUName.BASE, tier=aks.ManagedClusterSKUTier.STANDARD),
            support_plan=aks.KubernetesSupportPlan.KUBERNETES_OFFICIAL,
            identity=aks.ManagedClusterIdentityArgs(
                type=aks.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identities.cluster.id]
            ),
            identity_profile={
                "kubeletidentity": aks.UserAssignedIdentityArgs(
                    resource_id=identities.nodes.id,
                    client_id=identities.nodes.client_id,
                    object_id=identities.nodes.principal_id,
                )
            },
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile=aks.ManagedClusterAADProfileArgs(
                managed=True,
                enable_azure_rbac=False,
                tenant_id=spec.directory_id,
                admin_group_object_ids=list(spec.access.admins),
            ),
            api_server_access_profile=_access(spec, args.network),
            network_profile=_network(spec),
            oidc_issuer_profile=aks.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
            security_profile=_security(args.keys),
            disk_encryption_set_id=args.keys.disks.id,
            auto_scaler_profile=_autoscaler(),
            auto_upgrade_profile=aks.ManagedClusterAutoUpgradeProfileArgs(
                upgrade_channel=aks.UpgradeChannel.PATCH, node_os_upgrade_channel=aks.NodeOSUpgradeChannel.NODE_IMAGE
            ),
            storage_profile=_storage(),
            node_resource_group=f"{spec.name}-nodes",
            # Machines and disks change through Kubernetes and AKS alone.
            node_resource_group_profile=aks.ManagedClusterNodeResourceGroupProfileArgs(
                restriction_level=aks.RestrictionLevel.READ_ONLY
            ),
            agent_pool_profiles=[aks.ManagedClusterAgentPoolProfileArgs(**args.system_pool)],
            tags=spec.resource_tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                # Keys, with the way into their vault.
                depends_on=[*identities.cluster.assignments, args.keys, args.network],
                ignore_changes=["agentPoolProfiles[0].count"],
            ),
        )

    def _window(
        self, name: str, schedule: str, maintenance: MaintenanceSpec, args: AzureControlPlaneArgs
    ) -> aks.MaintenanceConfiguration:
        return aks.MaintenanceConfiguration(
            name,
            config_name=schedule,
            resource_name_=self.cluster.name,
            resource_group_name=args.network.resource_group,
            maintenance_window=aks.MaintenanceWindowArgs(
                start_time=f"{maintenance.start_hour:02}:00",
                utc_offset="+00:00",
                duration_hours=maintenance.hours,
                schedule=aks.ScheduleArgs(
                    weekly=aks.WeeklyScheduleArgs(
                        day_of_week=aks.WeekDay(maintenance.day.capitalize()), interval_weeks=1
                    )
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _issuer(profile: Any) -> str:
    return str(profile.issuer_url)


def _access(spec: AzureClusterSpec, network: AzureNetwork) -> aks.ManagedClusterAPIServerAccessProfileArgs:
    """The API server is in the network in either case, where nodes and the vault of its key reach it."""
    is_private = spec.access.endpoint == "private"
    return aks.ManagedClusterAPIServerAccessProfileArgs(
        enable_private_cluster=is_private,
        enable_private_cluster_public_fqdn=False if is_private else None,
        private_dns_zone="system" if is_private else None,
        authorized_ip_ranges=list(spec.access.allowed_networks) or None,
        enable_vnet_integration=True,
        subnet_id=network.api_server_subnet_id,
        # Runs commands in the cluster as its administrator, around the private endpoint.
        disable_run_command=True,
    )


def _network(spec: AzureClusterSpec) -> aks.ContainerServiceNetworkProfileArgs:
    """https://learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium"""
    return aks.ContainerServiceNetworkProfileArgs(
        network_plugin=aks.NetworkPlugin.AZURE,
        network_plugin_mode=aks.NetworkPluginMode.OVERLAY,
        network_dataplane=aks.NetworkDataplane.CILIUM,
        network_policy=aks.NetworkPolicy.CILIUM,
        outbound_type=aks.OutboundType.USER_ASSIGNED_NAT_GATEWAY,
        load_balancer_sku=aks.LoadBalancerSku.STANDARD,
        pod_cidr=spec.network.pod_cidr,
        service_cidr=spec.network.service_cidr,
        dns_service_ip=spec.dns_service_ip,
    )


def _security(keys: AzureKeys) -> aks.ManagedClusterSecurityProfileArgs:
    return aks.ManagedClusterSecurityProfileArgs(
        azure_key_vault_kms=aks.AzureKeyVaultKmsArgs(
            enabled=True,
            key_id=keys.secrets_key.key_uri_with_version,
            key_vault_network_access=aks.KeyVaultNetworkAccessTypes.PRIVATE,
            key_vault_resource_id=keys.secrets_vault.id,
        ),
        image_cleaner=aks.ManagedClusterSecurityProfileImageCleanerArgs(
            enabled=True, interval_hours=_IMAGE_CLEANER_HOURS
        ),
        workload_identity=aks.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
    )


def _autoscaler() -> aks.ManagedClusterPropertiesAutoScalerProfileArgs:
    """Scaling down never takes a node with work that would be lost: its pods say so themselves.

    Every pod of the platform has scratch space on its node, so that alone holds no node. Otherwise a GPU node with one
    model API would never go: https://learn.microsoft.com/azure/aks/cluster-autoscaler-overview.
    """
    return aks.ManagedClusterPropertiesAutoScalerProfileArgs(
        balance_similar_node_groups="true",
        expander=aks.Expander.LEAST_WASTE,
        ignore_daemonsets_utilization=True,
        skip_nodes_with_local_storage="false",
        skip_nodes_with_system_pods="true",
        scale_down_delay_after_add="10m",
        scale_down_unneeded_time="10m",
    )


def _storage() -> aks.ManagedClusterStorageProfileArgs:
    return aks.ManagedClusterStorageProfileArgs(
        disk_csi_driver=aks.ManagedClusterStorageProfileDiskCSIDriverArgs(enabled=True),
        file_csi_driver=aks.ManagedClusterStorageProfileFileCSIDriverArgs(enabled=True),
        snapshot_controller=aks.ManagedClusterStorageProfileSnapshotControllerArgs(enabled=True),
    )
