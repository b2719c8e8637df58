"""What a workload's `grants` are on each cloud: an identity of its own, that bucket and folder alone, and a way there
for its pods alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.workloads import Workload
from every_cloud import MANAGED
from harness import NEEDED_BY_KIND, ROOT, objects, pod_templates, record, record_stack, tenant, written_platform

FOLDER = "parcels/checkpoints/"
CREDENTIALS = {
    "aws": {"169.254.170.23/32"},
    "gcp": {"169.254.169.252/32", "169.254.169.254/32"},
    # Azure's pods show a token of Kubernetes; its buckets answer in the network, at private endpoints.
    "azure": set[str](),
}


def recording(cloud: str) -> Recording:
    """The shipped stack, in which the job `fine-tune` writes checkpoints."""
    return record_stack(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")


def of(cloud: str, kind: str) -> list[Resource]:
    """Resources of one type that the identity of the job has."""
    return [each for each in recording(cloud).resources if "vision.fine-tune" in each.name and each.type.endswith(kind)]


def policies(cloud: str) -> list[Mapping[str, Any]]:
    return [dict(each.inputs) for each in objects(recording(cloud), "NetworkPolicy")]


def opened(policy: Mapping[str, Any]) -> set[str]:
    """Networks that a policy lets pods reach."""
    peers = [peer for rule in policy["spec"].get("egress", []) for peer in rule.get("to", [])]
    return {peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer}


class TestWhatIsGranted:
    def test_is_that_folder_on_aws(self) -> None:
        (permissions,) = of("aws", ":RolePolicy")
        statements = json.loads(permissions.inputs["policy"])["Statement"]
        bucket = "arn:aws:s3:::nordwind-ml-123456789012-eu-central-1-artifacts"
        listing, on_objects, key = statements
        assert (listing["Action"], listing["Resource"]) == (["s3:ListBucket"], [bucket])
        assert listing["Condition"] == {"StringLike": {"s3:prefix": [f"{FOLDER}*"]}}
        assert on_objects["Resource"] == [f"{bucket}/{FOLDER}*"]
        assert {action.partition(":")[0] for action in on_objects["Action"]} == {"s3"}
        assert set(key["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
        (association,) = of("aws", ":PodIdentityAssociation")
        assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("vision", "fine-tune")

    def test_is_that_folder_on_google_cloud(self) -> None:
        (member,) = of("gcp", ":BucketIAMMember")
        assert member.inputs["member"].endswith("/subject/ns/vision/sa/fine-tune")
        assert member.inputs["role"] == "roles/storage.objectUser"
        expression = member.inputs["condition"]["expression"]
        assert f"/objects/{FOLDER}" in expression
        assert f'startsWith("{FOLDER}")' in expression

    def test_is_that_folder_on_azure(self) -> None:
        (assignment,) = of("azure", ":RoleAssignment")
        assert assignment.inputs["scope"].endswith("/blobServices/default/containers/artifacts")
        assert FOLDER in assignment.inputs["condition"]
        (trust,) = of("azure", ":FederatedIdentityCredential")
        assert trust.inputs["subject"] == "system:serviceaccount:vision:fine-tune"


@pytest.mark.parametrize("cloud", MANAGED)
class TestTheWayThere:
    def test_is_open_to_the_workloads_pods_alone(self, cloud: str) -> None:
        (way,) = [each for each in policies(cloud) if each["metadata"]["name"] == "fine-tune-buckets"]
        assert way["metadata"]["namespace"] == "vision"
        chosen = way["spec"]["podSelector"]["matchLabels"].items()
        found = {
            body["metadata"]["labels"]["bedplate.dev/workload"]
            for _, body in pod_templates(recording(cloud))
            if chosen <= body["metadata"].get("labels", {}).items()
        }
        assert found == {"fine-tune"}
        assert opened(way) >= CREDENTIALS[cloud]
        assert opened(way)

    def test_leads_to_credentials_nowhere_else_in_a_tenant(self, cloud: str) -> None:
        others = [
            each
            for each in policies(cloud)
            if "bedplate.dev/tenant" in each["metadata"]["labels"] and not each["metadata"]["name"].endswith("-buckets")
        ]
        dns = {network for each in others if each["metadata"]["name"] == "dns" for network in opened(each)}
        reached = {network for each in others for network in opened(each)} - dns
        assert not {network for network in reached if network.startswith("169.254.")}


def test_pods_of_every_template_act_as_the_identity() -> None:
    written = written_platform(ROOT / "stacks" / "Pulumi.azure.yaml")
    image = "nordwindmla62900d0.azurecr.io/any:1.0.0"
    workloads = [
        {
            **{"kind": kind, "name": f"{kind.lower()}-{form}", "image": image, **NEEDED_BY_KIND.get(kind, {})},
            **({"gpu": {"accelerator": "nvidia-h100"}} if "gpu" in NEEDED_BY_KIND.get(kind, {}) else {}),
            **({"grants": [{"bucket": "data"}]} if form == "granted" else {}),
        }
        for kind in sorted(Workload.registry)
        for form in ("granted", "other")
    ]
    quota = {"cpu": 1000, "memoryGib": 4000, "storageGib": 500, "gpus": {"nvidia-h100": 8}}
    volumes = [{"name": "data", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    every = {
        **tenant("every", *workloads, quota=quota, volumes=volumes),
        "groups": ["5d2c0e6f-0000-4000-8000-0000000000b1"],
    }
    cost = {key: value for key, value in written["cost"].items() if key != "budgets"}
    buckets = {"data": {"prefix": "every/", "tenants": {"every": "read"}}}
    stack = {**written, "tenants": [every], "cost": cost, "buckets": buckets, "idle": {}}
    recording = record(stack, frozenset({"token"}))
    labels = {
        body["metadata"]["labels"]["bedplate.dev/workload"]: body["metadata"]["labels"]
        for _, body in pod_templates(recording)
        if body["metadata"].get("labels", {}).get("bedplate.dev/tenant") == "every"
    }
    accounts = {
        each.inputs["metadata"]["name"]: each.inputs["metadata"].get("annotations", {})
        for each in objects(recording, "ServiceAccount")
    }
    for kind in Workload.registry:
        granted, other = f"{kind.lower()}-granted", f"{kind.lower()}-other"
        assert labels[granted]["azure.workload.identity/use"] == "true", kind
        assert "azure.workload.identity/client-id" in accounts[granted], kind
        assert "azure.workload.identity/use" not in labels[other], kind
        assert set(accounts[other]) == {"bedplate.dev/owner-email"}, kind
