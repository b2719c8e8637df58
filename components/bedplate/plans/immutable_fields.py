"""Fields that cannot change in place, by resource type.

Kubernetes: what the API server refuses to update and what the provider replaces for
(https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go). Clouds: the types that the
platform protects, so that a preview without the cloud knows what would be lost; they stand with the cloud's other
behaviour in `engine/<cloud>.py`. Where a provider replaces for some changes of a field only, the field is there: a
change too many that is refused can be allowed by name.
"""

from collections.abc import Mapping

from bedplate.engine.aws import AWS_IMMUTABLE_FIELDS
from bedplate.engine.azure import AZURE_IMMUTABLE_FIELDS
from bedplate.engine.gcp import GCP_IMMUTABLE_FIELDS
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
    # Apart from whether it waits, nothing of a JobSet changes.
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": ("spec",),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ("roleRef",),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("roleRef",),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("preemptionPolicy", "value"),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    KUBERNETES_PROVIDER_TYPE: ("clusterIdentifier",),
    # https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/helm_release.go (forceNewFields)
    RELEASE_TYPE: ("name", "namespace"),
}

IMMUTABLE_FIELDS: Mapping[str, tuple[str, ...]] = {
    **_KUBERNETES,
    **AWS_IMMUTABLE_FIELDS,
    **GCP_IMMUTABLE_FIELDS,
    **AZURE_IMMUTABLE_FIELDS,
}

OF_TENANTS_TOO = frozenset({"aws:iam/role:Role", "azure-native:managedidentity:UserAssignedIdentity"})
"""Types that tenants' workloads have as well, which go with their tenant. Google's IAM knows ServiceAccounts by name:
its workloads have no identity of their own."""
