"""Wrong input of an Azure stack: each mistake is found before a resource exists, at its place."""

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.clouds import CLOUD_SPECS, NodePoolSpec
from bedplate.stack_file.reading import StackFileError, load
from harness import ROOT

AZURE = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.azure.yaml")
GROUP = "5d2c0e6f-0000-4000-8000-00000000000a"
T4 = {"accelerator": "nvidia-t4", "count": 1, "max": 12}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The Azure stack with another value at a dotted path of the platform; None removes it."""
    data = copy.deepcopy(AZURE)
    place = data["config"]["bedplate:platform"]
    *above, last = path.split(".")
    for key in above:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def refused(data: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Where and what: every problem of a stack file."""
    file = folder / "Pulumi.test.yaml"
    with file.open("w") as stream:
        YAML().dump(data, stream)
    with pytest.raises(StackFileError) as error:
        load(file)
    assert all(problem.line and problem.fix for problem in error.value.problems)
    return [(problem.path, problem.message) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("path", "value", "place", "said"),
    [
        ("cloud.subscriptionId", "1234", "cloud.subscriptionId", "must be a GUID"),
        ("cloud.directoryId", GROUP.upper(), "cloud.directoryId", "must be a GUID"),
        ("cloud.region", "Germany West Central", "cloud.region", "short name of a region"),
        ("cloud.region", "chinaeast2", "cloud.region", "are not supported"),
        ("cloud.name", "acme--ml", "cloud.name", "no two hyphens"),
        ("cloud.name", "1acme", "cloud.name", "begin with a letter"),
        ("cloud.tags", {"cost/center": "1"}, "cloud.tags", "holds one of"),
        ("cloud.kubernetesVersion", "1.21", "cloud.kubernetesVersion", "not supported"),
        ("cloud.access.endpoint", "public", "cloud.access.allowedNetworks", "needs the networks that reach it"),
        ("cloud.access", {"endpoint": "public", "allowedNetworks": ["0.0.0.0/0"], "admins": [GROUP]},
         "cloud.access.allowedNetworks", "the whole internet would reach"),
        ("cloud.access.admins", ["platform-admin"], "cloud.access.admins[0]", "must be a GUID"),
        ("cloud.network.cidr", "10.64.0.0/26", "cloud.network.cidr", "cannot be divided"),
        ("cloud.network.cidr", "8.8.0.0/16", "cloud.network.cidr", "must be a private network"),
        ("cloud.network.serviceCidr", "10.64.128.0/20", "cloud.network.serviceCidr", "overlaps"),
        ("cloud.network.serviceCidr", "10.0.0.0/11", "cloud.network.serviceCidr", "at most a /12"),
        ("cloud.network.podCidr", "10.64.0.0/14", "cloud.network.podCidr", "overlaps with 10.64.0.0/16"),
        ("cloud.network.podCidr", "172.20.0.0/14", "cloud.network.podCidr", "overlaps with 172.20.0.0/16"),
        ("cloud.network.podCidr", "10.40.0.0/16", "cloud.network.podCidr", "overlaps with 10.40.0.0/16"),
        ("cloud.network.podCidr", "10.244.0.0/25", "cloud.network.podCidr", "takes a /24"),
        ("cloud.network.podCidr", "10.244.0.0/19", "cloud.network.cidr", "too small: the pools have up to 42 nodes"),
        ("cloud.availabilityZones", ["1", "2"], "cloud.availabilityZones", "3 different zones"),
        ("cloud.availabilityZones", ["1", "1", "2"], "cloud.availabilityZones", "3 different zones"),
        ("cloud.auditDays", 30, "cloud.auditDays", "at least 400"),
        ("nodePools.t4", {"accelerator": "nvidia-l4", "count": 1, "max": 1}, "nodePools.t4", "no machine with 1"),
        ("nodePools.t4", {**T4, "interconnect": True}, "nodePools.t4", "has no interconnect"),
        ("nodePools.t4", {**T4, "spot": True}, "nodePools.t4", "AKS taints spot machines"),
        ("nodePools.t4", {**T4, "reservation": "cr-0a1b"}, "nodePools.t4", "capacity reservation group"),
        ("nodePools.t4", {**T4, "localDisks": True, "diskGib": 200}, "nodePools.t4", "holds at most 176 GiB"),
        ("nodePools.t4", {**T4, "diskGib": 4000}, "nodePools.t4", "holds at most 2048 GiB"),
        ("nodePools.system", None, "nodePools", "a pool named `system`"),
        ("nodePools.system", {"machine": {"cpu": 4, "memoryGib": 16}, "min": 1, "max": 6}, "nodePools", "`min: 2`"),
        ("nodePools.system", {"machine": {"cpu": 2, "memoryGib": 8}, "min": 3, "max": 6}, "nodePools", "at least 4"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_located(path: str, value: Any, place: str, said: str, tmp_path: Path) -> None:
    problems = refused(changed(path, value), tmp_path)
    assert [(at, message) for at, message in problems if at == place and said in message], problems


@pytest.mark.parametrize(
    ("pool", "machine_type"),
    [
        ({"machine": {"cpu": 4, "memoryGib": 16}}, "Standard_D4ds_v5"),
        ({"accelerator": "nvidia-t4", "count": 1}, "Standard_NC4as_T4_v3"),
        ({"accelerator": "nvidia-h100", "count": 1}, "Standard_NC40ads_H100_v5"),
        ({"accelerator": "nvidia-h100", "count": 8, "interconnect": True}, "Standard_ND96isr_H100_v5"),
        ({"accelerator": "nvidia-a100-80gb", "count": 4}, "Standard_NC96ads_A100_v4"),
        ({"machineType": "Standard_E8s_v5", "machine": {"cpu": 8, "memoryGib": 64}}, "Standard_E8s_v5"),
    ],
)
def test_machines_are_the_smallest_that_fit(pool: dict[str, Any], machine_type: str) -> None:
    cloud = CLOUD_SPECS["azure"].model_validate(AZURE["config"]["bedplate:platform"]["cloud"])
    assert cloud.shape_of(NodePoolSpec.model_validate({**pool, "max": 1})).machine_type == machine_type


def test_volumes_of_many_nodes_are_there(tmp_path: Path) -> None:
    data = copy.deepcopy(AZURE)
    data["config"]["bedplate:platform"]["tenants"][0]["volumes"][0]["access"] = "manyNodes"
    file = tmp_path / "Pulumi.test.yaml"
    with file.open("w") as stream:
        YAML().dump(data, stream)
    assert load(file).spec.cloud.shares_volumes()


def test_reservations_are_named_by_their_id() -> None:
    group = f"/subscriptions/{GROUP}/resourceGroups/gpus/providers/Microsoft.Compute/capacityReservationGroups/h100"
    cloud = CLOUD_SPECS["azure"].model_validate(AZURE["config"]["bedplate:platform"]["cloud"])
    pool = NodePoolSpec.model_validate({"accelerator": "nvidia-h100", "count": 8, "max": 1, "reservation": group})
    assert cloud.shape_of(pool).machine_type == "Standard_ND96isr_H100_v5"
