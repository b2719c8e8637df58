"""The cloud contract, shown on every implementation: what the rest of the platform may count on, whatever the cloud."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bedplate.clouds import CLOUD_SPECS, Cluster, NodePoolSpec
from bedplate.clouds.managed import ManagedClusterSpec
from bedplate.config import PlatformSpec
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, Resource, Secret
from bedplate.labels import ACCELERATOR, GPU_TAINT, POOL
from harness import MINIMAL, ROOT, arguments_of, changed, program, spec, without_tenants

CLOUDS = ("existing", "aws", "gcp", "azure")
MANAGED = tuple(cloud for cloud in CLOUDS if cloud != "existing")
FOLDERS = {cloud: ROOT / "components" / "bedplate" / "clouds" / cloud for cloud in MANAGED}

PROGRAM = """
import json, pulumi
from bedplate.clouds import ClusterArgs, create_cluster
from bedplate.clouds.contract import BucketGrant, SecretsGrant
from bedplate.clouds.facts import Facts
from bedplate.config import PlatformSpec

spec = PlatformSpec.model_validate(json.loads({data!r}))
args = ClusterArgs(spec=spec.cloud, node_pools=spec.node_pools, domain=spec.domain, secret=pulumi.Output.secret)
above = pulumi.ComponentResource("test:index:Above", "above", {{}})
cluster = create_cluster("above-cluster", args, pulumi.ResourceOptions(parent=above))

def plain(value):
    return {{key: plain(each) for key, each in vars(value).items()}} if isinstance(value, Facts) else value

bucket = cluster.facts.artifact_bucket or "bucket"
GRANTS = {{
    "reads": [BucketGrant(bucket=bucket, access="read")],
    "writes": [BucketGrant(bucket=bucket, access="write")],
    "below": [BucketGrant(bucket=bucket, access="write", prefix="models/")],
    "secrets": [SecretsGrant(prefix="vision/")],
    "all": [BucketGrant(bucket=bucket, access="read", prefix="data/"), SecretsGrant(prefix="vision/")],
}}

def identity(name, *who, grants):
    try:
        return plain(cluster.workload_identity(name, *who, grants))
    except ValueError as error:
        return {{"refused": str(error)}}

granted = {{
    **{{name: identity(name, "vision", name, grants=grants) for name, grants in GRANTS.items()}},
    "one": identity("one", "vision-batch", "reader", grants=GRANTS["reads"]),
    "other": identity("other", "vision", "batch-reader", grants=GRANTS["reads"]),
}} if {with_workloads} else {{}}
cluster.point_hosts("hosts", "192.0.2.10")
pulumi.export("facts", plain(cluster.facts))
pulumi.export("granted", granted)
"""
WORKLOADS = ("reads", "writes", "below", "secrets", "all", "one", "other")


def written(cloud: str) -> dict[str, Any]:
    """The platform on this cloud, as short as may be: with defaults where there are some."""
    if cloud == "existing":
        return changed({"config": {"bedplate:platform": MINIMAL}}, "cloud.kubeconfigRef", "kubeconfig")["config"][
            "bedplate:platform"
        ]
    data = without_tenants(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")
    section = {key: value for key, value in data["cloud"].items() if key != "auditDays"}
    section["access"] = {key: value for key, value in section["access"].items() if key != "endpoint"}
    return {**data, "cloud": section}


def name_of(cloud: str) -> str:
    return written(cloud)["cloud"]["name"]


def platform_on(cloud: str) -> PlatformSpec:
    return spec(written(cloud))


def managed(cloud: str) -> ManagedClusterSpec:
    section = platform_on(cloud).cloud
    assert isinstance(section, ManagedClusterSpec)
    return section


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@cache
def recorded(folder: Path, cloud: str, *, with_workloads: bool = False, attempt: int = 1) -> Recording:
    """What the cluster registers, alone or with the identities of some workloads."""
    place = folder / f"{cloud}-{with_workloads}-{attempt}"
    place.mkdir()
    text = PROGRAM.format(data=json.dumps(written(cloud)), with_workloads=with_workloads)
    (place / "__main__.py").write_text(text)
    return run(replace(program({}), folder=place), RecordingBackend(), is_preview=True)


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=MANAGED)
def managed_cloud(request: pytest.FixtureRequest) -> str:
    return request.param


def of_type(recording: Recording, *kinds: str) -> list[Resource]:
    """The resources of these types, of which there is at least one each."""
    assert set(kinds) <= {resource.type for resource in recording.resources}
    return [resource for resource in recording.resources if resource.type in kinds]


def at(value: Any, path: str) -> Any:
    """What lies at a dotted path, where `*` is every item or value."""
    for position, step in enumerate(steps := path.split(".")):
        if step == "*":
            rest = ".".join(steps[position + 1 :])
            items = value.values() if isinstance(value, dict) else value
            return [at(item, rest) if rest else item for item in items]
        value = value[step]
    return value


def test_every_cloud_is_here() -> None:
    assert set(CLOUDS) == set(CLOUD_SPECS)


class TestTheComponent:
    def test_is_constructed_from_name_args_and_opts(self, cloud: str, folder: Path) -> None:
        implementation = platform_on(cloud).cloud.implementation()
        assert inspect.isclass(implementation)
        assert issubclass(implementation, Cluster)
        (component,) = of_type(recorded(folder, cloud), f"bedplate:index:{implementation.__name__}")
        assert component.name == "above-cluster"
        assert component.parent.endswith("::above")

    def test_keeps_the_contracts_methods(self, cloud: str) -> None:
        implementation: Any = platform_on(cloud).cloud.implementation()
        for method in ("workload_identity", "point_hosts"):
            ours, contract = getattr(implementation, method), getattr(Cluster, method)
            assert inspect.signature(ours) == inspect.signature(contract)
            assert ours is not contract


class TestTheKubernetesProvider:
    def test_is_one_of_a_cluster_known_by_name(self, cloud: str, folder: Path) -> None:
        (provider,) = of_type(recorded(folder, cloud), KUBERNETES_PROVIDER_TYPE)
        assert provider.name == "above-cluster-kubernetes"
        assert name_of(cloud) in provider.inputs["clusterIdentifier"]

    def test_changes_objects_in_place_and_takes_over_none(self, cloud: str, folder: Path) -> None:
        (provider,) = of_type(recorded(folder, cloud), KUBERNETES_PROVIDER_TYPE)
        assert provider.inputs["enableConfigMapMutable"] == "true"
        assert provider.inputs["enableSecretMutable"] == "true"
        assert not {"upsertExistingObjects", "enablePatchForce", "skipUpdateUnreachable"} & set(provider.inputs)

    def test_has_a_secret_kubeconfig(self, cloud: str, folder: Path) -> None:
        (provider,) = of_type(recorded(folder, cloud), KUBERNETES_PROVIDER_TYPE)
        assert isinstance(provider.inputs["kubeconfig"], Secret)

    def test_asks_for_a_token_each_time(self, managed_cloud: str, folder: Path) -> None:
        (provider,) = of_type(recorded(folder, managed_cloud), KUBERNETES_PROVIDER_TYPE)
        config = json.loads(provider.inputs["kubeconfig"].value)
        assert [set(user["user"]) for user in config["users"]] == [{"exec"}]
        (cluster,) = config["clusters"]
        assert set(cluster["cluster"]) == {"server", "certificate-authority-data"}
        assert cluster["cluster"]["server"].startswith("https://")
        assert config["users"][0]["user"]["exec"]["interactiveMode"] == "Never"


class TestTheFacts:
    def test_name_two_storage_classes_that_are_there_or_can_be_made(self, cloud: str, folder: Path) -> None:
        facts, there = recorded(folder, cloud).outputs["facts"], platform_on(cloud).cloud.storage_classes_there()
        deleted, retained = facts["deleted_storage_class"], facts["retained_storage_class"]
        assert deleted != retained
        for name in (deleted, retained):
            assert (name in there) != bool(facts["block_storage"])

    def test_can_make_every_class_that_they_name(self, managed_cloud: str, folder: Path) -> None:
        facts = recorded(folder, managed_cloud).outputs["facts"]
        assert facts["shared_storage_class"] not in (facts["deleted_storage_class"], facts["retained_storage_class"])
        for how in (facts["block_storage"], facts["shared_storage"]):
            assert how["provisioner"]
            assert all(isinstance(value, str) and value for value in how["parameters"].values())

    def test_have_a_solver_where_there_is_a_zone(self, cloud: str, folder: Path) -> None:
        solver = recorded(folder, cloud).outputs["facts"]["dns01_solver"]
        assert bool(solver) == platform_on(cloud).cloud.owns_dns_zone()
        assert all(leaves(solver or {}))

    def test_have_the_version_of_the_stack_and_say_who_makes_nodes_offer_gpus(self, cloud: str, folder: Path) -> None:
        facts = recorded(folder, cloud).outputs["facts"]
        assert facts["kubernetes_version"] == platform_on(cloud).cloud.kubernetes_version
        assert isinstance(facts["has_device_plugin"], bool)

    def test_say_who_signs_the_tokens_of_service_accounts(self, managed_cloud: str, folder: Path) -> None:
        """The same as those who trust these tokens are told, where the platform tells anybody."""
        recording = recorded(folder, managed_cloud, with_workloads=True)
        issuer = recording.outputs["facts"]["service_account_issuer"]
        assert issuer.startswith("https://")
        trusted = {"aws:iam/openIdConnectProvider:OpenIdConnectProvider": "url"}
        trusted["azure-native:managedidentity:FederatedIdentityCredential"] = "issuer"
        found = {each.inputs[trusted[each.type]] for each in recording.resources if each.type in trusted}
        google = f"https://container.googleapis.com/v1/projects/nordwind-ml-prod/locations/europe-west4/clusters/{name_of('gcp')}"
        assert {issuer} == (found or {google})
        assert platform_on(managed_cloud).cloud.publishes_service_account_keys()

    def test_are_complete_where_the_platform_makes_the_cluster(self, managed_cloud: str, folder: Path) -> None:
        facts = recorded(folder, managed_cloud).outputs["facts"]
        assert "://" not in facts["registry"]
        assert not facts["registry"].endswith("/")
        assert facts["artifact_bucket"]
        assert facts["audit_bucket"]
        assert facts["artifact_bucket"] != facts["audit_bucket"]
        assert facts["autoscaler"] == "native" or facts["autoscaler"]["arguments"]
        assert facts["spot_label"]
        assert facts["load_balancer_annotations"]

    def test_promise_nothing_of_a_cluster_that_somebody_else_runs(self, folder: Path) -> None:
        facts = recorded(folder, "existing").outputs["facts"]
        unknown = ("autoscaler", "registry", "artifact_bucket", "audit_bucket", "shared_storage_class")
        assert {key: facts[key] for key in unknown} == dict.fromkeys(unknown)


RECORDS = {
    "aws": ("aws:route53/record:Record", "aws:route53/zone:Zone"),
    "gcp": ("gcp:dns/recordSet:RecordSet", "gcp:dns/managedZone:ManagedZone"),
    "azure": ("azure-native:dns:RecordSet", "azure-native:dns:Zone"),
}
"""Types of a record and of its zone."""
WILDCARDS: dict[str, dict[str, Any]] = {
    "aws": {"name": "*.{domain}", "type": "CNAME", "ttl": 60, "records": ["192.0.2.10"]},
    "gcp": {"name": "*.{domain}.", "type": "A", "ttl": 300, "rrdatas": ["192.0.2.10"]},
    "azure": {
        "relativeRecordSetName": "*",
        "recordType": "A",
        "ttl": 300,
        "aRecords": [{"ipv4Address": "192.0.2.10"}],
    },
}


class TestHosts:
    def test_lead_to_the_load_balancer_by_one_record_in_the_zone(self, managed_cloud: str, folder: Path) -> None:
        recording, domain = recorded(folder, managed_cloud), written(managed_cloud)["domain"]
        (record,), (zone,) = ([*of_type(recording, kind)] for kind in RECORDS[managed_cloud])
        expected = {
            key: value.format(domain=domain) if isinstance(value, str) else value
            for key, value in WILDCARDS[managed_cloud].items()
        }
        assert {key: record.inputs[key] for key in expected} == expected
        assert record.name == "above-cluster-hosts"
        assert zone.urn in record.dependencies
        assert not record.protect

    def test_hold_up_no_cluster(self, managed_cloud: str, folder: Path) -> None:
        """Their record comes after what runs on it."""
        recording = recorded(folder, managed_cloud)
        (record,) = of_type(recording, RECORDS[managed_cloud][0])
        (provider,) = of_type(recording, KUBERNETES_PROVIDER_TYPE)
        assert record.urn not in provider.dependencies

    def test_are_somebody_elses_on_an_existing_cluster(self, folder: Path) -> None:
        kinds = {kind for kinds in RECORDS.values() for kind in kinds}
        assert not kinds & {resource.type for resource in recorded(folder, "existing").resources}


PRINCIPALS = {
    "aws": {"aws:eks/podIdentityAssociation:PodIdentityAssociation": "roleArn"},
    "gcp": {"gcp:storage/bucketIAMMember:BucketIAMMember": "member", "gcp:projects/iAMMember:IAMMember": "member"},
    "azure": {"azure-native:managedidentity:FederatedIdentityCredential": "resourceName"},
}
"""Who gets a grant: a field, by the type of a resource that a workload's identity has."""
KEPT_WITH_A_WORKLOAD = {
    "azure-native:keyvault:Vault": "holds secrets that people wrote; on other clouds these are no part of the stack"
}


class TestAWorkloadsIdentity:
    def of(self, recording: Recording, workload: str) -> list[Resource]:
        return [each for each in recording.resources if each.name.startswith(f"above-cluster-{workload}-")]

    def principals(self, recording: Recording, cloud: str, workload: str) -> set[str]:
        fields = PRINCIPALS[cloud]
        return {each.inputs[fields[each.type]] for each in self.of(recording, workload) if each.type in fields}

    def test_is_annotations_and_labels_for_every_grant(self, managed_cloud: str, folder: Path) -> None:
        granted = recorded(folder, managed_cloud, with_workloads=True).outputs["granted"]
        assert set(granted) == set(WORKLOADS)
        assert all(set(identity) == {"annotations", "labels"} for identity in granted.values())
        assert all(leaves(granted))

    def test_is_each_service_accounts_own(self, managed_cloud: str, folder: Path) -> None:
        recording = recorded(folder, managed_cloud, with_workloads=True)
        found = [self.principals(recording, managed_cloud, workload) for workload in WORKLOADS]
        assert [len(principals) for principals in found] == [1] * len(WORKLOADS)
        assert len(set[str]().union(*found)) == len(WORKLOADS)

    def test_has_the_same_names_each_time(self, managed_cloud: str, folder: Path) -> None:
        one, two = (
            {each.urn: each.shown() for each in recording.resources}
            for recording in (
                recorded(folder, managed_cloud, with_workloads=True),
                recorded(folder, managed_cloud, with_workloads=True, attempt=2),
            )
        )
        assert one == two

    def test_goes_with_its_workload(self, managed_cloud: str, folder: Path) -> None:
        """Pulumi refuses to delete what is protected, so a protected one would keep the tenant for ever."""
        alone = {each.urn for each in recorded(folder, managed_cloud).resources}
        added = [
            each for each in recorded(folder, managed_cloud, with_workloads=True).resources if each.urn not in alone
        ]
        assert len(added) > len(WORKLOADS)
        assert {each.type for each in added if each.protect} <= set(KEPT_WITH_A_WORKLOAD)

    def test_of_an_existing_cluster_is_refused_in_words(self, folder: Path) -> None:
        granted = recorded(folder, "existing", with_workloads=True).outputs["granted"]
        for workload in ("reads", "secrets"):
            assert f"'{workload}' in 'vision'" in granted[workload]["refused"]
            assert "create the identity yourself" in granted[workload]["refused"]


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Where a cloud's node group says what its nodes are; within: where a cluster has a group of its own."""

    kind: str
    labels: str
    taints: str
    fewest: str
    most: str
    within: str = ""


GROUPS = {
    "aws": [
        Fields(
            kind="aws:eks/nodeGroup:NodeGroup",
            labels="labels",
            taints="taints",
            fewest="scalingConfig.minSize",
            most="scalingConfig.maxSize",
        )
    ],
    "gcp": [
        Fields(
            kind="gcp:container/nodePool:NodePool",
            labels="nodeConfig.labels",
            taints="nodeConfig.taints",
            fewest="autoscaling.totalMinNodeCount",
            most="autoscaling.totalMaxNodeCount",
        )
    ],
    "azure": [
        Fields(kind=kind, labels="nodeLabels", taints="nodeTaints", fewest="minCount", most="maxCount", within=within)
        for kind, within in (
            ("azure-native:containerservice:AgentPool", ""),
            ("azure-native:containerservice:ManagedCluster", "agentPoolProfiles"),
        )
    ],
}
EFFECTS = {"NO_SCHEDULE": "NoSchedule"}


@dataclass(frozen=True, kw_only=True)
class Group:
    """What a cloud would make of a pool."""

    labels: dict[str, str]
    taints: list[str]
    fewest: int
    most: int


def groups(recording: Recording, cloud: str) -> Iterator[Group]:
    for fields in GROUPS[cloud]:
        for resource in of_type(recording, fields.kind):
            for group in resource.inputs[fields.within] if fields.within else [resource.inputs]:
                yield Group(
                    labels=at(group, fields.labels),
                    taints=[taint_of(taint) for taint in at(group, fields.taints)],
                    fewest=int(at(group, fields.fewest)),
                    most=int(at(group, fields.most)),
                )


def taint_of(taint: Any) -> str:
    return taint if isinstance(taint, str) else f"{taint['key']}={taint['value']}:{EFFECTS[taint['effect']]}"


class TestPools:
    def test_are_those_of_the_stack_and_never_grow_past_it(self, managed_cloud: str, folder: Path) -> None:
        found = {group.labels[POOL]: group for group in groups(recorded(folder, managed_cloud), managed_cloud)}
        pools = platform_on(managed_cloud).node_pools
        assert set(found) == set(pools)
        assert {name: (group.fewest, group.most) for name, group in found.items()} == {
            name: (pool.min, pool.max) for name, pool in pools.items()
        }

    def test_have_label_and_taint_exactly_where_they_have_gpus(self, managed_cloud: str, folder: Path) -> None:
        pools = platform_on(managed_cloud).node_pools
        assert len({pool.accelerator for pool in pools.values()}) > 2
        for group in groups(recorded(folder, managed_cloud), managed_cloud):
            pool: NodePoolSpec = pools[group.labels[POOL]]
            assert group.labels.get(ACCELERATOR) == pool.accelerator
            assert group.taints == (["{key}={value}:{effect}".format(**GPU_TAINT)] if pool.accelerator else [])


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


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


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


PARTS = ("network", "keys", "identities", "control-plane", "pool", "dns", "storage", "registry", "audit", "budget")
FILES = {"__init__", "audit", "buckets", "budget", "cluster", "dns", "identity", "keys", "network", "node_pools"} | {
    "registry",
    "spec",
    "storage",
}
OTHER_FILES = {
    "aws": {
        "karpenter": "the other autoscaler",
        "karpenter_permissions": "what it may do",
        "policies": "documents of IAM",
        "shared_files": "file systems are Pulumi's there, the driver's elsewhere",
    },
    "gcp": {},
    "azure": {"policies": "roles and conditions"},
}
"""Files that one cloud has besides, and why."""


class TestTheFolders:
    def test_have_the_same_files(self, managed_cloud: str) -> None:
        files = {path.stem for path in FOLDERS[managed_cloud].glob("*.py")}
        assert files == FILES | set(OTHER_FILES[managed_cloud]) | {f"{managed_cloud}_cluster"}

    def test_have_the_same_parts_in_the_same_order(self, managed_cloud: str, folder: Path) -> None:
        """But for a vault with an address in the network, which the network is there before."""
        recording = recorded(folder, managed_cloud)
        names = [
            resource.name.removeprefix("above-cluster-")
            for resource in recording.resources
            if resource.parent.endswith("::above-cluster")
        ]
        parts = ["pool" if name.startswith("pool-") else name for name in names]
        order = [part for part in dict.fromkeys(parts) if part in PARTS]
        assert set(order[:2]) == set(PARTS[:2])
        assert tuple(order[2:]) == PARTS[2:]
