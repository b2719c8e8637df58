"""The control plane of EKS, who administers it, and its add-ons.

Owns the log group (first, or EKS makes one that keeps everything for ever), the cluster, access entries and add-ons,
who signs people in beside IAM, and IAM's record of who signs the cluster's tokens.
It deliberately grants the creator nothing by stealth: administrators are those that the stack file names.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, eks, iam
from pulumi_aws.eks.outputs import ClusterIdentity

from bedplate.clouds.aws.addon_versions import VERSIONS
from bedplate.clouds.aws.identity import AwsIdentities, TokenIssuer
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.network import AwsNetwork
from bedplate.clouds.aws.policies import AUDIENCE
from bedplate.clouds.aws.spec import PEOPLE_PREFIX, AwsClusterSpec, IdentityProviderSpec

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_LOG_DAYS = 90
"""Kept at hand; the audit log goes on to the audit bucket."""


@dataclass(frozen=True, kw_only=True)
class AwsControlPlaneArgs:
    """network, keys, identities: of this cluster."""

    spec: AwsClusterSpec
    network: AwsNetwork
    keys: AwsKeys
    identities: AwsIdentities


class AwsControlPlane(pulumi.ComponentResource):
    """The EKS cluster, ready for nodes."""

    cluster: eks.Cluster
    """The cluster itself, for what the platform does not cover."""
    log_group: cloudwatch.LogGroup
    """The control plane's logs."""
    issuer: TokenIssuer
    """Who signs the cluster's tokens."""
    addons: list[eks.Addon]
    """Add-ons that nodes need when they join."""
    administrators: list[eks.AccessPolicyAssociation]
    """Without them nobody reaches the API."""

    def __init__(self, name: str, args: AwsControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsControlPlane", name, {}, opts)
        spec = args.spec
        self.log_group = cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{spec.name}/cluster",
            retention_in_days=_LOG_DAYS,
            kms_key_id=args.keys.data_arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cluster = self._cluster(f"{name}-eks", args)
        self.issuer = self._issuer(f"{name}-issuer")
        self.administrators = [
            self._administrator(f"{name}-admin-{arn.rpartition('/')[2]}", arn) for arn in spec.access.admins
        ]
        if spec.access.identity_provider:
            self._identity_provider(f"{name}-identity-provider", spec, spec.access.identity_provider)
        add = AddonsOf(self, spec, self.cluster.name)
        self.addons = [
            add(f"{name}-pod-identity", "eks-pod-identity-agent"),
            add(
                f"{name}-network",
                "vpc-cni",
                settings={"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}},
                identity=("aws-node", args.identities.network.arn),
            ),
            add(f"{name}-proxy", "kube-proxy"),
        ]
        self.register_outputs({})

    def _cluster(self, name: str, args: AwsControlPlaneArgs) -> eks.Cluster:
        spec, access = args.spec, args.spec.access
        return eks.Cluster(
            name,
            name=spec.name,
            version=spec.kubernetes_version,
            role_arn=args.identities.cluster.arn,
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=args.network.private_subnet_ids,
                endpoint_private_access=True,
                endpoint_public_access=access.endpoint == "public",
                public_access_cidrs=list(access.allowed_networks) or None,
            ),
            kubernetes_network_config=eks.ClusterKubernetesNetworkConfigArgs(
                service_ipv4_cidr=spec.network.service_cidr
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=args.keys.secrets_arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=list(LOG_TYPES),
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            bootstrap_self_managed_addons=False,
            deletion_protection=True,
            opts=pulumi.ResourceOptions(
                parent=self, protect=True, depends_on=[self.log_group, args.identities.cluster]
            ),
        )

    def _issuer(self, name: str) -> TokenIssuer:
        url = self.cluster.identities.apply(_issuer_url)
        provider = iam.OpenIdConnectProvider(
            name, url=url, client_id_lists=[AUDIENCE], opts=pulumi.ResourceOptions(parent=self, protect=True)
        )
        return TokenIssuer(arn=provider.arn, url=url)

    def _identity_provider(self, name: str, spec: AwsClusterSpec, provider: IdentityProviderSpec) -> None:
        """Every change is another one, which EKS takes only when the first is gone.

        https://docs.aws.amazon.com/eks/latest/userguide/authenticate-oidc-identity-provider.html
        """
        eks.IdentityProviderConfig(
            name,
            cluster_name=self.cluster.name,
            oidc=eks.IdentityProviderConfigOidcArgs(
                identity_provider_config_name=spec.name,
                issuer_url=provider.issuer_url,
                client_id=provider.client_id,
                username_claim=provider.username_claim,
                username_prefix=PEOPLE_PREFIX,
                groups_claim=provider.groups_claim,
                groups_prefix=PEOPLE_PREFIX,
            ),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _administrator(self, name: str, arn: str) -> eks.AccessPolicyAssociation:
        child = pulumi.ResourceOptions(parent=self)
        entry = eks.AccessEntry(name, cluster_name=self.cluster.name, principal_arn=arn, opts=child)
        return eks.AccessPolicyAssociation(
            f"{name}-policy",
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=_ADMINISTRATOR,
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=child,
        )


def _issuer_url(identities: Sequence[ClusterIdentity]) -> str:
    oidcs = identities[0].oidcs or []
    return oidcs[0].issuer or ""


@dataclass(frozen=True)
class AddonsOf:
    """Add-ons of one cluster, as children of one component, in the versions that belong to the cluster's."""

    parent: pulumi.Resource
    spec: AwsClusterSpec
    cluster_name: pulumi.Output[str]
    after: Sequence[pulumi.Resource] = ()

    def __call__(
        self,
        name: str,
        addon: str,
        *,
        settings: dict[str, object] | None = None,
        identity: tuple[str, pulumi.Output[str]] | None = None,
    ) -> eks.Addon:
        """One add-on. identity: its ServiceAccount and the role it takes."""
        associations = [
            eks.AddonPodIdentityAssociationArgs(service_account=account, role_arn=arn)
            for account, arn in ([identity] if identity else [])
        ]
        return eks.Addon(
            name,
            cluster_name=self.cluster_name,
            addon_name=addon,
            addon_version=VERSIONS[self.spec.kubernetes_version][addon],
            configuration_values=json.dumps(settings, sort_keys=True) if settings else None,
            pod_identity_associations=associations,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=pulumi.ResourceOptions(parent=self.parent, depends_on=self.after),
        )


@dataclass(frozen=True, kw_only=True)
class AwsAddonsArgs:
    """after: the nodes, without which these add-ons never become ready."""

    spec: AwsClusterSpec
    cluster_name: pulumi.Output[str]
    identities: AwsIdentities
    after: Sequence[pulumi.Resource]


class AwsAddons(pulumi.ComponentResource):
    """Add-ons that run on nodes: names, disks, what pods use."""

    def __init__(self, name: str, args: AwsAddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsAddons", name, {}, opts)
        add = AddonsOf(self, args.spec, args.cluster_name, args.after)
        add(f"{name}-names", "coredns")
        add(f"{name}-disks", "aws-ebs-csi-driver", identity=("ebs-csi-controller-sa", args.identities.disks.arn))
        # Other clouds bring it: https://docs.aws.amazon.com/eks/latest/userguide/metrics-server.html.
        add(f"{name}-metrics", "metrics-server")
        self.register_outputs({})
