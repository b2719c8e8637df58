"""Reserved capacity and local disks of AWS, by what the launch template and the node group say."""

import base64
import copy
from email import message_from_bytes
from typing import Any

import pytest
from ruamel.yaml import YAML

from aws_stack import FILE, cloud, of_type
from bedplate.clouds import NodePoolSpec
from bedplate.clouds.aws.spec import Reservation
from bedplate.engine.engine import Recording
from bedplate.stack_file.reading import PLATFORM_KEY
from harness import nobody, record

PLATFORM: dict[str, Any] = YAML(typ="safe").load(FILE)["config"][PLATFORM_KEY]
DISK = "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage"
ID = "cr-0123456789abcdef0"
POOLS: dict[str, Any] = {
    "general": {"machine": {"cpu": 4, "memoryGib": 16}, "max": 3},
    "reserved": {"accelerator": "nvidia-l4", "count": 1, "max": 2, "reservation": f"eu-central-1b/{ID}"},
    "block": {
        "accelerator": "nvidia-h100",
        "count": 8,
        "max": 2,
        "interconnect": True,
        "localDisks": True,
        "reservation": f"eu-central-1c/block/{ID}",
    },
    "joined": {"accelerator": "nvidia-h100", "count": 8, "max": 2, "interconnect": True},
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record({**nobody(copy.deepcopy(PLATFORM)), "nodePools": POOLS})


def template(recording: Recording, pool: str) -> dict[str, Any]:
    (found,) = [r for r in of_type(recording, "LaunchTemplate") if f"-pool-{pool}-" in r.name]
    return dict(found.inputs)


def group(recording: Recording, pool: str) -> dict[str, Any]:
    (found,) = [r for r in of_type(recording, "NodeGroup") if f"-pool-{pool}-" in r.name]
    return dict(found.inputs)


class TestAPoolWithoutMachines:
    def test_says_what_disk_they_will_have(self, recording: Recording) -> None:
        """Every pod asks for some, and the autoscaler knows nothing of a disk: without it the pool stays empty."""
        disks = {pool: group(recording, pool)["tags"][DISK] for pool in POOLS}
        offered = {pool: cloud().allocatable(NodePoolSpec.model_validate(POOLS[pool])).disk_gib for pool in POOLS}
        assert disks == {pool: f"{int(gib)}Gi" for pool, gib in offered.items()}
        assert offered["general"] > 50
        assert offered["block"] > 20_000  # its own disks


class TestAReservation:
    @pytest.mark.parametrize(
        ("written", "is_block"), [(f"eu-central-1b/{ID}", False), (f"eu-central-1b/block/{ID}", True)]
    )
    def test_says_zone_and_kind(self, written: str, is_block: bool) -> None:
        pool = NodePoolSpec.model_validate({**POOLS["joined"], "reservation": written})
        assert cloud().reservation_of(pool) == Reservation(zone="eu-central-1b", id=ID, is_block=is_block)

    def test_of_on_demand_machines_is_their_only_change(self, recording: Recording) -> None:
        target = template(recording, "reserved")["capacityReservationSpecification"]["capacityReservationTarget"]
        assert target == {"capacityReservationId": ID}
        assert "instanceMarketOptions" not in template(recording, "reserved")
        assert group(recording, "reserved")["capacityType"] == "ON_DEMAND"

    def test_of_a_block_says_so_to_ec2_and_to_eks(self, recording: Recording) -> None:
        target = template(recording, "block")["capacityReservationSpecification"]["capacityReservationTarget"]
        assert target == {"capacityReservationId": ID}
        assert template(recording, "block")["instanceMarketOptions"] == {"marketType": "capacity-block"}
        assert group(recording, "block")["capacityType"] == "CAPACITY_BLOCK"

    def test_keeps_machines_in_its_zone_and_out_of_our_placement_group(self, recording: Recording) -> None:
        assert len(group(recording, "reserved")["subnetIds"]) == len(group(recording, "block")["subnetIds"]) == 1
        assert group(recording, "reserved")["subnetIds"] != group(recording, "block")["subnetIds"]
        assert len(group(recording, "general")["subnetIds"]) == 3
        assert "placement" not in template(recording, "block")
        assert template(recording, "joined")["placement"]["groupName"]

    def test_changes_nothing_of_a_pool_without(self, recording: Recording) -> None:
        assert "capacityReservationSpecification" not in template(recording, "joined")
        assert group(recording, "joined")["capacityType"] == "ON_DEMAND"


class TestLocalDisks:
    def test_are_joined_by_user_data_as_managed_node_groups_take_it(self, recording: Recording) -> None:
        message = message_from_bytes(base64.b64decode(template(recording, "block")["userData"]))
        assert message["MIME-Version"] == "1.0"
        assert message.get_content_type() == "multipart/mixed"
        _, part = message.walk()
        assert part.get_content_type() == "application/node.eks.aws"
        config = YAML(typ="safe").load(str(part.get_payload()))
        assert (config["apiVersion"], config["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
        assert config["spec"] == {"instance": {"localStorage": {"strategy": "RAID0"}}}

    def test_are_left_alone_where_nobody_asks(self, recording: Recording) -> None:
        assert "userData" not in template(recording, "joined")
