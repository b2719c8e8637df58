"""A tenant's store on each cloud: read as an identity of the tenant's own, for its prefix and no other."""

import json
from functools import cache
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import revealed
from bedplate.labels import RELOADED_WITH, SECRET_STORE
from every_cloud import MANAGED
from harness import (
    ROOT,
    job,
    model_api,
    objects,
    platform,
    pod_templates,
    record,
    tenant,
    written_platform,
)

NAMED = {"DB_PASSWORD": {"external": "database", "key": "password"}}
KEYS = {"aws": "vision/database", "gcp": "vision_database", "azure": "database"}
PROVIDERS = {"aws": "aws", "gcp": "gcpsm", "azure": "azurekv"}
SUBJECT = f"system:serviceaccount:vision:{SECRET_STORE}"


@cache
def recording(cloud: str) -> Recording:
    """The shipped stack with the cloud's store, of which one workload of `vision` asks."""
    written = written_platform(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")
    tenants = [dict(each) for each in written["tenants"]]
    vision = next(each for each in tenants if each["name"] == "vision")
    first, *others = vision["workloads"]
    vision["workloads"] = [{**first, "secretEnv": NAMED}, *others]
    return record({**written, "tenants": tenants, "secrets": {"store": "cloud"}})


def body(cloud: str, kind: str) -> Any:
    """The one of `vision`."""
    found = [each for each in objects(recording(cloud), kind) if each.inputs["metadata"]["namespace"] == "vision"]
    return revealed(found[0].inputs)


def of_the_reader(cloud: str, kind: str) -> list[Any]:
    """Resources of the cloud that the identity of vision's store has."""
    return [
        each.inputs
        for each in recording(cloud).resources
        if f"vision.{SECRET_STORE}" in each.name and each.type.endswith(kind)
    ]


@pytest.mark.parametrize("cloud", MANAGED)
class TestOnEachCloud:
    def test_each_tenant_has_one_and_it_signs_in_as_its_own_account(self, cloud: str) -> None:
        namespaces = [each.inputs["metadata"]["namespace"] for each in objects(recording(cloud), "SecretStore")]
        assert (
            len(namespaces)
            == len(set(namespaces))
            == len(written_platform(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")["tenants"])
        )
        for each in objects(recording(cloud), "SecretStore"):
            (provider, settings), *_ = each.inputs["spec"]["provider"].items()
            assert provider == PROVIDERS[cloud]
            assert json.dumps(revealed(settings)).count(f'{{"name": "{SECRET_STORE}"}}') == 1

    def test_what_is_asked_for_is_behind_the_tenants_prefix(self, cloud: str) -> None:
        asked = body(cloud, "ExternalSecret")
        (one,) = asked["spec"]["data"]
        assert (one["remoteRef"]["key"], one["remoteRef"]["property"]) == (KEYS[cloud], "password")
        assert asked["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": SECRET_STORE}
        assert asked["spec"]["target"]["creationPolicy"] == "Owner"


class TestItsIdentity:
    def test_is_a_role_for_its_prefix_on_aws(self) -> None:
        (permissions,) = of_the_reader("aws", ":RolePolicy")
        (statement,) = json.loads(permissions["policy"])["Statement"]
        assert [resource.rpartition(":")[2] for resource in statement["Resource"]] == ["vision/*"]
        assert set(statement["Action"]) == {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
        (role,) = of_the_reader("aws", "iam/role:Role")
        assert SUBJECT in json.dumps(role["assumeRolePolicy"])
        reader = next(
            each.inputs
            for each in objects(recording("aws"), "ServiceAccount")
            if (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]) == ("vision", SECRET_STORE)
        )
        assert "eks.amazonaws.com/role-arn" in reader["metadata"]["annotations"]

    def test_is_a_condition_on_its_prefix_on_google_cloud(self) -> None:
        (member,) = of_the_reader("gcp", ":IAMMember")
        assert member["member"].endswith(f"/subject/ns/vision/sa/{SECRET_STORE}")
        assert member["condition"]["expression"].endswith('/secrets/vision_")')

    def test_is_a_vault_of_its_own_on_azure(self) -> None:
        (assignment,) = of_the_reader("azure", ":RoleAssignment")
        (trust,) = of_the_reader("azure", ":FederatedIdentityCredential")
        assert trust["subject"] == SUBJECT
        urls = [
            each.inputs["spec"]["provider"]["azurekv"]["vaultUrl"]
            for each in objects(recording("azure"), "SecretStore")
        ]
        assert len(set(urls)) == len(urls)
        name = (
            body("azure", "SecretStore")["spec"]["provider"]["azurekv"]["vaultUrl"]
            .removeprefix("https://")
            .partition(".")[0]
        )
        assert assignment["scope"].endswith(f"/vaults/{name}")


def test_what_serves_is_replaced_when_its_secret_is_and_nothing_else_is() -> None:
    """A job has it with its next run, and nobody's session in a workspace ends for it."""
    workspace = {
        "kind": "workspace",
        "name": "ines",
        "owner": "ines@example.com",
        "image": "ghcr.io/acme/lab:1",
        "openTo": "nobody",
    }
    workloads = [model_api("api", secretEnv=NAMED), job("etl", secretEnv=NAMED), {**workspace, "secretEnv": NAMED}]
    stack = platform(
        tenant("vision", *workloads),
        secrets={"store": "vault", "url": "https://vault.example.com:8200"},
        certificates={"issuer": "internal"},
        idle={},
        monitoring={"diskGib": 100},
    )
    made = record(stack)
    marked = {
        f"{each.inputs['kind']} {each.inputs['metadata']['name']}": each.inputs["metadata"]["annotations"][
            RELOADED_WITH
        ]
        for each in objects(made)
        if RELOADED_WITH in each.inputs["metadata"].get("annotations", {})
    }
    assert marked == {"Deployment api": "api-external"}
    for workload in ("api", "etl", "ines"):
        (given,) = [
            variable["valueFrom"]["secretKeyRef"]
            for _, template in pod_templates(made)
            if template["metadata"].get("labels", {}).get("bedplate.dev/workload") == workload
            for container in template["spec"]["containers"]
            for variable in container.get("env", [])
            if variable["name"] == "DB_PASSWORD"
        ]
        assert given == {"name": f"{workload}-external", "key": "DB_PASSWORD"}
    (store,) = objects(made, "SecretStore")
    vault = store.inputs["spec"]["provider"]["vault"]
    assert (vault["path"], vault["auth"]["kubernetes"]["role"]) == ("secret", "bedplate-vision")
    (way,) = [
        each.inputs
        for each in objects(made, "NetworkPolicy")
        if (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]) == ("bedplate-secrets", "store")
    ]
    assert way["spec"]["egress"] == [{"ports": [{"protocol": "TCP", "port": 8200}]}]
