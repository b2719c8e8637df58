"""The Google Cloud stack's resources against the field's hardening rules, each named by its test."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi_gcp
import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Secret
from bedplate.stack_file.reading import load
from gcp_stack import FILE, KEYS, NODES, bindings, cloud, of_type, pools
from harness import record_stack

PROTECTED = {
    "gcp:artifactregistry/repository:Repository",
    "gcp:compute/address:Address",
    "gcp:compute/network:Network",
    "gcp:compute/subnetwork:Subnetwork",
    "gcp:container/cluster:Cluster",
    "gcp:dns/managedZone:ManagedZone",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/keyRing:KeyRing",
    "gcp:serviceaccount/account:Account",
    "gcp:storage/bucket:Bucket",
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


class TestTheCluster:
    def test_has_private_nodes_and_a_private_endpoint_by_default(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["privateClusterConfig"] == {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
        assert cluster.inputs["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] is False

    def test_is_reached_from_named_networks_alone(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        networks = cluster.inputs["masterAuthorizedNetworksConfig"]
        assert [block["cidrBlock"] for block in networks["cidrBlocks"]] == ["10.64.0.0/20", "10.40.0.0/16"]
        assert networks["gcpPublicCidrsAccessEnabled"] is False
        assert networks["privateEndpointEnforcementEnabled"] is True

    def test_encrypts_secrets_with_a_key_of_its_own_that_it_may_use_by_then(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": f"{KEYS}/secrets"}
        (usable,) = [m for m in of_type(recording, "CryptoKeyIAMMember") if "-secrets-" in m.name]
        assert usable.urn in cluster.dependencies
        assert usable.inputs["member"] == (
            "serviceAccount:service-123456789012@container-engine-robot.iam.gserviceaccount.com"
        )

    def test_gives_pods_identities_of_their_own(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["workloadIdentityConfig"] == {"workloadPool": "nordwind-ml-prod.svc.id.goog"}

    def test_knows_no_password_certificate_or_old_authorization(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        certificate = cluster.inputs["masterAuth"]["clientCertificateConfig"]
        assert certificate["issueClientCertificate"] is False
        assert cluster.inputs["enableLegacyAbac"] is False
        assert cluster.inputs["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
        assert set(cluster.inputs["rbacBindingConfig"].values()) == {False}

    def test_has_shielded_nodes_on_dataplane_v2_in_all_zones(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["enableShieldedNodes"] is True
        assert cluster.inputs["datapathProvider"] == "ADVANCED_DATAPATH"
        assert cluster.inputs["enableIntranodeVisibility"] is True
        assert cluster.inputs["nodeLocations"] == [f"europe-west4-{letter}" for letter in "abc"]

    def test_logs_its_control_plane_and_allocates_cost(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        logged = {"SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"}
        assert set(cluster.inputs["loggingConfig"]["enableComponents"]) == logged
        assert cluster.inputs["costManagementConfig"] == {"enabled": True}

    def test_mounts_disks_file_servers_and_buckets(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        addons = cluster.inputs["addonsConfig"]
        for driver in ("gcePersistentDiskCsiDriverConfig", "gcpFilestoreCsiDriverConfig", "gcsFuseCsiDriverConfig"):
            assert addons[driver] == {"enabled": True}

    def test_takes_no_minor_version_by_itself(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        (exclusion,) = cluster.inputs["maintenancePolicy"]["maintenanceExclusions"]
        assert exclusion["exclusionOptions"] == {
            "scope": "NO_MINOR_UPGRADES",
            "endTimeBehavior": "UNTIL_END_OF_SUPPORT",
        }
        assert cluster.inputs["minMasterVersion"] == "1.35"

    def test_is_patched_in_the_window_that_the_stack_says(self, recording: Recording) -> None:
        """Saturday 20:00 for twelve hours; 10 January 2026 is a Saturday."""
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["maintenancePolicy"]["recurringWindow"] == {
            "startTime": "2026-01-10T20:00:00Z",
            "endTime": "2026-01-11T08:00:00Z",
            "recurrence": "FREQ=WEEKLY;BYDAY=SA",
        }

    def test_cannot_be_deleted_by_accident(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["deletionProtection"] is True

    def test_keeps_no_default_nodes_and_runs_none_with_the_default_account(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["removeDefaultNodePool"] is True
        accounts = [inputs["nodeConfig"]["serviceAccount"] for inputs in (cluster.inputs, *pools(recording).values())]
        assert {f"serviceAccount:{account}" for account in accounts} == {NODES}

    def test_is_reached_with_a_kubeconfig_that_is_secret_and_holds_no_credential(self, recording: Recording) -> None:
        (provider,) = [r for r in recording.resources if r.type == "pulumi:providers:kubernetes"]
        assert isinstance(provider.inputs["kubeconfig"], Secret)
        kubeconfig = json.loads(provider.inputs["kubeconfig"].value)
        assert [set(user["user"]) for user in kubeconfig["users"]] == [{"exec"}]
        assert kubeconfig["users"][0]["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
        assert kubeconfig["clusters"][0]["cluster"]["server"].startswith("https://10.64.")
        assert provider.inputs["clusterIdentifier"].endswith("/locations/europe-west4/clusters/nordwind-ml")

    def test_is_administered_by_those_that_the_stack_names(self, recording: Recording) -> None:
        admins = [b.inputs["member"] for b in bindings(recording) if b.inputs["role"] == "roles/container.admin"]
        assert sorted(admins) == sorted(cloud().access.admins)


class TestTheNetwork:
    def test_has_pods_and_services_beside_the_nodes(self, recording: Recording) -> None:
        (network,), (subnet,) = of_type(recording, "Network"), of_type(recording, "Subnetwork")
        assert network.inputs["autoCreateSubnetworks"] is False
        assert subnet.inputs["ipCidrRange"] == "10.64.0.0/21"
        ranges = {each["rangeName"]: each["ipCidrRange"] for each in subnet.inputs["secondaryIpRanges"]}
        assert ranges == {"pods": "10.68.0.0/16", "services": "172.20.0.0/16"}
        (cluster,) = of_type(recording, "Cluster")
        policy = cluster.inputs["ipAllocationPolicy"]
        assert {policy["clusterSecondaryRangeName"], policy["servicesSecondaryRangeName"]} == set(ranges)

    def test_reaches_google_privately_and_logs_its_flows(self, recording: Recording) -> None:
        (subnet,) = of_type(recording, "Subnetwork")
        assert subnet.inputs["privateIpGoogleAccess"] is True
        assert subnet.inputs["logConfig"]["metadata"] == "INCLUDE_ALL_METADATA"

    def test_leaves_by_addresses_that_stay(self, recording: Recording) -> None:
        (nat,) = of_type(recording, "RouterNat")
        assert nat.inputs["natIpAllocateOption"] == "MANUAL_ONLY"
        assert len(nat.inputs["natIps"]) == len(of_type(recording, "Address")) == 2

    def test_lets_in_nothing_from_the_internet(self, recording: Recording) -> None:
        for rule in of_type(recording, "Firewall"):
            if rule.inputs.get("allows"):
                assert rule.inputs["sourceRanges"] == ["10.64.12.0/22"], rule.name


class TestNodes:
    def test_have_no_public_address(self, recording: Recording) -> None:
        assert all(pool["networkConfig"]["enablePrivateNodes"] is True for pool in pools(recording).values())

    def test_keep_their_metadata_from_pods(self, recording: Recording) -> None:
        for pool in pools(recording).values():
            assert pool["nodeConfig"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
            assert pool["nodeConfig"]["metadata"] == {"disable-legacy-endpoints": "true"}

    def test_boot_what_is_signed_alone_and_answer_no_unknown_callers(self, recording: Recording) -> None:
        for pool in pools(recording).values():
            assert set(pool["nodeConfig"]["shieldedInstanceConfig"].values()) == {True}
            assert pool["nodeConfig"]["kubeletConfig"] == {"insecureKubeletReadonlyPortEnabled": "FALSE"}

    def test_have_disks_encrypted_with_our_key(self, recording: Recording) -> None:
        assert all(p["nodeConfig"]["bootDiskKmsKey"] == f"{KEYS}/data" for p in pools(recording).values())

    def test_are_repaired_and_upgraded_without_spare_gpus(self, recording: Recording) -> None:
        for pool in pools(recording).values():
            assert pool["management"] == {"autoRepair": True, "autoUpgrade": True}
            has_gpus = bool(pool["nodeConfig"].get("guestAccelerators"))
            upgrades = pool["upgradeSettings"]
            assert (upgrades["maxSurge"], upgrades["maxUnavailable"]) == ((0, 1) if has_gpus else (1, 0))

    def test_scale_between_the_limits_of_the_stack_in_all_zones_together(self, recording: Recording) -> None:
        for name, spec in load(FILE).spec.node_pools.items():
            pool = pools(recording)[name]
            scaling = pool["autoscaling"]
            assert (scaling["totalMinNodeCount"], scaling["totalMaxNodeCount"]) == (spec.min, spec.max)
            zones = len(pool["nodeLocations"])
            assert spec.min <= pool["initialNodeCount"] * zones < spec.min + zones

    def test_with_gpus_have_driver_label_and_taint_and_others_do_not(self, recording: Recording) -> None:
        stack = load(FILE).spec.node_pools
        for name, pool in pools(recording).items():
            node, accelerator = pool["nodeConfig"], stack[name].accelerator
            assert node["labels"]["bedplate.dev/pool"] == name
            assert node["labels"].get("bedplate.dev/accelerator") == accelerator
            taint = {"effect": "NO_SCHEDULE", "key": "nvidia.com/gpu", "value": "present"}
            system = {"effect": "NO_SCHEDULE", "key": "CriticalAddonsOnly", "value": "true"}
            assert node["taints"] == ([system] if name == "system" else [taint] if accelerator else [])
            drivers = [gpu["gpuDriverInstallationConfig"] for gpu in node["guestAccelerators"]]
            assert drivers == ([{"gpuDriverVersion": "DEFAULT"}] if accelerator else [])

    def test_with_an_interconnect_stand_together_and_have_networks_for_their_gpus(self, recording: Recording) -> None:
        joined = {name for name, pool in pools(recording).items() if pool.get("placementPolicy")}
        assert joined == {"h100"}
        pool = pools(recording)["h100"]
        assert pool["placementPolicy"] == {"type": "COMPACT"}
        assert pool["nodeLocations"] == ["europe-west4-a"]
        assert pool["networkConfig"]["acceleratorNetworkProfile"] == "auto"
        assert pool["nodeConfig"]["labels"]["cloud.google.com/gke-networking-dra-driver"] == "true"
        assert pool["nodeConfig"]["gvnic"] == {"enabled": True}

    def test_may_do_no_more_than_log_and_pull(self, recording: Recording) -> None:
        roles = {b.inputs["role"] for b in bindings(recording) if b.inputs["member"] == NODES}
        assert roles == {"roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"}


class TestProtection:
    def test_covers_what_must_not_be_lost(self, recording: Recording) -> None:
        kinds = {resource.type for resource in recording.resources if resource.protect}
        assert kinds == PROTECTED
        lost = [r.name for r in recording.resources if r.type in PROTECTED and not r.protect]
        assert lost == []


def words(value: Any) -> Iterator[str]:
    """Every value of an enumeration in a resource's inputs."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from words(each)
    elif isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", value):
        yield value


class TestThePreview:
    def test_needs_no_network_and_warns_of_nothing(self, recording: Recording) -> None:
        """Sockets are disabled in every test."""
        assert len([r for r in recording.resources if r.type.startswith("gcp:")]) > 40
        assert recording.warnings == []

    def test_writes_values_that_the_sdk_documents(self, recording: Recording) -> None:
        """Values of enumerations are text to the SDK; its descriptions list them."""
        documented: dict[str, set[str]] = {}
        written: set[str] = set()
        package = Path(pulumi_gcp.__file__).parent
        for resource in recording.resources:
            if not resource.type.startswith("gcp:"):
                continue
            module = resource.type.split(":")[1].partition("/")[0]
            if module not in documented:
                text = "".join(path.read_text() for path in (package / module).glob("*.py"))
                documented[module] = set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", text))
            assert set(words(resource.inputs)) <= documented[module], resource.name
            written.update(words(resource.inputs))
        assert {"NO_MINOR_UPGRADES", "COMPACT", "DATA_READ", "FORECASTED_SPEND", "UNTAGGED"} <= written
        assert "NO_MINOR_UPGRADE" not in documented["container"]


def test_describing_a_cluster_imports_no_sdk() -> None:
    program = (
        "import sys; import bedplate.clouds.gcp.spec\n"
        "print([name for name in sys.modules if name.startswith('pulumi_gcp')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
