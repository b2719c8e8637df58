"""What the Google Cloud stack stores, and who may read it."""

import pytest

from bedplate.clouds.contract import BucketGrant, SecretsGrant
from bedplate.clouds.gcp.audit import DATA_ACCESS
from bedplate.clouds.gcp.identity import permission_of, principal
from bedplate.engine.engine import Recording
from gcp_stack import FILE, KEYS, bindings, cloud, of_type
from harness import record_stack


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


class TestStores:
    def test_no_bucket_is_public(self, recording: Recording) -> None:
        for bucket in of_type(recording, "Bucket"):
            assert bucket.inputs["publicAccessPrevention"] == "enforced"
            assert bucket.inputs["uniformBucketLevelAccess"] is True

    def test_every_store_is_encrypted_with_our_key_once_google_may_use_it(self, recording: Recording) -> None:
        (registry,) = of_type(recording, "Repository")
        assert registry.inputs["kmsKeyName"] == f"{KEYS}/data"
        for bucket in of_type(recording, "Bucket"):
            assert bucket.inputs["encryption"] == {"defaultKmsKeyName": f"{KEYS}/data"}
        usable = {member.urn for member in of_type(recording, "CryptoKeyIAMMember")}
        for store in [registry, *of_type(recording, "Bucket")]:
            assert usable <= set(store.dependencies)

    def test_volumes_are_encrypted_with_our_key(self, recording: Recording) -> None:
        storage = {r.inputs["metadata"]["name"]: r.inputs for r in of_type(recording, "StorageClass")}
        assert set(storage) == {"bedplate-deleted", "bedplate-retained", "bedplate-shared"}
        keys = ("disk-encryption-kms-key", "disk-encryption-kms-key", "instance-encryption-kms-key")
        for name, key in zip(sorted(storage), keys, strict=True):
            assert storage[name]["parameters"][key] == f"{KEYS}/data"
        assert storage["bedplate-shared"]["parameters"]["network"] == "nordwind-ml"

    def test_all_services_that_use_the_data_key_may(self, recording: Recording) -> None:
        members = {m.inputs["member"] for m in of_type(recording, "CryptoKeyIAMMember") if "-data-" in m.name}
        agents = ("cloud-filer", "compute-system", "gcp-sa-artifactregistry", "gs-project-accounts")
        assert members == {f"serviceAccount:service-123456789012@{agent}.iam.gserviceaccount.com" for agent in agents}

    def test_audit_logs_stay_as_long_as_the_stack_says_and_nobody_deletes_them(self, recording: Recording) -> None:
        (bucket,) = [b for b in of_type(recording, "Bucket") if "-audit-" in b.name]
        assert bucket.inputs["retentionPolicy"]["retentionPeriod"] == str(730 * 24 * 3600)
        ages = [rule["condition"].get("age") for rule in bucket.inputs["lifecycleRules"]]
        assert 730 in ages

    def test_audit_logs_are_written_by_the_sink_alone(self, recording: Recording) -> None:
        (member,) = [m for m in of_type(recording, "BucketIAMMember") if "vision" not in m.name]
        assert member.inputs["role"] == "roles/storage.objectCreator"
        assert member.inputs["member"].endswith("@gcp-sa-logging.iam.gserviceaccount.com")

    def test_reads_of_secrets_keys_and_the_api_server_are_audited(self, recording: Recording) -> None:
        configured = {r.inputs["service"]: r.inputs["auditLogConfigs"] for r in of_type(recording, "IAMAuditConfig")}
        assert set(configured) == set(DATA_ACCESS)
        for kinds in configured.values():
            assert {kind["logType"] for kind in kinds} == {"ADMIN_READ", "DATA_READ", "DATA_WRITE"}
        (sink,) = of_type(recording, "ProjectSink")
        for log in ("activity", "data_access"):
            assert f"cloudaudit.googleapis.com%2F{log}" in sink.inputs["filter"]

    def test_overwritten_artifacts_can_be_had_back(self, recording: Recording) -> None:
        (bucket,) = [b for b in of_type(recording, "Bucket") if "-artifacts-" in b.name]
        assert bucket.inputs["versioning"] == {"enabled": True}

    def test_keys_rotate(self, recording: Recording) -> None:
        assert all(key.inputs["rotationPeriod"] == "7776000s" for key in of_type(recording, "CryptoKey"))

    def test_images_are_scanned_and_cannot_be_moved(self, recording: Recording) -> None:
        (repository,) = of_type(recording, "Repository")
        assert repository.inputs["dockerConfig"] == {"immutableTags": True}
        assert repository.inputs["vulnerabilityScanningConfig"] == {"enablementConfig": "INHERITED"}

    def test_the_zone_is_signed(self, recording: Recording) -> None:
        (zone,) = of_type(recording, "ManagedZone")
        assert zone.inputs["dnssecConfig"]["state"] == "on"
        assert zone.inputs["dnsName"] == "ml.nordwind.example."


class TestLeastPrivilege:
    def test_nobody_is_owner_editor_or_viewer_and_nobody_is_everybody(self, recording: Recording) -> None:
        assert len(bindings(recording)) > 8
        for binding in bindings(recording):
            assert binding.inputs["role"] not in {"roles/owner", "roles/editor", "roles/viewer"}, binding.name
            assert not binding.inputs["member"].startswith("all"), binding.name

    def test_the_default_accounts_get_nothing(self, recording: Recording) -> None:
        for binding in bindings(recording):
            assert not binding.inputs["member"].endswith("-compute@developer.gserviceaccount.com"), binding.name

    def test_roles_of_the_project_are_few(self, recording: Recording) -> None:
        """Reading secrets is a role of the project too, because a prefix can be said in a condition alone: nobody has
        it without one, and nobody for more than a tenant's prefix."""
        members = [member.inputs for member in of_type(recording, "IAMMember")]
        everywhere = {member["role"] for member in members if not member.get("condition")}
        assert everywhere == {"roles/container.admin", "roles/container.defaultNodeServiceAccount"}
        within = [member for member in members if member.get("condition")]
        assert {member["role"] for member in within} == {"roles/secretmanager.secretAccessor"}
        prefixes = [member["condition"]["expression"].rpartition("/secrets/")[2] for member in within]
        assert sorted(prefixes) == [f'{tenant}_")' for tenant in ("forecasting", "routing", "vision")]

    def test_there_is_no_key_of_an_account(self, recording: Recording) -> None:
        assert not [r for r in recording.resources if r.type.startswith("gcp:serviceaccount/key")]

    def test_cert_manager_writes_records_of_one_zone_alone(self, recording: Recording) -> None:
        (binding,) = of_type(recording, "DnsManagedZoneIamMember")
        (zone,), (role,) = of_type(recording, "ManagedZone"), of_type(recording, "IAMCustomRole")
        assert binding.inputs["managedZone"] == zone.inputs["name"]
        assert binding.inputs["role"].endswith(f"/roles/{role.inputs['roleId']}")
        assert binding.inputs["member"] == principal(cloud(), "bedplate-certificates", "cert-manager")
        assert {permission.split(".")[1] for permission in role.inputs["permissions"]} == {
            "changes",
            "resourceRecordSets",
        }

    def test_a_principal_is_one_service_account(self) -> None:
        assert principal(cloud(), "vision", "api") == (
            "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/"
            "nordwind-ml-prod.svc.id.goog/subject/ns/vision/sa/api"
        )

    def test_a_grant_gives_what_it_says_and_no_more(self) -> None:
        grants = [
            BucketGrant(bucket="models", access="read", prefix="vision/"),
            BucketGrant(bucket="models", access="write"),
            SecretsGrant(prefix="vision/"),
        ]
        below, everything, secrets = (permission_of(grant, cloud()) for grant in grants)
        assert (below.bucket, below.role) == ("models", "roles/storage.objectViewer")
        assert below.expression == (
            'resource.name.startsWith("projects/_/buckets/models/objects/vision/") || '
            'api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith("vision/")'
        )
        assert (everything.role, everything.expression) == ("roles/storage.objectUser", "")
        assert (secrets.bucket, secrets.role) == ("", "roles/secretmanager.secretAccessor")
        assert secrets.expression == 'resource.name.startsWith("projects/123456789012/secrets/vision_")'

    def test_a_tenants_secrets_are_not_those_of_one_whose_name_begins_alike(self) -> None:
        vision = permission_of(SecretsGrant(prefix="vision/"), cloud())
        prefix = vision.expression.partition('"')[2].rpartition('"')[0]
        assert not "projects/123456789012/secrets/vision-two_token".startswith(prefix)
