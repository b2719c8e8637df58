"""The AWS stack's resources against the field's hardening rules, each named by its test."""

import json

import pytest

from aws_stack import FILE, act_as_themselves, cloud, documents, listed, of_type
from bedplate.clouds.aws.identity import permissions_of
from bedplate.clouds.contract import BucketGrant, SecretsGrant
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Secret
from bedplate.kubernetes.pods import NON_ROOT_USER
from bedplate.plans.planning import written_platform
from bedplate.stack_file.reading import load
from harness import objects, record, record_stack

PROTECTED = {
    "aws:ec2/eip:Eip",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ecr/repository:Repository",
    "aws:efs/fileSystem:FileSystem",
    "aws:eks/cluster:Cluster",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "aws:iam/role:Role",
    "aws:kms/alias:Alias",
    "aws:kms/key:Key",
    "aws:route53/zone:Zone",
    "aws:s3/bucket:Bucket",
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


class TestTheCluster:
    def test_has_a_private_endpoint_by_default(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        network = cluster.inputs["vpcConfig"]
        assert network["endpointPrivateAccess"] is True
        assert network["endpointPublicAccess"] is False

    def test_encrypts_secrets_with_a_key_of_its_own(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        encryption = cluster.inputs["encryptionConfig"]
        assert encryption["resources"] == ["secrets"]
        assert ":key/" in encryption["provider"]["keyArn"]

    def test_logs_everything_into_a_group_that_is_there_first(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        (group,) = of_type(recording, "LogGroup")
        logged = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
        assert set(cluster.inputs["enabledClusterLogTypes"]) == logged
        assert group.urn in cluster.dependencies
        assert group.inputs["name"] == f"/aws/eks/{cluster.inputs['name']}/cluster"

    def test_is_entered_by_access_entries_alone(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["accessConfig"] == {
            "authenticationMode": "API",
            "bootstrapClusterCreatorAdminPermissions": False,
        }
        admins = {entry.inputs["principalArn"] for entry in of_type(recording, "AccessEntry")}
        assert admins == set(cloud().access.admins)

    def test_cannot_be_deleted_by_accident(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert cluster.inputs["deletionProtection"] is True

    def test_enforces_network_policies_before_nodes_join(self, recording: Recording) -> None:
        (network,) = [addon for addon in of_type(recording, "Addon") if addon.inputs["addonName"] == "vpc-cni"]
        assert json.loads(network.inputs["configurationValues"])["enableNetworkPolicy"] == "true"
        for group in of_type(recording, "NodeGroup"):
            assert network.urn in group.dependencies

    def test_is_reached_with_a_kubeconfig_that_is_secret_and_holds_no_credential(self, recording: Recording) -> None:
        (provider,) = [r for r in recording.resources if r.type == "pulumi:providers:kubernetes"]
        assert isinstance(provider.inputs["kubeconfig"], Secret)
        (user,) = json.loads(provider.inputs["kubeconfig"].value)["users"]
        assert set(user["user"]) == {"exec"}
        assert user["user"]["exec"]["args"][:2] == ["eks", "get-token"]
        assert provider.inputs["clusterIdentifier"].endswith(":cluster/nordwind-ml")


class TestPeopleAtKubectl:
    def test_come_from_the_provider_under_a_prefix_that_keeps_them_apart(self, recording: Recording) -> None:
        (config,) = of_type(recording, "IdentityProviderConfig")
        assert config.inputs["oidc"] == {
            "identityProviderConfigName": "nordwind-ml",
            "issuerUrl": "https://nordwind.okta.com/oauth2/aus4f2kq81ml",
            "clientId": "0oa9kubectl0ml",
            "usernameClaim": "email",
            "usernamePrefix": "oidc:",
            "groupsClaim": "groups",
            "groupsPrefix": "oidc:",
        }
        assert not config.protect

    def test_are_members_by_the_names_that_the_api_server_gives_their_groups(self, recording: Recording) -> None:
        (config,) = of_type(recording, "IdentityProviderConfig")
        for tenant in load(FILE).spec.tenants:
            (binding,) = (
                each
                for each in objects(recording, "RoleBinding")
                if each.inputs["metadata"]["namespace"] == load(FILE).spec.namespace(tenant.name)
                and each.inputs["metadata"]["name"] == "members"
            )
            named = [subject["name"] for subject in binding.inputs["subjects"]]
            assert named == [f"{config.inputs['oidc']['groupsPrefix']}{group}" for group in tenant.groups]

    def test_are_iams_alone_without_a_provider(self) -> None:
        written = written_platform(FILE)
        access = {key: value for key, value in written["cloud"]["access"].items() if key != "identityProvider"}
        recording = record({**written, "cloud": {**written["cloud"], "access": access}})
        assert not [each for each in recording.resources if "IdentityProviderConfig" in each.type]
        assert "groupPrefix" not in recording.outputs["facts"]
        groups = {group for tenant in load(FILE).spec.tenants for group in tenant.groups}
        subjects = [subject for each in objects(recording, "RoleBinding") for subject in each.inputs["subjects"]]
        assert {subject["name"] for subject in subjects if subject["kind"] == "Group"} == groups


class TestNodes:
    def test_demand_imdsv2_and_keep_it_from_pods(self, recording: Recording) -> None:
        for template in of_type(recording, "LaunchTemplate"):
            assert template.inputs["metadataOptions"]["httpTokens"] == "required"
            assert template.inputs["metadataOptions"]["httpPutResponseHopLimit"] == 1

    def test_follow_the_clusters_version(self, recording: Recording) -> None:
        (cluster,) = of_type(recording, "Cluster")
        assert {group.inputs["version"] for group in of_type(recording, "NodeGroup")} == {cluster.inputs["version"]}

    def test_have_encrypted_disks(self, recording: Recording) -> None:
        for template in of_type(recording, "LaunchTemplate"):
            (disk,) = template.inputs["blockDeviceMappings"]
            assert disk["ebs"]["encrypted"] == "true"
            assert ":key/" in disk["ebs"]["kmsKeyId"]

    def test_have_no_public_address(self, recording: Recording) -> None:
        private = {s.urn for s in of_type(recording, "Subnet") if "-private-" in s.name}
        public = {s.urn for s in of_type(recording, "Subnet")} - private
        assert all(s.inputs["mapPublicIpOnLaunch"] is False for s in of_type(recording, "Subnet"))
        for group in of_type(recording, "NodeGroup"):
            assert private & set(group.dependencies)
            assert not public & set(group.dependencies)

    def test_with_gpus_have_driver_label_and_taint_and_others_do_not(self, recording: Recording) -> None:
        pools = load(FILE).spec.node_pools
        for group in of_type(recording, "NodeGroup"):
            name = group.inputs["labels"]["bedplate.dev/pool"]
            accelerator = pools[name].accelerator
            assert group.inputs["labels"].get("bedplate.dev/accelerator") == accelerator
            expected = [{"effect": "NO_SCHEDULE", "key": "nvidia.com/gpu", "value": "present"}] if accelerator else []
            if name == "system":
                expected = [{"effect": "NO_SCHEDULE", "key": "CriticalAddonsOnly", "value": "true"}]
            assert group.inputs["taints"] == expected
            assert group.inputs["amiType"].endswith("_NVIDIA") == bool(accelerator)

    def test_with_an_interconnect_stand_together_and_have_all_cards(self, recording: Recording) -> None:
        (template,) = [t for t in of_type(recording, "LaunchTemplate") if t.inputs.get("networkInterfaces")]
        cards = template.inputs["networkInterfaces"]
        assert [card["networkCardIndex"] for card in cards] == list(range(32))
        assert [card["interfaceType"] for card in cards] == ["efa"] + ["efa-only"] * 31
        assert template.inputs["placement"]["groupName"]
        (group,) = [g for g in of_type(recording, "NodeGroup") if "-h100-" in g.name]
        assert len(group.inputs["subnetIds"]) == 1

    def test_may_do_no_more_than_join_and_pull(self, recording: Recording) -> None:
        attached = [a.inputs["policyArn"] for a in of_type(recording, "RolePolicyAttachment") if "-nodes-" in a.name]
        assert sorted(arn.rpartition("/")[2] for arn in attached) == [
            "AmazonEC2ContainerRegistryPullOnly",
            "AmazonEKSWorkerNodeMinimalPolicy",
        ]


class TestStores:
    @pytest.mark.parametrize("part", ["BucketPublicAccessBlock", "BucketPolicy", "BucketVersioning"])
    def test_every_bucket_has(self, recording: Recording, part: str) -> None:
        assert len(of_type(recording, part)) == len(of_type(recording, "Bucket"))

    def test_no_bucket_is_public(self, recording: Recording) -> None:
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        for block in of_type(recording, "BucketPublicAccessBlock"):
            assert all(block.inputs[flag] is True for flag in flags)

    def test_every_bucket_is_encrypted_with_our_key(self, recording: Recording) -> None:
        for encryption in of_type(recording, "BucketServerSideEncryptionConfiguration"):
            (rule,) = encryption.inputs["rules"]
            assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"

    def test_no_bucket_speaks_without_tls(self, recording: Recording) -> None:
        for bucket in of_type(recording, "BucketPolicy"):
            denied = [s for s in json.loads(bucket.inputs["policy"])["Statement"] if s["Effect"] == "Deny"]
            assert {"Bool": {"aws:SecureTransport": "false"}} in [s.get("Condition") for s in denied]

    def test_audit_logs_stay_as_long_as_the_stack_says_and_nobody_deletes_them(self, recording: Recording) -> None:
        (rules,) = [r for r in of_type(recording, "BucketLifecycleConfiguration") if "-audit-" in r.name]
        assert rules.inputs["rules"][0]["expiration"]["days"] == 730
        (policy,) = [p for p in of_type(recording, "BucketPolicy") if "-audit-" in p.name]
        (denial,) = [s for s in json.loads(policy.inputs["policy"])["Statement"] if s.get("Sid") == "NobodyDeletes"]
        assert set(denial["Action"]) == {"s3:DeleteObject", "s3:DeleteObjectVersion"}
        assert denial["Principal"] == "*"

    def test_shared_files_are_encrypted_backed_up_and_reached_by_nodes_alone(self, recording: Recording) -> None:
        (files,), (backup,) = of_type(recording, "FileSystem"), of_type(recording, "BackupPolicy")
        assert files.inputs["encrypted"] is True
        assert ":key/" in files.inputs["kmsKeyId"]
        assert backup.inputs["backupPolicy"] == {"status": "ENABLED"}
        targets = of_type(recording, "MountTarget")
        private = {s.urn for s in of_type(recording, "Subnet") if "-private-" in s.name}
        assert len({target.inputs["subnetId"] for target in targets}) == len(targets) == len(private)
        assert all(private & set(target.dependencies) for target in targets)
        (rule,) = [r for r in of_type(recording, "SecurityGroupIngressRule") if "-mounts-" in r.name]
        (cluster,) = of_type(recording, "Cluster")
        assert "cidrIpv4" not in rule.inputs
        assert cluster.urn in rule.dependencies
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (2049, 2049)

    def test_shared_volumes_are_directories_of_the_platforms_file_system(self, recording: Recording) -> None:
        (shared,) = [o for o in recording.resources if o.name.endswith("-bedplate-shared")]
        assert shared.inputs["provisioner"] == "efs.csi.aws.com"
        assert shared.inputs["parameters"]["fileSystemId"].startswith("fs-")
        assert shared.inputs["parameters"]["uid"] == str(NON_ROOT_USER)
        assert shared.inputs["reclaimPolicy"] == "Retain"

    def test_the_trail_is_encrypted_with_our_key(self, recording: Recording) -> None:
        (trail,) = of_type(recording, "Trail")
        (allowed,) = [s for _, statements in documents(recording) for s in statements if s.get("Sid") == "Trail"]
        assert ":key/" in trail.inputs["kmsKeyId"]
        assert allowed["Condition"]["StringEquals"]["aws:SourceArn"].endswith(f":trail/{trail.inputs['name']}")
        assert "kms:Decrypt" in allowed["Action"]

    def test_a_push_to_a_new_name_makes_a_repository_like_ours(self, recording: Recording) -> None:
        (template,), (ours,) = of_type(recording, "RepositoryCreationTemplate"), of_type(recording, "Repository")
        assert ours.inputs["name"].startswith(f"{template.inputs['prefix']}/")
        assert template.inputs["appliedFors"] == ["CREATE_ON_PUSH"]
        for setting in ("imageTagMutability", "encryptionConfigurations"):
            assert template.inputs[setting] == ours.inputs[setting]

    def test_keys_rotate(self, recording: Recording) -> None:
        assert all(key.inputs["enableKeyRotation"] is True for key in of_type(recording, "Key"))

    def test_images_are_scanned_and_cannot_be_moved(self, recording: Recording) -> None:
        (repository,) = of_type(recording, "Repository")
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
        (only,) = repository.inputs["imageTagMutabilityExclusionFilters"]
        assert only == {"filter": "buildcache", "filterType": "WILDCARD"}
        assert repository.inputs["imageScanningConfiguration"]["scanOnPush"] is True


class TestLeastPrivilege:
    def test_no_policy_allows_every_action(self, recording: Recording) -> None:
        """But a key's own policy, where AWS demands that the account administers the key."""
        found = list(documents(recording))
        kinds = ("Role", "RolePolicy", "Key", "BucketPolicy", "FileSystemPolicy")
        assert len(found) == sum(len(of_type(recording, kind)) for kind in kinds)
        for name, statements in found:
            for statement in statements:
                wild = [action for action in listed(statement["Action"]) if "*" in action]
                is_administration = statement.get("Sid") == "Administration" and "-keys-" in name
                assert not wild or statement["Effect"] == "Deny" or is_administration, (name, statement)

    def test_every_resource_is_named_but_where_aws_takes_none(self, recording: Recording) -> None:
        for name, statements in documents(recording):
            for statement in statements:
                if "*" in listed(statement.get("Resource", [])) and "-keys-" not in name:
                    assert statement["Sid"].endswith("Everywhere"), (name, statement)
                    verbs = {action.partition(":")[2][:3] for action in statement["Action"]}
                    assert verbs <= {"Des", "Get", "Lis"}, (name, statement)

    def test_everybody_as_a_principal_is_bound_to_the_account_or_the_network(self, recording: Recording) -> None:
        for name, statements in documents(recording):
            for statement in statements:
                if statement["Effect"] == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"}):
                    condition = statement["Condition"]
                    of_account = condition.get("StringEquals", {}).get("kms:CallerAccount") == "123456789012"
                    of_network = condition.get("Bool", {}).get("elasticfilesystem:AccessedViaMountTarget") == "true"
                    assert of_account or of_network, name

    def test_services_take_roles_on_behalf_of_this_account_alone(self, recording: Recording) -> None:
        for role in of_type(recording, "Role"):
            for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]:
                # Neither says on whose behalf it does; nobody of another account can hand these roles to them. Tokens
                # of ServiceAccounts are no service's: test_aws_identities.py.
                if statement["Principal"].get("Service") not in (None, "ec2.amazonaws.com", "ecr.amazonaws.com"):
                    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}, role.name

    def test_cert_manager_writes_challenges_of_one_zone_alone(self, recording: Recording) -> None:
        (statements,) = [s for name, s in documents(recording) if name.endswith("-challenges-pods-permissions")]
        (write,) = [s for s in statements if "route53:ChangeResourceRecordSets" in s["Action"]]
        assert all(arn.startswith("arn:aws:route53:::hostedzone/Z") for arn in write["Resource"])
        assert write["Condition"]["ForAllValues:StringEquals"] == {
            "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]
        }

    def test_a_grant_gives_what_it_says_and_no_more(self) -> None:
        grants = [
            BucketGrant(bucket="models", access="read", prefix="vision/"),
            SecretsGrant(prefix="vision/"),
        ]
        statements = permissions_of(grants, cloud(), "arn:aws:kms:eu-central-1:1:key/k")
        actions = {action for statement in statements for action in statement["Action"]}
        assert actions == {
            "s3:GetObject",
            "s3:ListBucket",
            "secretsmanager:GetSecretValue",
            "secretsmanager:DescribeSecret",
            "kms:Decrypt",
            "kms:GenerateDataKey",
        }
        assert statements[1]["Resource"] == ["arn:aws:s3:::models/vision/*"]
        assert statements[0]["Condition"] == {"StringLike": {"s3:prefix": ["vision/*"]}}
        assert statements[2]["Resource"][0].endswith(":secret:vision/*")


class TestProtection:
    def test_covers_what_must_not_be_lost(self, recording: Recording) -> None:
        kinds = {resource.type for resource in recording.resources if resource.protect}
        assert kinds == PROTECTED
        lost = [r.name for r in recording.resources if r.type in PROTECTED and not r.protect]
        assert lost == act_as_themselves()


class TestThePreview:
    def test_needs_no_network_and_warns_of_nothing(self, recording: Recording) -> None:
        """Sockets are disabled in every test."""
        print(f"{len(recording.resources)} resources")
        assert len(recording.resources) > 150
        assert recording.warnings == []
