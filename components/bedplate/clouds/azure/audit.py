"""Who did what: the cluster's audit log, Azure's own, and that of the keys, in one bucket for `auditDays`.

Owns the bucket, the diagnostic settings, and a workspace that keeps the control plane's logs at hand. Blobs can be
added to, not changed or deleted before their time. The policies that hold this are deliberately not locked: a locked
one can never be shortened, and its account not be deleted for as long
(https://learn.microsoft.com/azure/storage/blobs/immutable-time-based-retention-policy-overview); unlocking shows in the
activity log. Flow logs of the network are deliberately not here: they belong to the Network Watcher that Azure makes
for the whole subscription (https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import monitor, operationalinsights
from pulumi_azure_native import storage as accounts

from bedplate.clouds.azure.buckets import AzureAccount, AzureAccountArgs, lifecycle
from bedplate.clouds.azure.cluster import AzureControlPlane
from bedplate.clouds.azure.keys import AzureKeys
from bedplate.clouds.azure.network import AzureNetwork
from bedplate.clouds.azure.spec import AzureClusterSpec

CLUSTER_AUDIT = ("kube-audit", "guard")
"""All requests, and who Entra let in: https://learn.microsoft.com/azure/aks/monitor-aks-reference#resource-logs."""
AT_HAND = (
    "kube-apiserver",
    "kube-audit-admin",
    "kube-controller-manager",
    "kube-scheduler",
    "cluster-autoscaler",
    "cloud-controller-manager",
    "guard",
)
ACTIVITY = (
    "Administrative",
    "Security",
    "Policy",
    "Alert",
    "Autoscale",
    "Recommendation",
    "ResourceHealth",
    "ServiceHealth",
)
"""https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#categories"""
VAULT_AUDIT = ("AuditEvent",)
CONTAINERS = (
    *(f"insights-logs-{category.lower()}" for category in (*CLUSTER_AUDIT, *VAULT_AUDIT)),
    "insights-activity-logs",
)
"""Azure's names: https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs#send-to-azure-storage."""
_LOG_DAYS = 90
"""Kept at hand; the audit log goes on in the audit bucket."""


@dataclass(frozen=True, kw_only=True)
class AzureAuditArgs:
    """network, keys, control_plane: of this cluster."""

    spec: AzureClusterSpec
    network: AzureNetwork
    keys: AzureKeys
    control_plane: AzureControlPlane


class AzureAudit(pulumi.ComponentResource):
    """Audit logs."""

    def __init__(self, name: str, args: AzureAuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureAudit", name, {}, opts)
        self._args, self._child = args, pulumi.ResourceOptions(parent=self)
        account = AzureAccount(
            f"{name}-logs",
            AzureAccountArgs(
                spec=args.spec,
                keys=args.keys,
                resource_group=args.network.resource_group,
                purpose="audit",
                containers=CONTAINERS,
                # A blob that is only added to has no versions.
                has_versions=False,
                rules=[lifecycle(keep_days=args.spec.audit_days)],
                reached_by_azure=True,
            ),
            self._child,
        )
        kept = [
            self._immutable(f"{name}-{purpose}-kept", account, container)
            for purpose, container in zip(CONTAINERS, account.containers, strict=True)
        ]
        workspace = self._workspace(f"{name}-at-hand")
        cluster = args.control_plane.cluster.id
        self._setting(f"{name}-cluster", "audit", cluster, CLUSTER_AUDIT, account=account, after=kept)
        self._setting(f"{name}-cluster-at-hand", "at-hand", cluster, AT_HAND, workspace=workspace)
        for purpose, vault in (("secrets", args.keys.secrets_vault), ("data", args.keys.data_vault)):
            self._setting(f"{name}-{purpose}-key", "audit", vault.id, VAULT_AUDIT, account=account, after=kept)
        monitor.SubscriptionDiagnosticSetting(
            f"{name}-activity",
            name=f"{args.spec.name}-audit",
            storage_account_id=account.id,
            logs=[monitor.SubscriptionLogSettingsArgs(category=category, enabled=True) for category in ACTIVITY],
            opts=pulumi.ResourceOptions(parent=self, depends_on=kept),
        )
        self.register_outputs({})

    def _immutable(
        self, name: str, account: AzureAccount, container: accounts.BlobContainer
    ) -> accounts.BlobContainerImmutabilityPolicy:
        """Azure appends to its logs every few minutes, which is all that stays allowed."""
        return accounts.BlobContainerImmutabilityPolicy(
            name,
            immutability_policy_name="default",
            account_name=account.account_name,
            container_name=container.name,
            resource_group_name=self._args.network.resource_group,
            immutability_period_since_creation_in_days=self._args.spec.audit_days,
            allow_protected_append_writes=True,
            opts=self._child,
        )

    def _workspace(self, name: str) -> operationalinsights.Workspace:
        spec = self._args.spec
        return operationalinsights.Workspace(
            name,
            workspace_name=spec.name,
            resource_group_name=self._args.network.resource_group,
            location=spec.region,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=_LOG_DAYS,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            tags=spec.resource_tags,
            opts=self._child,
        )

    def _setting(
        self,
        name: str,
        setting: str,
        resource_id: pulumi.Input[str],
        categories: Sequence[str],
        *,
        account: AzureAccount | None = None,
        workspace: operationalinsights.Workspace | None = None,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Where the logs of one resource go. setting: its name in Azure."""
        monitor.DiagnosticSetting(
            name,
            name=setting,
            resource_uri=resource_id,
            storage_account_id=account.id if account else None,
            workspace_id=workspace.id if workspace else None,
            log_analytics_destination_type="Dedicated" if workspace else None,
            logs=[monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in categories],
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )
