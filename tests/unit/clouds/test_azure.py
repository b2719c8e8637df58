"""The Azure stack's resources against the field's hardening rules, each named by its test."""

import json
import re
import subprocess
import sys

import pulumi
import pytest

from azure_stack import FILE, cloud, of_type, pools, the_cluster
from bedplate.clouds.azure.node_pools import agent_pool_name
from bedplate.clouds.azure.policies import ROLES
from bedplate.clouds.buckets import identity_name
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Secret
from bedplate.labels import SECRET_STORE
from bedplate.stack_file.reading import load
from harness import record_stack

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

    def test_scales_down_no_node_of_the_system_and_none_is_held_by_scratch_space(self, recording: Recording) -> None:
        autoscaler = the_cluster(recording)["autoScalerProfile"]
        assert autoscaler["skipNodesWithSystemPods"] == "true"
        assert autoscaler["skipNodesWithLocalStorage"] == "false"

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
            kept = ["nvidia.com/gpu=present:NoSchedule"] if accelerator else []
            assert pool.get("nodeTaints", []) == (["CriticalAddonsOnly=true:NoSchedule"] if name == "system" else kept)
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


class TestProtection:
    def test_covers_what_must_not_be_lost(self, recording: Recording) -> None:
        kinds = {resource.type for resource in recording.resources if resource.protect}
        assert kinds == PROTECTED
        lost = [r.name for r in recording.resources if r.type in PROTECTED and not r.protect]
        # The identity of a workload, or of a tenant's secret store, can be made again, and goes with what it serves.
        stores = [identity_name(who, SECRET_STORE) for who in ("vision", "forecasting", "routing")]
        goes = (stores[0], "vision.fine-tune", *stores[1:])
        assert lost == [f"platform-cluster-{name}-pods-identity" for name in goes]


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
