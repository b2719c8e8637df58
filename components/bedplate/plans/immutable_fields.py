"""Fields that cannot change in place, by resource type.

Kubernetes: what the API server refuses to update and what the provider replaces for
(https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go). Clouds: the types that the
platform protects, so that a preview without the cloud knows what would be lost. Where a provider replaces for some
changes of a field only, the field is here: a change too many that is refused can be allowed by name.

- AWS: `ForceNew`, `RequiresReplace` and `CustomizeDiff` in
  https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service, and `region` of all that have one.
- Google Cloud: `ForceNew` and `CustomizeDiff` in
  https://github.com/hashicorp/terraform-provider-google/tree/main/google/services.
- Azure: what stands in a resource's URL, `forceNewMap` in
  https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go, and what Azure's own
  specifications let one say at creation alone, of which `location` is the one that matters here.
"""

from collections.abc import Mapping

from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, RELEASE_TYPE

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
    "aws:ec2/eip:Eip": ("address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool", "region"),
    "aws:ec2/subnet:Subnet": (
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
        "ipv6IpamPoolId",
        "ipv6Native",
        "ipv6NetmaskLength",
        "outpostArn",
        "region",
        "vpcId",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength", "region"),
    "aws:ecr/repository:Repository": ("encryptionConfigurations", "name", "region"),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName",
        "creationToken",
        "encrypted",
        "kmsKeyId",
        "performanceMode",
        "region",
    ),
    "aws:eks/cluster:Cluster": (
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "computeConfig.nodeRoleArn",
        # Replaced where it is taken away. Another key the provider takes and never sets: EKS has no way to
        # (https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html).
        "encryptionConfig",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "name",
        "outpostConfig.controlPlaneInstanceType",
        "outpostConfig.controlPlanePlacement",
        "region",
        "remoteNetworkConfig",
        "roleArn",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/role:Role": ("name", "namePrefix", "path"),
    "aws:kms/alias:Alias": ("name", "namePrefix", "region"),
    "aws:kms/key:Key": (
        "customKeyStoreId",
        "customerMasterKeySpec",
        "keyUsage",
        "multiRegion",
        "region",
        "xksKeyId",
    ),
    "aws:route53/zone:Zone": ("delegationSetId", "name"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketNamespace", "bucketPrefix", "objectLockEnabled", "region"),
    # Resources take the provider's region where they name none, and go with it: `forceNewIfRegionChanges` in
    # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/provider/sdkv2/region.go. In another
    # account nothing is found of what was made.
    "pulumi:providers:aws": ("allowedAccountIds", "region"),
}

_GCP: dict[str, tuple[str, ...]] = {
    "gcp:artifactregistry/repository:Repository": (
        "format",
        "kmsKeyName",
        "location",
        "mavenConfig.allowSnapshotOverwrites",
        "mavenConfig.versionPolicy",
        "mode",
        "project",
        "remoteRepositoryConfig",
        "repositoryId",
    ),
    "gcp:compute/address:Address": (
        "address",
        "addressType",
        "description",
        "ipCollection",
        "ipVersion",
        "ipv6EndpointType",
        "name",
        "network",
        "networkTier",
        "prefixLength",
        "project",
        "purpose",
        "region",
        "subnetwork",
    ),
    "gcp:compute/network:Network": (
        "autoCreateSubnetworks",
        "description",
        "internalIpv6Range",
        "name",
        "networkProfile",
        "params",
        "project",
    ),
    "gcp:compute/subnetwork:Subnetwork": (
        "description",
        "externalIpv6Prefix",
        "internalIpv6Prefix",
        # One that holds the former is widened in place; whoever does that names the subnet as allowed.
        "ipCidrRange",
        "name",
        "network",
        "params",
        "project",
        "region",
        "reservedInternalRange",
        "resolveSubnetMask",
        # The cluster's pods have their addresses in them: https://cloud.google.com/kubernetes-engine/docs/how-to/alias-ips.
        "secondaryIpRanges",
    ),
    # Without those of the default pool (nodeConfig, nodePools, initialNodeCount), which is gone when the cluster is
    # there, and whose fields the platform tells Pulumi to ignore.
    "gcp:container/cluster:Cluster": (
        "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey",
        "clusterIpv4Cidr",
        "confidentialNodes",
        "datapathProvider",
        "defaultMaxPodsPerNode",
        "description",
        "enableAutopilot",
        "enableKubernetesAlpha",
        # Cannot be switched off again.
        "enableL4IlbSubsetting",
        "enableTpu",
        "ipAllocationPolicy.clusterIpv4CidrBlock",
        "ipAllocationPolicy.clusterSecondaryRangeName",
        "ipAllocationPolicy.podCidrOverprovisionConfig",
        "ipAllocationPolicy.servicesIpv4CidrBlock",
        "ipAllocationPolicy.servicesSecondaryRangeName",
        "location",
        "masterAuth.clientCertificateConfig",
        "name",
        "network",
        "networkingMode",
        "privateClusterConfig.masterIpv4CidrBlock",
        "privateClusterConfig.privateEndpointSubnetwork",
        "project",
        "subnetwork",
        "userManagedKeysConfig.aggregationCa",
        "userManagedKeysConfig.clusterCa",
        "userManagedKeysConfig.etcdApiCa",
        "userManagedKeysConfig.etcdPeerCa",
    ),
    "gcp:dns/managedZone:ManagedZone": ("dnsName", "name", "project", "visibility"),
    "gcp:kms/cryptoKey:CryptoKey": (
        "cryptoKeyBackend",
        "destroyScheduledDuration",
        "importOnly",
        "keyRing",
        "name",
        "purpose",
        "versionTemplate.protectionLevel",
    ),
    "gcp:kms/keyRing:KeyRing": ("location", "name", "project"),
    "gcp:serviceaccount/account:Account": ("accountId", "project"),
    "gcp:storage/bucket:Bucket": (
        "customPlacementConfig.dataLocations",
        "enableObjectRetention",
        "hierarchicalNamespace",
        "location",
        "name",
        "project",
    ),
    # Resources take the provider's project where they name none, and go with it: `DefaultProviderProject` in
    # https://github.com/hashicorp/terraform-provider-google/blob/main/google/tpgresource/utils.go. All of ours that
    # have a region or location name it.
    "pulumi:providers:gcp": ("project",),
}

_AZURE: dict[str, tuple[str, ...]] = {
    "azure-native:compute:DiskEncryptionSet": ("diskEncryptionSetName", "location", "resourceGroupName"),
    "azure-native:containerregistry:Registry": ("location", "registryName", "resourceGroupName"),
    "azure-native:containerservice:ManagedCluster": (
        "diskEncryptionSetID",
        "dnsPrefix",
        "fqdnSubdomain",
        "linuxProfile",
        "location",
        "networkProfile.dnsServiceIP",
        "networkProfile.networkDataplane",
        "networkProfile.networkMode",
        "networkProfile.networkPlugin",
        "networkProfile.networkPluginMode",
        "networkProfile.networkPolicy",
        "networkProfile.outboundType",
        "networkProfile.podCidr",
        "networkProfile.serviceCidr",
        "networkProfile.serviceCidrs",
        "nodeResourceGroup",
        "resourceGroupName",
        "resourceName",
        "windowsProfile",
    ),
    "azure-native:dns:Zone": ("location", "resourceGroupName", "zoneName"),
    "azure-native:keyvault:Key": ("keyName", "resourceGroupName", "vaultName"),
    "azure-native:keyvault:Vault": ("location", "resourceGroupName", "vaultName"),
    "azure-native:managedidentity:UserAssignedIdentity": ("location", "resourceGroupName", "resourceName"),
    "azure-native:network:PublicIPAddress": (
        "location",
        "publicIPAddressVersion",
        "publicIPPrefix",
        "publicIpAddressName",
        "resourceGroupName",
        "sku",
    ),
    "azure-native:network:Subnet": (
        # The provider would try; Azure refuses while nodes are in it:
        # https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-subnet#change-subnet-settings.
        "addressPrefix",
        "resourceGroupName",
        "subnetName",
        "virtualNetworkName",
    ),
    "azure-native:network:VirtualNetwork": ("location", "resourceGroupName", "virtualNetworkName"),
    "azure-native:resources:ResourceGroup": ("location", "resourceGroupName"),
    "azure-native:storage:BlobContainer": ("accountName", "containerName", "resourceGroupName"),
    "azure-native:storage:StorageAccount": ("accountName", "isHnsEnabled", "location", "resourceGroupName"),
    # The provider's own DiffConfig replaces nothing, and what exists is changed where it is, in the former
    # subscription, while what refers to it by its new id is made in the other: two halves of a platform.
    # https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider.go
    "pulumi:providers:azure-native": ("subscriptionId",),
}

IMMUTABLE_FIELDS: Mapping[str, tuple[str, ...]] = {**_KUBERNETES, **_AWS, **_GCP, **_AZURE}

OF_TENANTS_TOO = frozenset({"aws:iam/role:Role", "azure-native:managedidentity:UserAssignedIdentity"})
"""Types that tenants' workloads have as well, which go with their tenant. Google's IAM knows ServiceAccounts by name:
its workloads have no identity of their own."""
