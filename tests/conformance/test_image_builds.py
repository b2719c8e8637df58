"""Builds that push as an identity of a cloud: to the images of their tenant, with no password, and nowhere else."""

import json
from functools import cache
from typing import Any

import pytest

from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource, revealed
from bedplate.labels import CACHE_TAG
from bedplate.offered import OFFERED_KEY, Offered
from every_cloud import MANAGED, managed, pushing
from harness import objects, pod_templates, record

PLACE = "bedplate-builds-vision"
SUBJECT = f"system:serviceaccount:{PLACE}:build"
CREDENTIALS = {
    "aws": {"169.254.170.23/32"},
    "gcp": {"169.254.169.252/32", "169.254.169.254/32"},
    # Pods show a token of Kubernetes; the registry answers in the network, at a private endpoint.
    "azure": {"10.0.240.0/24"},
}


def on_google() -> GcpClusterSpec:
    section = managed("gcp")
    assert isinstance(section, GcpClusterSpec)
    return section


def on_azure() -> AzureClusterSpec:
    section = managed("azure")
    assert isinstance(section, AzureClusterSpec)
    return section


@cache
def recording(cloud: str) -> Recording:
    """The shipped stack, in which two tenants build."""
    return record(pushing(cloud, "vision", "forecasting"))


def named(cloud: str, kind: str, *parts: str) -> list[Resource]:
    return [
        each
        for each in recording(cloud).resources
        if each.type.endswith(kind) and any(part in each.name for part in parts)
    ]


def body(cloud: str, kind: str, name: str) -> Any:
    """An object where vision's images are built."""
    (found,) = [
        each.inputs
        for each in objects(recording(cloud), kind)
        if (each.inputs["metadata"].get("namespace"), each.inputs["metadata"]["name"]) == (PLACE, name)
    ]
    return revealed(found)


def identity(cloud: str, kind: str) -> list[Resource]:
    """What vision's builds are in the cloud: their ServiceAccount is named there."""
    return [each for each in recording(cloud).resources if each.type.endswith(kind) and SUBJECT in str(each.inputs)]


class TestWhatABuildMayPush:
    def test_is_the_tenants_own_on_aws(self) -> None:
        (association,) = [
            each for each in named("aws", ":PodIdentityAssociation", "") if each.inputs["namespace"] == PLACE
        ]
        prefix = association.name.removesuffix("-association")
        (permissions,) = named("aws", ":RolePolicy", f"{prefix}-")
        sign_in, push = json.loads(permissions.inputs["policy"])["Statement"]
        assert (sign_in["Action"], sign_in["Resource"]) == (["ecr:GetAuthorizationToken"], "*")
        assert push["Resource"] == ["arn:aws:ecr:eu-central-1:123456789012:repository/nordwind-ml/images/vision/*"]
        assert {action.partition(":")[0] for action in push["Action"]} == {"ecr"}
        assert not [action for action in push["Action"] if "Delete" in action or "Policy" in action]

    def test_is_the_tenants_own_on_google_cloud(self) -> None:
        who = f"/subject/ns/{PLACE}/sa/build"
        granted = [
            each.inputs for each in recording("gcp").resources if str(each.inputs.get("member", "")).endswith(who)
        ]
        assert {each["role"] for each in granted} == {"roles/artifactregistry.writer"}
        own = {on_google().tenant_repository("vision", purpose) for purpose in ("images", "cache")}
        assert {each["repository"] for each in granted} == own

    def test_is_the_tenants_own_on_azure(self) -> None:
        (trust,) = identity("azure", ":FederatedIdentityCredential")
        prefix = trust.name.removesuffix("-trust")
        (assignment,) = named("azure", ":RoleAssignment", f"{prefix}-")
        assert assignment.inputs["roleDefinitionId"].endswith("8311e382-0749-4cb8-b61a-304f252e45ec")
        registries = {
            each.inputs["registryName"]: each.name
            for each in recording("azure").resources
            if each.type.endswith(":Registry")
        }
        assert len(registries) == 3
        assert registries[on_azure().tenant_registry("vision")].endswith("-registry-vision-registry")
        assert on_azure().tenant_registry("vision") in assignment.inputs["scope"]


@pytest.mark.parametrize("cloud", MANAGED)
class TestOnEachCloud:
    def test_nobody_else_has_anything_of_it(self, cloud: str) -> None:
        """Another tenant's builds are another identity's, and have another place."""
        places = [managed(cloud).images_place(tenant) for tenant in ("vision", "forecasting")]
        assert len({place.images for place in places if place}) == 2
        assert len({place.caches for place in places if place}) == 2

    def test_there_is_no_password(self, cloud: str) -> None:
        config = json.loads(body(cloud, "Secret", "registry-push")["stringData"][".dockerconfigjson"])
        place = managed(cloud).images_place("vision")
        assert place is not None
        assert config == {"credHelpers": {place.images.partition("/")[0]: "cloud"}}

    def test_the_pod_acts_as_its_account(self, cloud: str) -> None:
        account = body(cloud, "ServiceAccount", "build")
        template = body(cloud, "PodTemplate", "build")["template"]
        assert template["spec"]["serviceAccountName"] == "build"
        if cloud == "azure":
            assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        expected = {
            "aws": {"eks.amazonaws.com/role-arn"},
            "gcp": set[str](),
            "azure": {"azure.workload.identity/client-id"},
        }
        assert {key for key in account["metadata"]["annotations"] if "bedplate" not in key} == expected[cloud]

    def test_its_pods_alone_reach_where_credentials_are(self, cloud: str) -> None:
        way = body(cloud, "NetworkPolicy", "cloud")["spec"]
        assert {peer["ipBlock"]["cidr"] for rule in way["egress"] for peer in rule["to"]} >= CREDENTIALS[cloud] - {
            "10.0.240.0/24"
        }
        assert {port["port"] for rule in way["egress"] for port in rule["ports"]} <= {80, 988, 443}

    def test_members_are_told_where_images_and_caches_are(self, cloud: str) -> None:
        (offered,) = [
            Offered.read(each.inputs)
            for each in objects(recording(cloud), "ConfigMap")
            if each.inputs["metadata"]["namespace"] == "vision" and OFFERED_KEY in each.inputs.get("data", {})
        ]
        place = managed(cloud).images_place("vision")
        assert place is not None
        assert (offered.registry, offered.caches, offered.builds) == (place.images, place.caches, True)

    def test_nodes_may_pull_what_is_built(self, cloud: str) -> None:
        readers = {
            "aws": "AmazonEC2ContainerRegistryPullOnly",
            "gcp": "roles/artifactregistry.reader",
            "azure": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        }
        found = [each for each in recording(cloud).resources if readers[cloud] in str(each.inputs)]
        # Azure's and Google's are given for each place: the platform's, and each tenant's.
        assert len(found) == (1 if cloud == "aws" else 3)


class TestTags:
    def test_never_move_on_aws_but_that_of_a_cache(self) -> None:
        for kind in (":Repository", ":RepositoryCreationTemplate"):
            (repository,) = named("aws", kind, "")
            assert repository.inputs["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
            assert repository.inputs["imageTagMutabilityExclusionFilters"] == [
                {"filter": CACHE_TAG, "filterType": "WILDCARD"}
            ]

    def test_never_move_on_google_cloud_but_where_caches_are(self) -> None:
        found = {
            each.inputs["repositoryId"]: each.inputs["dockerConfig"]["immutableTags"]
            for each in named("gcp", ":Repository", "")
        }
        assert len(found) == 5
        assert {name for name, immutable in found.items() if not immutable} == {
            on_google().tenant_repository(tenant, "cache") for tenant in ("vision", "forecasting")
        }


@pytest.mark.parametrize("cloud", MANAGED)
def test_old_images_go(cloud: str) -> None:
    """Those that lost their tag within a week, on each registry that holds images; caches within a month."""
    rules = {
        "aws": (":RepositoryCreationTemplate", lambda inputs: '"countNumber": 7' in inputs["lifecyclePolicy"]),
        "gcp": (":Repository", lambda inputs: inputs["cleanupPolicies"] and not inputs["cleanupPolicyDryRun"]),
        "azure": (
            ":Registry",
            lambda inputs: inputs["policies"]["retentionPolicy"] == {"days": 7, "status": "enabled"},
        ),
    }
    kind, cleans = rules[cloud]
    found = named(cloud, kind, "")
    assert found
    assert all(cleans(each.inputs) for each in found)


def test_pods_of_builds_are_the_only_ones_with_the_helper() -> None:
    """Who has no identity of a cloud has no program that asks for one."""
    assert not [body for _, body in pod_templates(recording("aws")) if "krane" in json.dumps(body["spec"])]


PULLS = {
    "aws": "ecr:BatchGetImage",
    "gcp": "roles/artifactregistry.reader",
    "azure": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
}
PUSHES = {
    "aws": "ecr:PutImage",
    "gcp": "roles/artifactregistry.writer",
    "azure": "8311e382-0749-4cb8-b61a-304f252e45ec",
}
"""What says so in a right of each cloud."""


@pytest.mark.parametrize("cloud", MANAGED)
def test_scans_pull_and_push_nothing(cloud: str) -> None:
    found = record(pushing(cloud, "vision", scan={}))
    alone = {each.urn for each in record(pushing(cloud, "vision")).resources}
    added = json.dumps(
        [
            # A policy of AWS is a text.
            json.loads(each.inputs["policy"]) if each.type.endswith(":RolePolicy") else each.shown()
            for each in found.resources
            if each.urn not in alone and not each.type.startswith("kubernetes:")
        ],
        default=str,
    )
    assert PULLS[cloud] in added
    assert PUSHES[cloud] not in added
