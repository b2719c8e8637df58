"""Identities of workloads on AWS: who takes them, and that they go with their tenant."""

import json
import sys
from pathlib import Path

import pytest

from aws_stack import FILE, act_as_themselves, of_type
from bedplate.engine.engine import Program, Recording, RecordingBackend, run
from bedplate.engine.resources import Resource
from harness import ROOT, record_stack

PROGRAM = f"""
import pathlib
import pulumi
from bedplate.clouds import ClusterArgs, create_cluster
from bedplate.clouds.contract import SecretsGrant
from bedplate.stack_file.reading import load

spec = load(pathlib.Path({str(FILE)!r})).spec
args = ClusterArgs(spec=spec.cloud, node_pools=spec.node_pools, domain=spec.domain, secret=pulumi.Output.secret)
cluster = create_cluster("platform-cluster", args)
identity = cluster.workload_identity("vision-secrets", "vision", "secrets", [SecretsGrant(prefix="vision/")])
pulumi.export("annotations", identity.annotations)
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder: Path = tmp_path_factory.mktemp("program")
    (folder / "__main__.py").write_text(PROGRAM)
    # Programs run as ".", whose importer Python remembers by that name: each folder needs a new one.
    sys.path_importer_cache.pop(".", None)
    program = Program(root=ROOT, folder=folder, project="bedplate", stack="test", config={})
    try:
        return run(program, RecordingBackend(), is_preview=True)
    finally:
        sys.path_importer_cache.pop(".", None)


def role(recording: Recording) -> Resource:
    (found,) = [r for r in of_type(recording, "Role") if "-vision-secrets-" in r.name]
    return found


class TestAWorkloadsIdentity:
    def test_is_taken_by_pods_and_by_tokens_of_exactly_one_service_account(self, recording: Recording) -> None:
        pods, tokens = json.loads(role(recording).inputs["assumeRolePolicy"])["Statement"]
        (provider,) = of_type(recording, "OpenIdConnectProvider")
        issuer = provider.inputs["url"].removeprefix("https://")
        assert pods["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert tokens["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert tokens["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
        assert tokens["Condition"] == {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": "system:serviceaccount:vision:secrets",
            }
        }
        assert provider.inputs["clientIdLists"] == ["sts.amazonaws.com"]

    def test_is_named_by_the_service_accounts_annotation(self, recording: Recording) -> None:
        arn = f"arn:aws:iam::123456789012:role/{role(recording).name}"
        assert recording.outputs["annotations"]["eks.amazonaws.com/role-arn"].startswith(arn)

    def test_goes_with_its_tenant(self, recording: Recording) -> None:
        """Pulumi refuses to delete what is protected, so a protected one would keep the tenant for ever."""
        theirs = [r for r in recording.resources if "-vision-secrets" in r.name]
        assert {r.type.rpartition(":")[2] for r in theirs} >= {"Role", "RolePolicy", "PodIdentityAssociation"}
        assert [r.name for r in theirs if r.protect] == []


def test_the_platforms_own_roles_are_protected() -> None:
    unprotected = [r.name for r in of_type(record_stack(FILE), "Role") if not r.protect]
    assert unprotected == act_as_themselves()
