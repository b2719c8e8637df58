"""The cloud contract, shown on every implementation: what the rest of the platform may count on, whatever the cloud."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedplate.clouds import CLOUD_SPECS, Cluster, NodePoolSpec
from bedplate.engine.engine import Recording
from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, Secret
from bedplate.labels import ACCELERATOR, GPU_TAINT, POOL, SYSTEM_POOL, SYSTEM_TAINT
from every_cloud import (
    CLOUDS,
    FOLDERS,
    at,
    leaves,
    name_of,
    of_type,
    platform_on,
    recorded,
    written,
)


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

    def test_are_labelled_and_tainted_where_they_have_gpus_or_are_the_platforms(
        self, managed_cloud: str, folder: Path
    ) -> None:
        pools = platform_on(managed_cloud).node_pools
        assert len({pool.accelerator for pool in pools.values()}) > 2
        for group in groups(recorded(folder, managed_cloud), managed_cloud):
            pool: NodePoolSpec = pools[group.labels[POOL]]
            assert group.labels.get(ACCELERATOR) == pool.accelerator
            taint = SYSTEM_TAINT if group.labels[POOL] == SYSTEM_POOL else GPU_TAINT if pool.accelerator else None
            assert group.taints == (["{key}={value}:{effect}".format(**taint)] if taint else [])

    def test_of_the_platform_is_open_where_nothing_else_takes_pods_without_gpus(self, managed_cloud: str) -> None:
        spec = platform_on(managed_cloud)
        gpus = {name: pool for name, pool in spec.node_pools.items() if pool.accelerator}
        assert spec.cloud.taints_of(SYSTEM_POOL, spec.node_pools) == [SYSTEM_TAINT]
        assert spec.cloud.taints_of(SYSTEM_POOL, {SYSTEM_POOL: spec.node_pools[SYSTEM_POOL], **gpus}) == []


PARTS = ("network", "keys", "identities", "control-plane", "pool", "dns", "storage", "registry", "audit", "budget")
FILES = {"__init__", "audit", "buckets", "budget", "cluster", "dns", "identity", "keys", "network", "node_pools"} | {
    "registry",
    "spec",
    "storage",
}
OTHER_FILES = {
    "aws": {
        "addon_versions": "add-ons are pinned there, and come with the cluster elsewhere",
        "fabric": "network cards between GPUs are devices that pods ask for there alone",
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
