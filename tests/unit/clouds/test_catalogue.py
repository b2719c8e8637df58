"""The catalogue and enumerations against AWS's own service models, as botocore ships them."""

from typing import Any

import pytest
from botocore.loaders import Loader

from bedplate.clouds import ACCELERATORS
from bedplate.clouds.aws.cluster import LOG_TYPES
from bedplate.clouds.aws.node_pools import ami_type
from bedplate.clouds.catalogue import MACHINES


def enumeration(service: str, shape: str) -> set[str]:
    model: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return set(model["shapes"][shape]["enum"])


INSTANCE_TYPES = enumeration("ec2", "InstanceType")
AMI_TYPES = enumeration("eks", "AMITypes")
ON_AWS = [machine for machine in MACHINES if machine.cloud == "aws"]


@pytest.mark.parametrize("machine", ON_AWS, ids=lambda machine: machine.shape.machine_type)
class TestEveryMachineOfAws:
    def test_is_an_instance_type_of_ec2(self, machine: Any) -> None:
        assert machine.shape.machine_type in INSTANCE_TYPES

    def test_has_an_image_of_eks(self, machine: Any) -> None:
        assert ami_type(machine.shape.machine_type, has_gpus=bool(machine.shape.gpus)) in AMI_TYPES

    def test_carries_an_accelerator_and_count_that_a_pool_can_ask_for(self, machine: Any) -> None:
        if machine.accelerator:
            assert machine.shape.gpus in ACCELERATORS[machine.accelerator].counts
        else:
            assert machine.shape.gpus == 0


@pytest.mark.parametrize(
    ("machine_type", "has_gpus", "image"),
    [
        ("m7i.large", False, "AL2023_x86_64_STANDARD"),
        ("m7g.large", False, "AL2023_ARM_64_STANDARD"),
        ("c8gn.xlarge", False, "AL2023_ARM_64_STANDARD"),
        ("g6.xlarge", True, "AL2023_x86_64_NVIDIA"),
        ("gr6.4xlarge", True, "AL2023_x86_64_NVIDIA"),
        ("g5g.xlarge", True, "AL2023_ARM_64_NVIDIA"),
        ("p6e-gb200.36xlarge", True, "AL2023_ARM_64_NVIDIA"),
        ("p6-b200.48xlarge", True, "AL2023_x86_64_NVIDIA"),
    ],
)
def test_an_image_is_of_the_machines_processor(machine_type: str, has_gpus: bool, image: str) -> None:
    assert machine_type in INSTANCE_TYPES
    assert ami_type(machine_type, has_gpus=has_gpus) == image
    assert image in AMI_TYPES


def test_logs_are_all_that_eks_has() -> None:
    assert set(LOG_TYPES) == enumeration("eks", "LogType")


def test_no_machine_stands_twice() -> None:
    types = [machine.shape.machine_type for machine in MACHINES]
    assert len(types) == len(set(types))
