"""What the Azure stack stores, and who may read it."""

import re
import sys
from dataclasses import replace

import pytest

from azure_stack import FILE, cloud, of_type
from bedplate.clouds.azure.audit import CONTAINERS
from bedplate.clouds.azure.dns import CHALLENGE_ACTIONS
from bedplate.clouds.azure.identity import SHARE_ACTIONS, bucket_permission
from bedplate.clouds.azure.policies import ROLES
from bedplate.clouds.contract import BucketGrant
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project
from bedplate.stack_file.reading import load
from harness import ROOT, record_stack

TENANTS = ("vision", "forecasting", "routing")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


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
        assert ends == {*shared, spec.vault("secrets"), *(spec.vault(f"secrets/{one}") for one in TENANTS)}
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
        (trust,) = [c for c in of_type(recording, "FederatedIdentityCredential") if "-challenges-" in c.name]
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
        """Each tenant's store has one, and whoever else reads below the same prefix reads there."""
        vaults = {vault.inputs["vaultName"] for vault in of_type(granted, "Vault")}
        of_tenants = [f"secrets/{one}" for one in TENANTS]
        assert vaults == {cloud().vault(purpose) for purpose in ("secrets", "data", *of_tenants)}

    def test_are_read_in_that_vault_alone(self, granted: Recording) -> None:
        reads = [
            a
            for a in of_type(granted, "RoleAssignment")
            if a.inputs["roleDefinitionId"].endswith(ROLES["Key Vault Secrets User"])
        ]
        ends = [assignment.inputs["scope"].rpartition("/")[2] for assignment in reads]
        stores = [cloud().vault(f"secrets/{one}") for one in TENANTS]
        vision, routing = cloud().vault("secrets/vision"), cloud().vault("secrets/routing")
        assert sorted(ends) == sorted([*stores, vision, vision, routing])

    def test_are_reached_in_the_network(self, granted: Recording) -> None:
        endpoints = [
            e
            for e in of_type(granted, "PrivateEndpoint")
            if e.inputs["privateEndpointName"].startswith("nordwind-ml-secrets-")
        ]
        assert len(endpoints) == 1 + len(TENANTS)

    def test_are_granted_to_pods_that_trust_binds(self, granted: Recording) -> None:
        subjects = {trust.inputs["subject"] for trust in of_type(granted, "FederatedIdentityCredential")}
        assert "system:serviceaccount:vision:reader" in subjects
        assert granted.outputs["labels"] == {"azure.workload.identity/use": "true"}
        assert re.fullmatch(r"[0-9a-f-]{36}", granted.outputs["annotations"]["azure.workload.identity/client-id"])
