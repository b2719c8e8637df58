"""What a stack file says of a cluster that somebody else owns: its StorageClasses, or all its facts."""

from pathlib import Path
from typing import Any

import pytest

from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.stack_file.reading import PLATFORM_KEY
from harness import objects, platform, record, refused, spec, tenant

FACTS: dict[str, Any] = {
    "kubernetesVersion": "1.35",
    "deletedStorageClass": "fast",
    "retainedStorageClass": "fast-kept",
}


def with_facts(**changes: Any) -> dict[str, Any]:
    cloud = {"provider": "existing", "name": "test", "kubernetesVersion": "1.35", "facts": {**FACTS, **changes}}
    return platform(tenant("vision", volumes=[{"name": "data", "sizeGib": 10, "retain": True}]), cloud=cloud)


def test_facts_name_the_classes_of_volumes() -> None:
    (claim,) = objects(record(with_facts()), "PersistentVolumeClaim")
    assert claim.inputs["spec"]["storageClassName"] == "fast-kept"


def test_classes_that_a_stack_below_leaves_to_this_one_are_made() -> None:
    made = {"provisioner": "disk.example.com", "parameters": {"kind": "ssd"}}
    classes = objects(record(with_facts(blockStorage=made)), "StorageClass")
    assert {body.inputs["metadata"]["name"]: body.inputs["reclaimPolicy"] for body in classes} == {
        "fast": "Delete",
        "fast-kept": "Retain",
    }


@pytest.mark.parametrize(
    ("shared", "shares"), [({}, False), ({"sharedStorageClass": "files"}, True)], ids=["no class", "a class"]
)
def test_volumes_are_shared_where_a_class_says_so(shared: dict[str, Any], shares: bool) -> None:
    cloud = spec(with_facts(**shared)).cloud
    assert isinstance(cloud, ExistingClusterSpec)
    assert cloud.shares_volumes() == shares
    assert cloud.storage_classes_there() == {
        "fast": "Delete",
        "fast-kept": "Retain",
        **({"files": "Retain"} if shares else {}),
    }


def test_groups_are_bound_as_the_api_server_names_them() -> None:
    bindings = objects(record(with_facts(groupPrefix="keycloak:")), "RoleBinding")
    subjects = [subject for binding in bindings for subject in binding.inputs["subjects"]]
    assert [each["name"] for each in subjects if each["kind"] == "Group"] == ["keycloak:ml-vision"]


@pytest.mark.parametrize("prefix", ["system:", "system:masters-", "sys", "oidc: "])
def test_no_prefix_makes_a_group_one_of_kubernetes_own(prefix: str, tmp_path: Path) -> None:
    ((path, message),) = refused({"config": {PLATFORM_KEY: with_facts(groupPrefix=prefix)}}, tmp_path)
    assert path == "cloud.facts.groupPrefix"
    assert "Kubernetes' own" in message or "without spaces" in message


MISTAKES = [
    ({"facts": None, "storageClasses": None}, "cloud.facts", "nothing says which StorageClasses the cluster has"),
    ({"facts": FACTS}, "cloud.facts", "written twice"),
    (
        {"storageClasses": None, "facts": {**FACTS, "kubernetesVersion": "1.34"}},
        "cloud.facts",
        "facts of Kubernetes 1.34",
    ),
    ({"storageClasses": None, "facts": {**FACTS, "lbAnnotations": {}}}, "cloud.facts.lbAnnotations", "unknown key"),
    ({"storageClasses": None, "facts": {"kubernetesVersion": "1.35"}}, "cloud.facts.deletedStorageClass", ""),
]


@pytest.mark.parametrize(("changes", "place", "said"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_located(changes: dict[str, Any], place: str, said: str, tmp_path: Path) -> None:
    data = platform()
    cloud = {key: value for key, value in {**data["cloud"], **changes}.items() if value is not None}
    problems = refused({"config": {PLATFORM_KEY: {**data, "cloud": cloud}}}, tmp_path)
    assert any(path == place and said in message for path, message in problems), problems
