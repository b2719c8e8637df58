"""The control plane of GKE, and who administers it.

Owns the cluster and the administrators' role. It deliberately takes no minor version by itself: the REGULAR channel
patches, an exclusion until the end of support keeps the minor that the stack says
(https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions). Binary Authorization
stays off: its policy is the project's, and images are approved by the platform's guardrails. Managed Prometheus and
the logs of workloads stay off too: both would be paid for twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pulumi
from pulumi_gcp import container, projects

from bedplate.clouds.gcp.identity import GcpIdentities
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.network import POD_RANGE, SERVICE_RANGE, GcpNetwork
from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.clouds.managed import PODS_OF_A_NODE, MaintenanceSpec

LOGGED = ("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")
MEASURED = ("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER", "STORAGE")
NODE_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""What nodes may do is said by roles alone: https://cloud.google.com/kubernetes-engine/docs/how-to/access-scopes."""
_ADMINISTRATOR = "roles/container.admin"
"""Every object of the cluster; Kubernetes' own roles could not let in the first administrator."""
_EXCLUSION_START = "2026-01-01T00:00:00Z"
_FIRST_MONDAY = datetime(2026, 1, 5)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, kw_only=True)
class GcpControlPlaneArgs:
    """network, keys, identities: of this cluster."""

    spec: GcpClusterSpec
    network: GcpNetwork
    keys: GcpKeys
    identities: GcpIdentities


class GcpControlPlane(pulumi.ComponentResource):
    """The GKE cluster, ready for nodes."""

    cluster: container.Cluster
    """The cluster itself, for what the platform does not cover."""
    administrators: list[projects.IAMMember]
    """Without them nobody reaches the API."""

    def __init__(self, name: str, args: GcpControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpControlPlane", name, {}, opts)
        spec = args.spec
        self.cluster = self._cluster(f"{name}-gke", args)
        self.administrators = [
            projects.IAMMember(
                f"{name}-admin-{admin.rpartition('/')[2]}",
                project=spec.project_id,
                role=_ADMINISTRATOR,
                member=admin,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for admin in spec.access.admins
        ]
        self.register_outputs({})

    def _cluster(self, name: str, args: GcpControlPlaneArgs) -> container.Cluster:
        spec = args.spec
        return container.Cluster(
            name,
            name=spec.name,
            location=spec.region,
            node_locations=list(spec.availability_zones),
            min_master_version=spec.kubernetes_version,
            release_channel=container.ClusterReleaseChannelArgs(channel="REGULAR"),
            maintenance_policy=_maintenance(spec.maintenance),
            network=args.network.network_id,
            subnetwork=args.network.subnet_id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy=container.ClusterIpAllocationPolicyArgs(
                cluster_secondary_range_name=POD_RANGE, services_secondary_range_name=SERVICE_RANGE
            ),
            default_max_pods_per_node=PODS_OF_A_NODE,
            datapath_provider="ADVANCED_DATAPATH",
            enable_intranode_visibility=True,
            enable_l4_ilb_subsetting=True,
            private_cluster_config=container.ClusterPrivateClusterConfigArgs(
                enable_private_nodes=True, enable_private_endpoint=spec.access.endpoint == "private"
            ),
            master_authorized_networks_config=_authorized(spec),
            control_plane_endpoints_config=_endpoints(),
            master_auth=_no_certificate(),
            enable_legacy_abac=False,
            anonymous_authentication_config=container.ClusterAnonymousAuthenticationConfigArgs(mode="LIMITED"),
            rbac_binding_config=_no_bindings_for_everybody(),
            authenticator_groups_config=_groups(spec),
            workload_identity_config=container.ClusterWorkloadIdentityConfigArgs(workload_pool=spec.workload_pool),
            database_encryption=container.ClusterDatabaseEncryptionArgs(
                state="ENCRYPTED", key_name=args.keys.secrets_id
            ),
            enable_shielded_nodes=True,
            binary_authorization=container.ClusterBinaryAuthorizationArgs(evaluation_mode="DISABLED"),
            security_posture_config=_posture(),
            logging_config=container.ClusterLoggingConfigArgs(enable_components=list(LOGGED)),
            monitoring_config=_monitoring(),
            cost_management_config=container.ClusterCostManagementConfigArgs(enabled=True),
            addons_config=_addons(),
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=_passing_nodes(args),
            deletion_protection=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                depends_on=[*args.keys.usable, args.identities.nodes],
                # Both are of the default pool, which is gone as soon as the cluster is there.
                ignore_changes=["nodeConfig", "initialNodeCount"],
            ),
        )


def _no_bindings_for_everybody() -> container.ClusterRbacBindingConfigArgs:
    """Neither for the unknown, nor for whoever has any account of Google."""
    return container.ClusterRbacBindingConfigArgs(
        enable_insecure_binding_system_authenticated=False, enable_insecure_binding_system_unauthenticated=False
    )


def _groups(spec: GcpClusterSpec) -> container.ClusterAuthenticatorGroupsConfigArgs | None:
    group = spec.access.security_group
    return container.ClusterAuthenticatorGroupsConfigArgs(security_group=group) if group else None


def _monitoring() -> container.ClusterMonitoringConfigArgs:
    return container.ClusterMonitoringConfigArgs(
        enable_components=list(MEASURED),
        managed_prometheus=container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=False),
    )


def _authorized(spec: GcpClusterSpec) -> container.ClusterMasterAuthorizedNetworksConfigArgs:
    """Nodes reach the endpoint anyway; the rest of the network, and what is joined to it, is let in by name."""
    networks = [spec.network.cidr, *spec.network.connected_networks, *spec.access.allowed_networks]
    return container.ClusterMasterAuthorizedNetworksConfigArgs(
        cidr_blocks=[
            container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=network) for network in networks
        ],
        gcp_public_cidrs_access_enabled=False,
        private_endpoint_enforcement_enabled=True,
    )


def _endpoints() -> container.ClusterControlPlaneEndpointsConfigArgs:
    """The endpoint by name is reachable from everywhere where it is on; who is let in would be IAM's alone."""
    return container.ClusterControlPlaneEndpointsConfigArgs(
        dns_endpoint_config=container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs(
            allow_external_traffic=False
        )
    )


def _no_certificate() -> container.ClusterMasterAuthArgs:
    return container.ClusterMasterAuthArgs(
        client_certificate_config=container.ClusterMasterAuthClientCertificateConfigArgs(issue_client_certificate=False)
    )


def _posture() -> container.ClusterSecurityPostureConfigArgs:
    return container.ClusterSecurityPostureConfigArgs(mode="BASIC", vulnerability_mode="VULNERABILITY_DISABLED")


def _addons() -> container.ClusterAddonsConfigArgs:
    return container.ClusterAddonsConfigArgs(
        gce_persistent_disk_csi_driver_config=container.ClusterAddonsConfigGcePersistentDiskCsiDriverConfigArgs(
            enabled=True
        ),
        gcp_filestore_csi_driver_config=container.ClusterAddonsConfigGcpFilestoreCsiDriverConfigArgs(enabled=True),
        gcs_fuse_csi_driver_config=container.ClusterAddonsConfigGcsFuseCsiDriverConfigArgs(enabled=True),
        http_load_balancing=container.ClusterAddonsConfigHttpLoadBalancingArgs(disabled=False),
        horizontal_pod_autoscaling=container.ClusterAddonsConfigHorizontalPodAutoscalingArgs(disabled=False),
    )


def _passing_nodes(args: GcpControlPlaneArgs) -> container.ClusterNodeConfigArgs:
    """GKE makes a cluster with nodes, which live for minutes; they too are nobody's default."""
    return container.ClusterNodeConfigArgs(
        service_account=args.identities.nodes.email,
        oauth_scopes=list(NODE_SCOPES),
        boot_disk_kms_key=args.keys.data_id,
        shielded_instance_config=container.ClusterNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
    )


def _maintenance(maintenance: MaintenanceSpec | None) -> container.ClusterMaintenancePolicyArgs:
    """When GKE patches; minors are the stack's. A start is a date in the past, from which the window recurs."""
    start, hours, recurrence = _FIRST_MONDAY, 24, "FREQ=DAILY"
    if maintenance:
        day = _DAYS.index(maintenance.day)
        start = _FIRST_MONDAY + timedelta(days=day, hours=maintenance.start_hour)
        hours, recurrence = maintenance.hours, f"FREQ=WEEKLY;BYDAY={maintenance.day[:2].upper()}"
    return container.ClusterMaintenancePolicyArgs(
        recurring_window=container.ClusterMaintenancePolicyRecurringWindowArgs(
            start_time=f"{start.isoformat()}Z",
            end_time=f"{(start + timedelta(hours=hours)).isoformat()}Z",
            recurrence=recurrence,
        ),
        maintenance_exclusions=_no_minors(),
    )


def _no_minors() -> Sequence[container.ClusterMaintenancePolicyMaintenanceExclusionArgs]:
    options = container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs(
        scope="NO_MINOR_UPGRADES", end_time_behavior="UNTIL_END_OF_SUPPORT"
    )
    return [
        container.ClusterMaintenancePolicyMaintenanceExclusionArgs(
            exclusion_name="minors-by-the-stack", start_time=_EXCLUSION_START, exclusion_options=options
        )
    ]
