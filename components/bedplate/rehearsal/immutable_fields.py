"""Fields that cannot change in place, by resource type.

Kubernetes: what the API server refuses to update and what the provider replaces for
(https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go). Clouds: the types that the
platform protects, so that a preview without the cloud knows what would be lost. AWS: fields with `ForceNew` or
`RequiresReplace` in https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service.
"""

from collections.abc import Mapping

from bedplate.rehearsal.resources import KUBERNETES_PROVIDER_TYPE, RELEASE_TYPE

EVERY_OBJECT = ("metadata.name", "metadata.namespace")
"""Of every object of Kubernetes."""

_KUBERNETES: dict[str, tuple[str, ...]] = {
    "kubernetes:apps/v1:DaemonSet": ("spec.selector",),
    "kubernetes:apps/v1:Deployment": ("spec.selector",),
    "kubernetes:apps/v1:StatefulSet": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:batch/v1:Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "kubernetes:core/v1:ResourceQuota": ("spec.scopes",),
    "kubernetes:core/v1:Secret": ("type",),
    "kubernetes:core/v1:Service": ("spec.clusterIP",),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ("roleRef",),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("roleRef",),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("preemptionPolicy", "value"),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    KUBERNETES_PROVIDER_TYPE: ("clusterIdentifier",),
    # https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/helm_release.go (forceNewFields)
    RELEASE_TYPE: ("name", "namespace"),
}

_AWS: dict[str, tuple[str, ...]] = {
    "aws:ec2/eip:Eip": ("domain", "networkBorderGroup", "publicIpv4Pool"),
    "aws:ec2/subnet:Subnet": ("availabilityZone", "availabilityZoneId", "cidrBlock", "vpcId"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId"),
    "aws:ecr/repository:Repository": ("encryptionConfigurations", "name"),
    "aws:efs/fileSystem:FileSystem": ("creationToken", "encrypted", "kmsKeyId", "performanceMode"),
    "aws:eks/cluster:Cluster": (
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "encryptionConfig",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "name",
        "roleArn",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/role:Role": ("name", "namePrefix", "path"),
    "aws:kms/alias:Alias": ("name", "namePrefix"),
    "aws:kms/key:Key": ("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion"),
    "aws:route53/zone:Zone": ("delegationSetId", "name"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketNamespace", "bucketPrefix", "objectLockEnabled"),
    "pulumi:providers:aws": ("allowedAccountIds", "region"),
}
"""A provider of another region or account makes all that it has made anew."""

IMMUTABLE_FIELDS: Mapping[str, tuple[str, ...]] = {**_KUBERNETES, **_AWS}

OF_TENANTS_TOO = frozenset({"aws:iam/role:Role"})
"""Types that tenants' workloads have as well, which go with their tenant."""
