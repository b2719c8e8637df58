"""What the guard refuses, on the real program and on what Pulumi's preview prints."""

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.plans.difference import Difference, difference, field_changes
from bedplate.plans.immutable_fields import IMMUTABLE_FIELDS
from bedplate.plans.planning import written_platform
from bedplate.plans.protection import KEPT_TYPES, Loss, losses
from harness import MINIMAL, ROOT, STACKS, arguments_of, has_input, program, record, record_stack, without_tenants

AWS = ROOT / "stacks" / "Pulumi.aws.yaml"
MANAGED = [file for file in STACKS if written_platform(file)["cloud"]["provider"] != "existing"]


def with_value(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[last] = value
    return changed


def shown(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [resource.shown() for resource in record(data).resources]


def found(before: dict[str, Any], after: dict[str, Any], *allowed: str) -> list[Loss]:
    old, new = shown(before), shown(after)
    return losses(difference(old, new), old, new, list(field_changes(before, after)), allowed)


CHANGES = [
    ("aws", "cloud.network.cidr", "10.80.0.0/16", "ec2/vpc:Vpc", "cidrBlock"),
    ("aws", "cloud.region", "eu-west-1", "eks/cluster:Cluster", "options.provider.region"),
    ("aws", "cloud.accountId", "210987654321", "s3/bucket:Bucket", "bucket"),
    ("aws", "cloud.name", "renamed", "kms/alias:Alias", "name"),
    ("aws", "domain", "elsewhere.example", "route53/zone:Zone", "name"),
    ("gcp", "cloud.network.cidr", "10.80.0.0/20", "compute/subnetwork:Subnetwork", "ipCidrRange"),
    ("gcp", "cloud.network.podCidr", "10.84.0.0/16", "Subnetwork", "secondaryIpRanges[0].ipCidrRange"),
    ("gcp", "cloud.region", "europe-west1", "container/cluster:Cluster", "location"),
    ("gcp", "cloud.projectId", "nordwind-ml-next", "kms/cryptoKey:CryptoKey", "options.provider.project"),
    ("gcp", "cloud.name", "renamed", "kms/keyRing:KeyRing", "name"),
    ("gcp", "domain", "elsewhere.example", "dns/managedZone:ManagedZone", "dnsName"),
    ("azure", "cloud.network.cidr", "10.80.0.0/16", "network:Subnet", "addressPrefix"),
    ("azure", "cloud.network.podCidr", "10.245.0.0/16", "ManagedCluster", "networkProfile.podCidr"),
    ("azure", "cloud.region", "westeurope", "containerservice:ManagedCluster", "location"),
    (
        "azure",
        "cloud.subscriptionId",
        "3f1b2c4d-0000-4000-8000-210987654321",
        "ManagedCluster",
        "options.provider.subscriptionId",
    ),
    ("azure", "cloud.name", "renamed", "keyvault:Vault", "vaultName"),
    ("azure", "domain", "elsewhere.example", "dns:Zone", "zoneName"),
]


@pytest.mark.parametrize(("stack", "key", "value", "kind", "field"), CHANGES, ids=lambda value: str(value))
class TestAChangedKeyOfTheStackFile:
    def test_that_replaces_what_must_stay_is_refused_with_field_and_key(
        self, stack: str, key: str, value: str, kind: str, field: str
    ) -> None:
        before = without_tenants(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
        lost = found(before, with_value(before, key, value))
        assert any(loss.type.endswith(kind) and field in loss.fields and loss.action == "replace" for loss in lost)
        assert {cause.partition(":")[0] for loss in lost for cause in loss.causes} == {key}

    def test_is_let_through_for_what_is_named(self, stack: str, key: str, value: str, kind: str, field: str) -> None:
        before = without_tenants(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
        after = with_value(before, key, value)
        names = [loss.name for loss in found(before, after)]
        assert [loss.name for loss in found(before, after, *names[1:])] == names[:1]


KEYS = [
    ("aws", "eks/cluster:Cluster", "encryptionConfig.provider.keyArn"),
    ("aws", "efs/fileSystem:FileSystem", "kmsKeyId"),
    ("gcp", "artifactregistry/repository:Repository", "kmsKeyName"),
    ("gcp", "kms/cryptoKey:CryptoKey", "keyRing"),
    ("azure", "containerservice:ManagedCluster", "diskEncryptionSetID"),
    ("azure", "keyvault:Key", "vaultName"),
]
ROTATED = [
    ("gcp", "container/cluster:Cluster", "databaseEncryption.keyName"),
    ("azure", "containerservice:ManagedCluster", "securityProfile.azureKeyVaultKms.keyId"),
]


class TestAnotherKey:
    def changed(self, stack: str, kind: str, field: str) -> tuple[Difference, list[Loss]]:
        old = shown(without_tenants(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))
        new = [
            {**each, "inputs": with_value(each["inputs"], field, "another")} if each["type"].endswith(kind) else each
            for each in old
        ]
        changes = difference(old, new)
        return changes, losses(changes, old, new, [], ())

    @pytest.mark.parametrize(("stack", "kind", "field"), KEYS)
    def test_for_what_it_has_encrypted_is_refused(self, stack: str, kind: str, field: str) -> None:
        _, lost = self.changed(stack, kind, field)
        assert lost
        assert {(loss.action, loss.fields) for loss in lost} == {("replace", (field,))}

    @pytest.mark.parametrize(("stack", "kind", "field"), ROTATED)
    def test_that_the_cloud_takes_up_in_place_is_let_through(self, stack: str, kind: str, field: str) -> None:
        changes, lost = self.changed(stack, kind, field)
        assert [change.path for resource in changes.updated for change in resource.fields] == [field]
        assert lost == []


class TestAnotherCluster:
    def test_below_the_same_stack_is_refused(self) -> None:
        (loss,) = found(MINIMAL, with_value(MINIMAL, "cloud.name", "another"))
        assert (loss.type, loss.fields) == ("pulumi:providers:kubernetes", ("clusterIdentifier",))
        assert loss.causes == ("cloud.name: test → another",)


class TestProtection:
    def recordings(self, *, lifted: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        old = shown(without_tenants(AWS))
        new = copy.deepcopy(old)
        for resource in new:
            if resource["type"] == "aws:iam/role:Role":
                resource["protect"] = resource["protect"] and not lifted
                resource["inputs"]["path"] = "/moved/"
        return old, new

    @pytest.mark.parametrize("lifted", [False, True])
    def test_counts_as_it_was_even_where_the_same_update_lifts_it(self, lifted: bool) -> None:
        old, new = self.recordings(lifted=lifted)
        roles = [resource for resource in old if resource["type"] == "aws:iam/role:Role" and resource["protect"]]
        lost = losses(difference(old, new), old, new, [], ())
        assert len(lost) == len(roles) > 3
        assert {loss.fields for loss in lost} == {("path",)}

    def test_keeps_what_is_removed(self) -> None:
        old = shown(without_tenants(AWS))
        new = [resource for resource in old if not resource["protect"]]
        lost = losses(difference(old, new), old, new, [], ())
        assert {loss.name for loss in lost} == {resource["name"] for resource in old if resource["protect"]}
        assert {loss.action for loss in lost} == {"delete"}

    def test_once_lifted_still_keeps_the_types_that_only_the_platform_has(self) -> None:
        old = [{**resource, "protect": False} for resource in shown(without_tenants(AWS))]
        lost = losses(difference(old, []), old, [], [], ())
        assert {"aws:eks/cluster:Cluster", "aws:route53/zone:Zone"} <= {loss.type for loss in lost} <= KEPT_TYPES

    def test_is_not_asked_for_what_changes_in_place(self) -> None:
        before = without_tenants(AWS)
        assert found(before, with_value(before, "cloud.auditDays", 500)) == []


@cache
def protected_types(file: Path) -> frozenset[str]:
    return frozenset(resource.type for resource in record_stack(file).resources if resource.protect)


@pytest.mark.parametrize("file", MANAGED, ids=lambda file: file.stem)
class TestTheTableOfImmutableFields:
    def test_has_every_type_that_a_stack_protects(self, file: Path) -> None:
        assert protected_types(file) <= IMMUTABLE_FIELDS.keys()

    def test_names_fields_that_the_types_have(self, file: Path) -> None:
        for kind in protected_types(file):
            assert [path for path in IMMUTABLE_FIELDS[kind] if not has_input(arguments_of(kind), path)] == [], kind

    def test_has_no_type_that_no_stack_protects(self, file: Path) -> None:
        """A row that nothing uses is one that nobody checks."""
        (cloud,) = {kind.partition(":")[0] for kind in protected_types(file)}
        assert {kind for kind in IMMUTABLE_FIELDS if kind.startswith(f"{cloud}:")} <= protected_types(file)


RENAMED = """
from pathlib import Path
import pulumi
from bedplate import Platform, PlatformArgs, load_for_program
config = pulumi.Config("bedplate")
spec = load_for_program(config.require_object("platform"), Path("Pulumi.test.yaml"))
Platform({name!r}, PlatformArgs(spec=spec, secret=config.require_secret), pulumi.ResourceOptions(aliases={aliases}))
"""


MOVED_AND_RETYPED = """
import pulumi
class {kind}(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:{kind}", name, {{}}, opts)
        child = Child(f"{{name}}-child", pulumi.ResourceOptions(parent=self))
class Child(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Child", name, {{}}, opts)
        pulumi.ComponentResource("test:index:Leaf", f"{{name}}-leaf", {{}}, pulumi.ResourceOptions(parent=self))
{body}
"""


class TestAComponentMovedAndRetyped:
    @pytest.mark.parametrize(
        "body",
        [
            "After('new', pulumi.ResourceOptions(aliases=[pulumi.Alias(name='old', type_='test:index:Before')]))",
            (
                "After('old', pulumi.ResourceOptions(parent=pulumi.ComponentResource('test:index:Above', 'above', {}),"
                " aliases=[pulumi.Alias(type_='test:index:Before', parent=pulumi.ROOT_STACK_RESOURCE)]))"
            ),
            "After('new', pulumi.ResourceOptions(aliases=['urn:pulumi:test::bedplate::test:index:Before::old']))",
        ],
        ids=["renamed", "below another", "by URN"],
    )
    def test_keeps_all_levels_below_it(self, body: str, tmp_path: Path) -> None:
        old, new = (
            [resource.shown() for resource in recorded(tmp_path / name, text).resources]
            for name, text in (
                ("before", MOVED_AND_RETYPED.format(kind="Before", body="Before('old')")),
                ("after", MOVED_AND_RETYPED.format(kind="After", body=body)),
            )
        )
        changes = difference(old, new)
        assert len(changes.renamed) == 3
        assert (changes.updated, changes.replaced, changes.deleted) == ([], [], [])


def recorded(folder: Path, text: str) -> Recording:
    """What a program registers that is written in the test."""
    folder.mkdir()
    (folder / "__main__.py").write_text(text)
    return run(replace(program(without_tenants(AWS)), folder=folder), RecordingBackend(), is_preview=True)


class TestARenamedComponent:
    def renamed(self, tmp_path: Path, aliases: str) -> tuple[Difference, list[Loss]]:
        old = shown(without_tenants(AWS))
        recording = recorded(tmp_path / "renamed", RENAMED.format(name="base", aliases=aliases))
        new = [resource.shown() for resource in recording.resources]
        changes = difference(old, new)
        return changes, losses(changes, old, new, [], ())

    def test_keeps_all_that_is_below_it_by_one_alias(self, tmp_path: Path) -> None:
        changes, lost = self.renamed(tmp_path, "[pulumi.Alias(name='platform')]")
        assert (changes.created, changes.updated, changes.replaced, changes.deleted) == ([], [], [], [])
        assert len(changes.renamed) > 150
        assert lost == []

    def test_without_its_alias_is_refused(self, tmp_path: Path) -> None:
        changes, lost = self.renamed(tmp_path, "None")
        assert changes.renamed == []
        assert {loss.action for loss in lost} == {"delete"}
        assert {loss.type for loss in lost} >= {"aws:eks/cluster:Cluster", "aws:kms/key:Key"}
