"""The Azure stack's resources against the field's hardening rules, each named by its test."""

import importlib
import json
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

import pulumi
import pytest

from bedplate.clouds.azure.audit import CONTAINERS
from bedplate.clouds.azure.dns import CHALLENGE_ACTIONS
from bedplate.clouds.azure.identity import SHARE_ACTIONS, bucket_permission
from bedplate.clouds.azure.node_pools import agent_pool_name
from bedplate.clouds.azure.policies import ROLES
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.contract import BucketGrant
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.engine.resources import Resource, Secret
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project
from bedplate.stack_file.reading import load
from harness import ROOT, record_stack

FILE = ROOT / "stacks" / "Pulumi.azure.yaml"
NATIVE = "azure-native"
PROTECTED = {
    "azure-native:compute:DiskEncryptionSet",
    "azure-native:containerregistry:Registry",
    "azure-native:containerservice:ManagedCluster",
    "azure-native:dns:Zone",
    "azure-native:keyvault:Key",
    "azure-native:keyvault:Vault",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:network:PublicIPAddress",
    "azure-native:network:Subnet",
    "azure-native:network:VirtualNetwork",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:BlobContainer",
    "azure-native:storage:StorageAccount",
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


def cloud() -> AzureClusterSpec:
    spec = load(FILE).spec.cloud
    assert isinstance(spec, AzureClusterSpec)
    return spec


def of_type(recording: Recording, end: str) -> list[Resource]:
    found = [resource for resource in recording.resources if resource.custom and resource.type.endswith(f":{end}")]
    assert found, f"there is no {end}"
    return found


def the_cluster(recording: Recording) -> dict[str, Any]:
    (cluster,) = of_type(recording, "ManagedCluster")
    return dict(cluster.inputs)


def pools(recording: Recording) -> dict[str, dict[str, Any]]:
    """Settings by the name in the stack file: the cluster's own pool and all others."""
    found = [*the_cluster(recording)["agentPoolProfiles"], *(dict(p.inputs) for p in of_type(recording, "AgentPool"))]
    return {pool["nodeLabels"]["bedplate.dev/pool"]: pool for pool in found}


class TestTheCluster:
    def test_has_a_private_api_server(self, recording: Recording) -> None:
        access = the_cluster(recording)["apiServerAccessProfile"]
        assert access["enablePrivateCluster"] is True
        assert access["enablePrivateClusterPublicFQDN"] is False
        assert access["enableVnetIntegration"] is True
        assert access["subnetId"].endswith("/subnets/api-server")

    def test_runs_no_commands_around_the_endpoint(self, recording: Recording) -> None:
        assert the_cluster(recording)["apiServerAccessProfile"]["disableRunCommand"] is True

    def test_has_no_local_accounts(self, recording: Recording) -> None:
        assert the_cluster(recording)["disableLocalAccounts"] is True

    def test_is_entered_through_entra_and_administered_by_the_groups_of_the_stack_file(
        self, recording: Recording
    ) -> None:
        people = the_cluster(recording)["aadProfile"]
        assert people["managed"] is True
        assert people["adminGroupObjectIDs"] == list(cloud().access.admins)
        assert the_cluster(recording)["enableRBAC"] is True

    def test_encrypts_secrets_with_a_key_of_its_own(self, recording: Recording) -> None:
        kms = the_cluster(recording)["securityProfile"]["azureKeyVaultKms"]
        assert kms["enabled"] is True
        assert kms["keyVaultNetworkAccess"] == "Private"
        assert re.fullmatch(
            rf"https://{cloud().vault('secrets')}\.vault\.azure\.net/keys/secrets/[0-9a-f]{{32}}", kms["keyId"]
        )

    def test_encrypts_disks_with_our_key(self, recording: Recording) -> None:
        assert the_cluster(recording)["diskEncryptionSetID"].endswith("/diskEncryptionSets/nordwind-ml-disks")

    def test_waits_for_the_rights_to_its_keys_and_subnets(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "ManagedCluster")
        waited = {
            r.inputs["roleDefinitionId"].rpartition("/")[2]
            for r in recording.resources
            if r.urn in cluster.dependencies and "roleDefinitionId" in r.inputs
        }
        assert {
            ROLES["Key Vault Crypto User"],
            ROLES["Network Contributor"],
            ROLES["Managed Identity Operator"],
        } <= waited

    def test_enforces_network_policies(self, recording: Recording) -> None:
        network = the_cluster(recording)["networkProfile"]
        assert network["networkPolicy"] == network["networkDataplane"] == "cilium"
        assert network["networkPluginMode"] == "overlay"
        assert network["podCidr"] == "10.244.0.0/16"

    def test_leaves_by_our_gateway_alone(self, recording: Recording) -> None:
        assert the_cluster(recording)["networkProfile"]["outboundType"] == "userAssignedNATGateway"
        subnets = of_type(recording, "Subnet")
        assert all(subnet.inputs["defaultOutboundAccess"] is False for subnet in subnets)
        (nodes,) = [subnet for subnet in subnets if subnet.inputs["subnetName"] == "nodes"]
        assert nodes.inputs["natGateway"]["id"].endswith("/natGateways/nordwind-ml")

    def test_lets_the_internet_in_by_two_ports_of_the_nodes_subnet_alone(self, recording: Recording) -> None:
        opened = {
            group.inputs["networkSecurityGroupName"]: rule["destinationPortRanges"]
            for group in of_type(recording, "NetworkSecurityGroup")
            for rule in group.inputs["securityRules"]
            if rule.get("sourceAddressPrefix") == "Internet"
        }
        assert opened == {"nordwind-ml-nodes": ["80", "443"]}
        rules = {s.inputs["subnetName"]: s.inputs["networkSecurityGroup"]["id"] for s in of_type(recording, "Subnet")}
        assert [part for part, group in rules.items() if group.endswith("/nordwind-ml-nodes")] == ["nodes"]

    def test_trusts_the_tokens_of_service_accounts(self, recording: Recording) -> None:
        cluster = the_cluster(recording)
        assert cluster["oidcIssuerProfile"]["enabled"] is True
        assert cluster["securityProfile"]["workloadIdentity"]["enabled"] is True

    def test_is_patched_inside_the_window_of_the_stack_file(self, recording: Recording) -> None:
        upgrades = the_cluster(recording)["autoUpgradeProfile"]
        assert upgrades == {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}
        windows = {
            w.inputs["configName"]: w.inputs["maintenanceWindow"]
            for w in of_type(recording, "MaintenanceConfiguration")
        }
        assert set(windows) == {"aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"}
        for window in windows.values():
            assert (window["startTime"], window["utcOffset"], window["durationHours"]) == ("01:00", "+00:00", 6)
            assert window["schedule"]["weekly"] == {"dayOfWeek": "Sunday", "intervalWeeks": 1}

    def test_scales_down_no_node_with_work_on_its_disk(self, recording: Recording) -> None:
        autoscaler = the_cluster(recording)["autoScalerProfile"]
        assert autoscaler["skipNodesWithLocalStorage"] == autoscaler["skipNodesWithSystemPods"] == "true"

    def test_is_of_the_tier_with_an_agreement(self, recording: Recording) -> None:
        assert the_cluster(recording)["sku"] == {"name": "Base", "tier": "Standard"}

    def test_keeps_people_out_of_the_group_of_the_nodes(self, recording: Recording) -> None:
        assert the_cluster(recording)["nodeResourceGroupProfile"] == {"restrictionLevel": "ReadOnly"}

    def test_is_reached_with_a_kubeconfig_that_is_secret_and_holds_no_credential(self, recording: Recording) -> None:
        (provider,) = [r for r in recording.resources if r.type == "pulumi:providers:kubernetes"]
        assert isinstance(provider.inputs["kubeconfig"], Secret)
        content = json.loads(provider.inputs["kubeconfig"].value)
        (user,), (server,) = content["users"], content["clusters"]
        assert set(user["user"]) == {"exec"}
        assert user["user"]["exec"]["command"] == "kubelogin"
        assert server["cluster"]["certificate-authority-data"]
        assert ".privatelink." in server["cluster"]["server"]
        assert provider.inputs["clusterIdentifier"] == cloud().cluster_id


class TestNodes:
    def test_are_encrypted_at_their_host(self, recording: Recording) -> None:
        assert all(pool["enableEncryptionAtHost"] is True for pool in pools(recording).values())

    def test_have_no_public_address(self, recording: Recording) -> None:
        for pool in pools(recording).values():
            assert pool["enableNodePublicIP"] is False
            assert pool["vnetSubnetID"].endswith("/subnets/nodes")

    def test_follow_the_clusters_version(self, recording: Recording) -> None:
        versions = {pool["orchestratorVersion"] for pool in pools(recording).values()}
        assert versions == {the_cluster(recording)["kubernetesVersion"]}

    def test_with_gpus_have_driver_label_and_taint_and_others_do_not(self, recording: Recording) -> None:
        written = load(FILE).spec.node_pools
        assert set(pools(recording)) == set(written)
        for name, pool in pools(recording).items():
            accelerator = written[name].accelerator
            assert pool["nodeLabels"].get("bedplate.dev/accelerator") == accelerator
            assert pool.get("nodeTaints", []) == (["nvidia.com/gpu=present:NoSchedule"] if accelerator else [])
            assert pool.get("gpuProfile") == ({"driver": "Install"} if accelerator else None)

    def test_with_an_interconnect_stand_in_one_zone_and_others_in_all(self, recording: Recording) -> None:
        zones = {name: pool["availabilityZones"] for name, pool in pools(recording).items()}
        assert zones["h100"] == ["1"]
        assert zones["general"] == ["1", "2", "3"]

    def test_with_gpus_are_replaced_without_a_machine_more(self, recording: Recording) -> None:
        upgrades = {name: pool["upgradeSettings"] for name, pool in pools(recording).items()}
        assert (upgrades["h100"]["maxSurge"], upgrades["h100"]["maxUnavailable"]) == ("0", "1")
        assert (upgrades["general"]["maxSurge"], upgrades["general"]["maxUnavailable"]) == ("1", "0")

    def test_are_counted_by_the_autoscaler_within_the_stack_files_bounds(self, recording: Recording) -> None:
        written = load(FILE).spec.node_pools
        for name, pool in pools(recording).items():
            assert pool["enableAutoScaling"] is True
            assert (pool["minCount"], pool["maxCount"]) == (written[name].min, written[name].max)

    def test_of_aks_itself_are_the_system_pool(self, recording: Recording) -> None:
        modes = {name: pool["mode"] for name, pool in pools(recording).items()}
        assert modes == {"system": "System", "general": "User", "t4": "User", "h100": "User"}

    def test_may_pull_images_and_nothing_else(self, recording: Recording) -> None:
        principal = the_cluster(recording)["identityProfile"]["kubeletidentity"]["objectId"]
        (assignment,) = [a for a in of_type(recording, "RoleAssignment") if a.inputs["principalId"] == principal]
        assert assignment.inputs["roleDefinitionId"].endswith(ROLES["AcrPull"])
        assert "/registries/" in assignment.inputs["scope"]


@pytest.mark.parametrize("name", ["system", "h100", "8xh100", "a-b", "a-name-longer-than-twelve", "gpu-l4", "gpul4"])
def test_every_pool_has_a_name_that_aks_takes(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]{0,11}", agent_pool_name(name))


def test_pools_of_other_names_have_other_names_at_azure() -> None:
    names = ["a-b", "ab", "a--b", "long-name-one-here", "long-name-two-here", "gpu-l4", "gpul4"]
    assert len({agent_pool_name(name) for name in names}) == len(names)


class TestStores:
    def test_no_account_has_shared_keys_or_local_users(self, recording: Recording) -> None:
        for account in of_type(recording, "StorageAccount"):
            assert account.inputs["allowSharedKeyAccess"] is False
            assert account.inputs["isLocalUserEnabled"] is False

    def test_no_blob_is_public(self, recording: Recording) -> None:
        assert all(a.inputs["allowBlobPublicAccess"] is False for a in of_type(recording, "StorageAccount"))
        assert all(c.inputs["publicAccess"] == "None" for c in of_type(recording, "BlobContainer"))

    def test_no_account_is_open_to_the_internet(self, recording: Recording) -> None:
        for account in of_type(recording, "StorageAccount"):
            assert (
                account.inputs["networkAcls" if "networkAcls" in account.inputs else "networkRuleSet"]["defaultAction"]
                == "Deny"
            )
            # Azure's log services are outside the network; they come as trusted services.
            is_of_logs = "-audit-" in account.name
            assert account.inputs["publicNetworkAccess"] == ("Enabled" if is_of_logs else "Disabled")

    def test_no_account_speaks_old_tls_and_only_nfs_speaks_none(self, recording: Recording) -> None:
        for account in of_type(recording, "StorageAccount"):
            assert account.inputs["minimumTlsVersion"] == "TLS1_2"
            assert account.inputs["enableHttpsTrafficOnly"] == (account.inputs["kind"] != "FileStorage")

    def test_every_account_is_encrypted_with_our_key_whatever_its_version(self, recording: Recording) -> None:
        for account in of_type(recording, "StorageAccount"):
            encryption = account.inputs["encryption"]
            assert encryption["keySource"] == "Microsoft.Keyvault"
            assert "keyversion" not in encryption["keyVaultProperties"]

    def test_every_account_waits_for_its_right_to_the_key(self, recording: Recording) -> None:
        (grant,) = [a for a in of_type(recording, "RoleAssignment") if a.name.endswith("-data-user-key")]
        assert all(grant.urn in account.dependencies for account in of_type(recording, "StorageAccount"))

    def test_artefacts_have_versions_that_stay_a_month(self, recording: Recording) -> None:
        (blobs,) = [b for b in of_type(recording, "BlobServiceProperties") if "-artifacts-" in b.name]
        assert blobs.inputs["isVersioningEnabled"] is True
        (rules,) = [p for p in of_type(recording, "ManagementPolicy") if "-artifacts-" in p.name]
        (rule,) = rules.inputs["policy"]["rules"]
        assert rule["definition"]["actions"] == {"version": {"delete": {"daysAfterCreationGreaterThan": 30}}}

    def test_audit_logs_stay_as_long_as_the_stack_says_and_nobody_deletes_them(self, recording: Recording) -> None:
        (rules,) = [p for p in of_type(recording, "ManagementPolicy") if "-audit-" in p.name]
        (rule,) = rules.inputs["policy"]["rules"]
        assert rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"] == 730
        policies = of_type(recording, "BlobContainerImmutabilityPolicy")
        assert {p.inputs["containerName"] for p in policies} == set(CONTAINERS)
        assert {p.inputs["immutabilityPeriodSinceCreationInDays"] for p in policies} == {730}
        assert all(p.inputs["allowProtectedAppendWrites"] is True for p in policies)

    def test_every_log_has_its_immutable_container_first(self, recording: Recording) -> None:
        kept = {p.urn for p in of_type(recording, "BlobContainerImmutabilityPolicy")}
        settings = [s for s in of_type(recording, "DiagnosticSetting") if "storageAccountId" in s.inputs]
        for setting in settings:
            assert kept <= set(setting.dependencies)
            assert {f"insights-logs-{log['category'].lower()}" for log in setting.inputs["logs"]} <= set(CONTAINERS)
        written = {log["category"] for setting in settings for log in setting.inputs["logs"]}
        assert {"kube-audit", "guard", "AuditEvent"} <= written

    def test_the_activity_of_the_subscription_is_kept(self, recording: Recording) -> None:
        (setting,) = of_type(recording, "SubscriptionDiagnosticSetting")
        assert {"Administrative", "Security", "Policy"} <= {log["category"] for log in setting.inputs["logs"]}
        assert "insights-activity-logs" in CONTAINERS

    def test_vaults_cannot_be_purged_and_are_entered_by_roles_in_the_network(self, recording: Recording) -> None:
        for vault in of_type(recording, "Vault"):
            properties = vault.inputs["properties"]
            assert properties["enablePurgeProtection"] is properties["enableSoftDelete"] is True
            assert properties["enableRbacAuthorization"] is True
            assert properties["publicNetworkAccess"] == "Disabled"
            assert properties["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}

    def test_the_data_key_rotates(self, recording: Recording) -> None:
        (key,) = [key for key in of_type(recording, "Key") if key.inputs["keyName"] == "data"]
        (action,) = key.inputs["properties"]["rotationPolicy"]["lifetimeActions"]
        assert action["action"]["type"] == "rotate"
        (disks,) = of_type(recording, "DiskEncryptionSet")
        assert disks.inputs["rotationToLatestKeyVersionEnabled"] is True

    def test_the_registry_has_no_user_and_no_public_address(self, recording: Recording) -> None:
        (registry,) = of_type(recording, "Registry")
        assert registry.inputs["adminUserEnabled"] is registry.inputs["anonymousPullEnabled"] is False
        assert registry.inputs["publicNetworkAccess"] == "Disabled"
        assert registry.inputs["policies"]["exportPolicy"]["status"] == "disabled"
        assert registry.inputs["policies"]["retentionPolicy"] == {"days": 7, "status": "enabled"}

    def test_what_is_not_public_has_an_address_in_the_network(self, recording: Recording) -> None:
        targets = {
            e.inputs["privateLinkServiceConnections"][0]["privateLinkServiceId"]
            for e in of_type(recording, "PrivateEndpoint")
        }
        ends = {target.rpartition("/")[2] for target in targets}
        spec = cloud()
        shared = {spec.storage_account("artifacts"), spec.storage_account("shares"), spec.registry}
        assert ends == {*shared, spec.vault("secrets")}
        assert len(of_type(recording, "PrivateDnsZoneGroup")) == len(targets)


class TestLeastPrivilege:
    def test_roles_are_assigned_to_resources_never_to_groups_or_the_subscription(self, recording: Recording) -> None:
        for assignment in of_type(recording, "RoleAssignment"):
            assert "/providers/" in assignment.inputs["scope"], assignment.name

    def test_nobody_is_owner_contributor_or_access_administrator(self, recording: Recording) -> None:
        ours = {definition.inputs["roleDefinitionId"] for definition in of_type(recording, "RoleDefinition")}
        assigned = {a.inputs["roleDefinitionId"].rpartition("/")[2] for a in of_type(recording, "RoleAssignment")}
        assert assigned <= {*ROLES.values(), *ours}
        assert not {"Owner", "Contributor", "User Access Administrator"} & set(ROLES)
        everything = {
            "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
            "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        }
        assert not assigned & everything

    def test_no_role_of_ours_has_a_wildcard(self, recording: Recording) -> None:
        for definition in of_type(recording, "RoleDefinition"):
            (permission,) = definition.inputs["permissions"]
            assert not [action for action in permission["actions"] if "*" in action]

    def test_cert_manager_writes_text_records_of_one_zone_alone(self, recording: Recording) -> None:
        writes = [action for action in CHALLENGE_ACTIONS if not action.endswith("/read")]
        assert all(action.startswith("Microsoft.Network/dnsZones/TXT/") for action in writes)
        (assignment,) = [a for a in of_type(recording, "RoleAssignment") if "-challenges-" in a.name]
        assert assignment.inputs["scope"].endswith("/dnsZones/ml.nordwind.example")
        (trust,) = of_type(recording, "FederatedIdentityCredential")
        assert trust.inputs["subject"] == "system:serviceaccount:bedplate-certificates:cert-manager"
        assert trust.inputs["audiences"] == ["api://AzureADTokenExchange"]
        assert trust.inputs["issuer"].startswith("https://")

    def test_the_file_driver_makes_shares_and_reads_no_keys(self) -> None:
        assert not [
            action for action in SHARE_ACTIONS if "listKeys" in action or action.endswith("storageAccounts/write")
        ]

    def test_a_grant_of_a_bucket_ends_at_its_container_and_prefix(self) -> None:
        spec = cloud()
        bucket = spec.bucket("artifacts")
        read = bucket_permission(BucketGrant(bucket=bucket, access="read", prefix="vision/"), spec)
        assert read.role == "Storage Blob Data Reader"
        assert str(read.scope).endswith("/blobServices/default/containers/artifacts")
        assert read.condition is not None
        assert read.condition.count("StringStartsWith 'vision/'") == 2
        assert "blobs/write" not in read.condition
        write = bucket_permission(BucketGrant(bucket=bucket, access="write", prefix="vision/"), spec)
        assert write.role == "Storage Blob Data Contributor"
        for action in ("blobs/write", "blobs/delete", "blobs/add/action", "blobs/move/action"):
            assert f"containers/{action}'" in str(write.condition)
        assert bucket_permission(BucketGrant(bucket=bucket, access="read"), spec).condition is None

    @pytest.mark.parametrize("grant", [{"bucket": "models"}, {"bucket": "a/b", "prefix": "x' OR '"}])
    def test_a_grant_that_cannot_be_bounded_is_refused(self, grant: dict[str, str]) -> None:
        with pytest.raises(ValueError, match=r"account/container|quote"):
            bucket_permission(BucketGrant(access="read", **grant), cloud())


GRANTING = """
import importlib.util
import pulumi
from bedplate.clouds.contract import BucketGrant, SecretsGrant

spec = importlib.util.spec_from_file_location("project", {main!r})
project = importlib.util.module_from_spec(spec)
spec.loader.exec_module(project)
cluster = project.platform.cluster
first, second, third = (
    cluster.workload_identity(name, "vision", name, [SecretsGrant(prefix=prefix)])
    for name, prefix in (("reader", "vision/"), ("writer", "vision/"), ("other", "routing/"))
)
pulumi.export("labels", first.labels)
pulumi.export("annotations", first.annotations)
"""


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The stack with three identities that read secrets."""
    folder = tmp_path_factory.mktemp("granting")
    (folder / "__main__.py").write_text(GRANTING.format(main=str(ROOT / "platform" / "__main__.py")))
    program = program_of(Project.read(ROOT), load(FILE))
    # The interpreter remembers which folder "." was.
    sys.path_importer_cache.pop(".", None)
    try:
        return run(replace(program, folder=folder), RecordingBackend(), is_preview=True)
    finally:
        sys.path_importer_cache.pop(".", None)


class TestSecrets:
    def test_have_a_vault_for_each_prefix(self, granted: Recording) -> None:
        vaults = {vault.inputs["vaultName"] for vault in of_type(granted, "Vault")}
        assert vaults == {
            cloud().vault(purpose) for purpose in ("secrets", "data", "secrets/vision", "secrets/routing")
        }

    def test_are_read_in_that_vault_alone(self, granted: Recording) -> None:
        reads = [
            a
            for a in of_type(granted, "RoleAssignment")
            if a.inputs["roleDefinitionId"].endswith(ROLES["Key Vault Secrets User"])
        ]
        ends = [assignment.inputs["scope"].rpartition("/")[2] for assignment in reads]
        vision, routing = cloud().vault("secrets/vision"), cloud().vault("secrets/routing")
        assert sorted(ends) == sorted([vision, vision, routing])

    def test_are_reached_in_the_network(self, granted: Recording) -> None:
        endpoints = [
            e
            for e in of_type(granted, "PrivateEndpoint")
            if e.inputs["privateEndpointName"].startswith("nordwind-ml-secrets-")
        ]
        assert len(endpoints) == 3

    def test_are_granted_to_pods_that_trust_binds(self, granted: Recording) -> None:
        subjects = {trust.inputs["subject"] for trust in of_type(granted, "FederatedIdentityCredential")}
        assert "system:serviceaccount:vision:reader" in subjects
        assert granted.outputs["labels"] == {"azure.workload.identity/use": "true"}
        assert re.fullmatch(r"[0-9a-f-]{36}", granted.outputs["annotations"]["azure.workload.identity/client-id"])


class TestProtection:
    def test_covers_what_must_not_be_lost(self, recording: Recording) -> None:
        kinds = {resource.type for resource in recording.resources if resource.protect}
        assert kinds == PROTECTED
        lost = [r.name for r in recording.resources if r.type in PROTECTED and not r.protect]
        assert lost == []


def members(annotation: Any) -> list[type[Enum]]:
    """The enumerations in an annotation of the SDK."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in members(part)]


def enumerated(kind: type, inputs: dict[str, Any]) -> Iterator[tuple[str, Any, list[type[Enum]]]]:
    """Each property whose type is an enumeration: its name, the rendered value, the enumerations."""
    hints = typing.get_type_hints(kind.__init__, vars(sys.modules[kind.__module__]))
    wire = {
        name: getattr(getter.fget, "_pulumi_name", name)
        for name, getter in vars(kind).items()
        if isinstance(getter, property)
    }
    for name, hint in hints.items():
        value = inputs.get(wire.get(name, name))
        if value is None:
            continue
        if found := members(hint):
            yield f"{kind.__name__}.{name}", value, found
        for nested in arguments(hint):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from enumerated(nested, item)


def arguments(annotation: Any) -> list[type]:
    """The input types in an annotation of the SDK."""
    if isinstance(annotation, type) and annotation.__name__.endswith("Args") and hasattr(annotation, "__init__"):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in arguments(part)]


def test_every_enumerated_value_is_one_that_azure_knows(recording: Recording) -> None:
    checked: set[str] = set()
    for resource in recording.resources:
        if not resource.type.startswith(f"{NATIVE}:"):
            continue
        _, service, name = resource.type.split(":")
        kind = getattr(importlib.import_module(f"pulumi_azure_native.{service}"), f"{name}Args")
        for place, value, enumerations in enumerated(kind, dict(resource.inputs)):
            known = {member.value for enumeration in enumerations for member in enumeration}
            for item in value if isinstance(value, list) else [value]:
                assert item in known, (resource.name, place, item)
            checked.add(place)
    nested = {"ManagedClusterSKUArgs.tier", "RetentionPolicyArgs.status", "KeyPropertiesArgs.key_ops"}
    assert {"AgentPoolArgs.mode", "StorageAccountArgs.kind", *nested} <= checked
    assert len(checked) > 40, sorted(checked)


class TestTheSpec:
    def test_imports_no_sdk(self) -> None:
        program = (
            "import sys, bedplate.clouds.azure.spec\n"
            "assert not [name for name in sys.modules if name.startswith('pulumi_azure')]"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", ["a", "a-very-long-cluster-name"])
    def test_makes_names_that_azure_takes(self, name: str) -> None:
        spec = cloud().model_copy(update={"name": name})
        for purpose in ("artifacts", "shares", "audit"):
            assert re.fullmatch(r"[a-z0-9]{3,24}", spec.storage_account(purpose))
        for purpose in ("secrets", "data", "secrets/vision"):
            assert re.fullmatch(r"[a-z](?:-?[a-z0-9]){2,23}", spec.vault(purpose))
            assert len(spec.vault(purpose)) <= 24
        assert re.fullmatch(r"[a-z0-9]{5,50}", spec.registry)

    def test_makes_other_names_in_another_subscription(self) -> None:
        other = cloud().model_copy(update={"subscription_id": "00000000-0000-4000-8000-000000000000"})
        assert other.registry != cloud().registry
        assert other.vault("data") != cloud().vault("data")


class TestThePreview:
    def test_needs_no_network_and_warns_of_nothing(self, recording: Recording) -> None:
        """Sockets are disabled in every test."""
        print(f"{len(recording.resources)} resources")
        assert len(recording.resources) > 150
        assert recording.warnings == []

    def test_is_of_a_cluster_that_pulumi_can_name_before_it_exists(self) -> None:
        assert cloud().cluster_id.startswith(f"/subscriptions/{cloud().subscription_id}/")
        assert not isinstance(cloud().cluster_id, pulumi.Output)
