"""A tenant's store on each cloud: read as an identity of the tenant's own, for its prefix and no other."""

import json
from typing import Any

import pytest

from bedplate.clouds.buckets import identity_name
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
    record_stack,
    tenant,
)

NAMED = {"DB_PASSWORD": {"external": "database", "key": "password"}}
KEYS = {"aws": "routing/roads", "gcp": "routing_roads", "azure": "roads"}
PROVIDERS = {"aws": "aws", "gcp": "gcpsm", "azure": "azurekv"}
TENANTS = ("vision", "forecasting", "routing")


def recording(cloud: str) -> Recording:
    """The shipped stack, of whose store one workload of `routing` asks."""
    return record_stack(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")


def subject(tenant: str) -> str:
    return f"system:serviceaccount:{tenant}:{SECRET_STORE}"


def body(cloud: str, kind: str, tenant: str) -> Any:
    """The one of a tenant; of its ServiceAccounts that of its store."""
    found = [
        each.inputs
        for each in objects(recording(cloud), kind)
        if each.inputs["metadata"]["namespace"] == tenant
        and (kind != "ServiceAccount" or each.inputs["metadata"]["name"] == SECRET_STORE)
    ]
    (one,) = found
    return revealed(one)


def of_the_reader(cloud: str, kind: str, tenant: str) -> list[Any]:
    """Resources of the cloud that the identity of a tenant's store has."""
    name = f"platform-cluster-{identity_name(tenant, SECRET_STORE)}-"
    return [
        each.inputs for each in recording(cloud).resources if each.name.startswith(name) and each.type.endswith(kind)
    ]


@pytest.mark.parametrize("cloud", MANAGED)
class TestOnEachCloud:
    def test_each_tenant_has_one_and_it_signs_in_as_its_own_account(self, cloud: str) -> None:
        namespaces = [each.inputs["metadata"]["namespace"] for each in objects(recording(cloud), "SecretStore")]
        assert sorted(namespaces) == sorted(TENANTS)
        for each in objects(recording(cloud), "SecretStore"):
            (provider, settings), *_ = each.inputs["spec"]["provider"].items()
            assert provider == PROVIDERS[cloud]
            assert json.dumps(revealed(settings)).count(f'{{"name": "{SECRET_STORE}"}}') == 1

    def test_what_is_asked_for_is_behind_the_tenants_prefix(self, cloud: str) -> None:
        asked = body(cloud, "ExternalSecret", "routing")
        (one,) = asked["spec"]["data"]
        assert (one["remoteRef"]["key"], one["remoteRef"]["property"]) == (KEYS[cloud], "password")
        assert asked["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": SECRET_STORE}
        assert asked["spec"]["target"]["creationPolicy"] == "Owner"


@pytest.mark.parametrize("tenant", TENANTS)
class TestItsIdentity:
    def test_is_a_role_for_its_prefix_on_aws(self, tenant: str) -> None:
        (permissions,) = of_the_reader("aws", ":RolePolicy", tenant)
        (statement,) = json.loads(permissions["policy"])["Statement"]
        assert [resource.rpartition(":")[2] for resource in statement["Resource"]] == [f"{tenant}/*"]
        assert set(statement["Action"]) == {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
        (role,) = of_the_reader("aws", "iam/role:Role", tenant)
        # External Secrets holds a token of this ServiceAccount, and no pod of it.
        _, tokens = json.loads(role["assumeRolePolicy"])["Statement"]
        assert subject(tenant) in tokens["Condition"]["StringEquals"].values()
        (association,) = of_the_reader("aws", ":PodIdentityAssociation", tenant)
        assert (association["namespace"], association["serviceAccount"]) == (tenant, SECRET_STORE)
        arn = body("aws", "ServiceAccount", tenant)["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert identity_name(tenant, SECRET_STORE) in arn

    def test_is_a_condition_on_its_prefix_on_google_cloud(self, tenant: str) -> None:
        (member,) = of_the_reader("gcp", ":IAMMember", tenant)
        assert member["role"] == "roles/secretmanager.secretAccessor"
        assert member["member"].endswith(f"/subject/ns/{tenant}/sa/{SECRET_STORE}")
        assert member["condition"]["expression"].endswith(f'/secrets/{tenant}_")')

    def test_is_a_vault_of_its_own_on_azure(self, tenant: str) -> None:
        (assignment,) = of_the_reader("azure", ":RoleAssignment", tenant)
        (trust,) = of_the_reader("azure", ":FederatedIdentityCredential", tenant)
        assert trust["subject"] == subject(tenant)
        urls = {one: body("azure", "SecretStore", one)["spec"]["provider"]["azurekv"]["vaultUrl"] for one in TENANTS}
        assert len(set(urls.values())) == len(TENANTS)
        name = urls[tenant].removeprefix("https://").partition(".")[0]
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
