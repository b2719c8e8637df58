"""What every cloud must keep, hide, tell and count: protection, privacy, audit, budget and tags."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from every_cloud import (
    at,
    leaves,
    managed,
    name_of,
    of_type,
    recorded,
)
from harness import arguments_of

KEPT = {
    "cluster": {
        "aws": ["aws:eks/cluster:Cluster"],
        "gcp": ["gcp:container/cluster:Cluster"],
        "azure": ["azure-native:containerservice:ManagedCluster", "azure-native:resources:ResourceGroup"],
    },
    "network": {
        "aws": ["aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/eip:Eip"],
        "gcp": ["gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork", "gcp:compute/address:Address"],
        "azure": [
            "azure-native:network:VirtualNetwork",
            "azure-native:network:Subnet",
            "azure-native:network:PublicIPAddress",
        ],
    },
    "key": {
        "aws": ["aws:kms/key:Key", "aws:kms/alias:Alias"],
        "gcp": ["gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey"],
        "azure": [
            "azure-native:keyvault:Vault",
            "azure-native:keyvault:Key",
            "azure-native:compute:DiskEncryptionSet",
        ],
    },
    "zone": {
        "aws": ["aws:route53/zone:Zone"],
        "gcp": ["gcp:dns/managedZone:ManagedZone"],
        "azure": ["azure-native:dns:Zone"],
    },
    "registry": {
        "aws": ["aws:ecr/repository:Repository"],
        "gcp": ["gcp:artifactregistry/repository:Repository"],
        "azure": ["azure-native:containerregistry:Registry"],
    },
    "storage": {
        "aws": ["aws:s3/bucket:Bucket", "aws:efs/fileSystem:FileSystem"],
        "gcp": ["gcp:storage/bucket:Bucket"],
        "azure": ["azure-native:storage:StorageAccount", "azure-native:storage:BlobContainer"],
    },
    "identity": {
        "aws": ["aws:iam/role:Role", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
        "gcp": ["gcp:serviceaccount/account:Account"],
        "azure": ["azure-native:managedidentity:UserAssignedIdentity"],
    },
}
"""What must not be lost: a role, and the types that have it on each cloud."""


class TestProtection:
    @pytest.mark.parametrize("role", KEPT)
    def test_covers_what_must_not_be_lost(self, role: str, managed_cloud: str, folder: Path) -> None:
        kept = of_type(recorded(folder, managed_cloud), *KEPT[role][managed_cloud])
        assert [resource.name for resource in kept if not resource.protect] == []

    def test_covers_nothing_that_can_be_made_again(self, managed_cloud: str, folder: Path) -> None:
        known = {kind for kinds in KEPT.values() for kind in kinds[managed_cloud]}
        assert {each.type for each in recorded(folder, managed_cloud).resources if each.protect} <= known


RETENTION = {
    "aws": [
        ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules.*.expiration.days"),
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "rules.*.noncurrentVersionExpiration.noncurrentDays",
        ),
    ],
    "gcp": [("gcp:storage/bucket:Bucket", "retentionPolicy.retentionPeriod")],
    "azure": [
        (
            "azure-native:storage:BlobContainerImmutabilityPolicy",
            "immutabilityPeriodSinceCreationInDays",
        ),
        ("azure-native:storage:ManagementPolicy", "policy.rules.*.definition.actions.baseBlob.delete.*"),
    ],
}
"""Where a cloud says for how long audit logs stay."""
SECONDS_OF_A_DAY = {"gcp": 86_400}


class TestAudit:
    def test_stays_for_four_hundred_days_at_least(self, managed_cloud: str, folder: Path) -> None:
        assert managed(managed_cloud).audit_days >= 400
        for kind, path in RETENTION[managed_cloud]:
            stores = [each for each in of_type(recorded(folder, managed_cloud), kind) if "-audit-" in each.name]
            assert stores
            for store in stores:
                found = at(store.inputs, path)
                for stay in found if isinstance(found, list) else [found]:
                    days = stay[0] if isinstance(stay, list) else stay
                    assert int(days) / SECONDS_OF_A_DAY.get(managed_cloud, 1) >= 400, store.name


class TestTheBudget:
    def test_mails_everybody_that_the_stack_names(self, managed_cloud: str, folder: Path) -> None:
        about = [
            each.inputs
            for each in recorded(folder, managed_cloud).resources
            if each.name.startswith("above-cluster-budget-")
        ]
        budget = managed(managed_cloud).budget
        texts = [str(text) for text in leaves(about)]
        assert {text for text in texts if "@" in text} >= set(budget.emails)
        assert str(budget.dollars_per_month) in {text.removesuffix(".0") for text in texts}

    def test_has_an_alert_before_the_money_is_spent(self, managed_cloud: str, folder: Path) -> None:
        alerts = [
            leaf
            for each in recorded(folder, managed_cloud).resources
            if each.name == "above-cluster-budget-monthly"
            for leaf in leaves(each.inputs)
            if isinstance(leaf, float | int) and leaf in (0.8, 80)
        ]
        assert alerts


PRIVATE: dict[str, list[tuple[str, str, Any]]] = {
    "aws": [
        ("aws:eks/cluster:Cluster", "vpcConfig.endpointPublicAccess", False),
        ("aws:eks/cluster:Cluster", "vpcConfig.endpointPrivateAccess", True),
        ("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch", False),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicAcls", True),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicPolicy", True),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "ignorePublicAcls", True),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "restrictPublicBuckets", True),
    ],
    "gcp": [
        ("gcp:container/cluster:Cluster", "privateClusterConfig.enablePrivateEndpoint", True),
        ("gcp:container/cluster:Cluster", "privateClusterConfig.enablePrivateNodes", True),
        (
            "gcp:container/cluster:Cluster",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic",
            False,
        ),
        ("gcp:container/nodePool:NodePool", "networkConfig.enablePrivateNodes", True),
        ("gcp:storage/bucket:Bucket", "publicAccessPrevention", "enforced"),
        ("gcp:storage/bucket:Bucket", "uniformBucketLevelAccess", True),
    ],
    "azure": [
        ("azure-native:containerservice:ManagedCluster", "apiServerAccessProfile.enablePrivateCluster", True),
        ("azure-native:containerservice:ManagedCluster", "agentPoolProfiles.*.enableNodePublicIP", [False]),
        ("azure-native:containerservice:AgentPool", "enableNodePublicIP", False),
        ("azure-native:containerregistry:Registry", "publicNetworkAccess", "Disabled"),
        ("azure-native:containerregistry:Registry", "anonymousPullEnabled", False),
        ("azure-native:keyvault:Vault", "properties.publicNetworkAccess", "Disabled"),
        ("azure-native:storage:StorageAccount", "allowBlobPublicAccess", False),
        ("azure-native:storage:StorageAccount", "networkRuleSet.defaultAction", "Deny"),
        ("azure-native:storage:BlobContainer", "publicAccess", "None"),
    ],
}


class TestNothingIsPublic:
    def test_unless_the_stack_says_so(self, managed_cloud: str, folder: Path) -> None:
        for kind, path, value in PRIVATE[managed_cloud]:
            for resource in of_type(recorded(folder, managed_cloud, with_workloads=True), kind):
                assert at(resource.inputs, path) == value, (resource.name, path)

    def test_and_every_bucket_of_aws_has_its_guard(self, folder: Path) -> None:
        recording = recorded(folder, "aws")
        guards = of_type(recording, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
        assert len(guards) == len(of_type(recording, "aws:s3/bucket:Bucket"))


LABEL_FIELDS = ("tags", "labels", "userLabels", "resourceLabels")
"""What clouds call labels of a resource."""
OWN_FIELDS = {
    ("gcp:monitoring/notificationChannel:NotificationChannel", "labels"): "settings of the channel: its address",
    ("gcp:container/nodePool:NodePool", "labels"): "has none at its top",
    ("aws:eks/nodeGroup:NodeGroup", "labels"): "Kubernetes' labels of the nodes",
}
"""Fields of that name which are something else."""
DEFAULTS = {"aws": ("defaultTags", "tags"), "gcp": ("defaultLabels", "")}
"""Where the provider says what every resource gets that has labels; Azure's has no such thing."""
FILLED_BY_THE_PROVIDER = ("tags_all", "effective_labels")
"""Outputs of the resources to which the provider adds its defaults."""
INSIDE = [
    ("aws", "aws:ec2/launchTemplate:LaunchTemplate", "tagSpecifications.*.tags"),
    ("gcp", "gcp:container/nodePool:NodePool", "nodeConfig.resourceLabels"),
]
"""Labels of machines and disks, which their groups' own do not reach."""


def is_labelled(labels: dict[str, str], cloud: str) -> bool:
    """Whether these are the stack's own, and one more by which the platform is found."""
    own = {key for key, value in labels.items() if "platform" in key and value == name_of(cloud)}
    return bool(own) and labels.items() >= managed(cloud).tags.items()


class TestTags:
    def test_are_on_every_resource_that_can_have_some(self, managed_cloud: str, folder: Path) -> None:
        recording = recorded(folder, managed_cloud, with_workloads=True)
        by_default = self.defaults(recording, managed_cloud)
        lacking: list[str] = []
        for resource in recording.resources:
            if not resource.custom or resource.type.startswith("pulumi:"):
                continue
            fields = self.fields(resource.type)
            if by_default and self.is_filled(resource.type):
                continue
            lacking += [
                f"{resource.name} ({resource.type}.{field})"
                for field in fields
                if not is_labelled(resource.inputs.get(field) or {}, managed_cloud)
            ]
        assert lacking == []

    @pytest.mark.parametrize(("cloud", "kind", "path"), INSIDE)
    def test_are_on_machines_too(self, cloud: str, kind: str, path: str, folder: Path) -> None:
        for resource in of_type(recorded(folder, cloud), kind):
            found = at(resource.inputs, path)
            for labels in found if isinstance(found, list) else [found]:
                assert is_labelled(labels, cloud), resource.name

    def defaults(self, recording: Recording, cloud: str) -> bool:
        if cloud not in DEFAULTS:
            return False
        field, within = DEFAULTS[cloud]
        (provider,) = of_type(recording, f"pulumi:providers:{cloud}")
        labels = json.loads(provider.inputs[field])
        return is_labelled(labels[within] if within else labels, cloud)

    def fields(self, kind: str) -> list[str]:
        arguments = vars(arguments_of(kind))
        names = {
            getattr(value.fget, "_pulumi_name", name)
            for name, value in arguments.items()
            if isinstance(value, property)
        }
        return [field for field in LABEL_FIELDS if field in names and (kind, field) not in OWN_FIELDS]

    def is_filled(self, kind: str) -> bool:
        return any(hasattr(resource_class(kind), output) for output in FILLED_BY_THE_PROVIDER)


def resource_class(kind: str) -> type:
    return getattr(inspect.getmodule(arguments_of(kind)), kind.rpartition(":")[2])
