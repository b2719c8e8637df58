"""Machines of Google Cloud, as it names them."""

from typing import Any

import pytest

from bedplate.clouds.catalogue import MACHINES
from bedplate.clouds.contract import NodePoolSpec
from bedplate.clouds.gcp.node_pools import disk_type, gpu_name, local_disks
from gcp_stack import cloud

ON_GCP = [machine for machine in MACHINES if machine.cloud == "gcp"]


class TestMachines:
    @pytest.mark.parametrize("machine", ON_GCP, ids=lambda machine: machine.shape.machine_type)
    def test_have_a_gpu_name_a_disk_and_whole_local_disks(self, machine: Any) -> None:
        shape = machine.shape
        size = 3000 if shape.machine_type.startswith("a4x") else 375
        assert local_disks(shape) * size == shape.local_disk_gib
        assert disk_type(shape.machine_type) in {"pd-balanced", "hyperdisk-balanced"}
        if machine.accelerator:
            assert gpu_name(shape.machine_type, machine.accelerator).startswith("nvidia-")

    @pytest.mark.parametrize(
        ("machine_type", "accelerator", "gpu", "disk"),
        [
            ("n1-standard-4", "nvidia-t4", "nvidia-tesla-t4", "pd-balanced"),
            ("g2-standard-4", "nvidia-l4", "nvidia-l4", "pd-balanced"),
            ("g4-standard-48", "nvidia-rtx-pro-6000", "nvidia-rtx-pro-6000", "hyperdisk-balanced"),
            ("a2-highgpu-1g", "nvidia-a100-40gb", "nvidia-tesla-a100", "pd-balanced"),
            ("a2-ultragpu-1g", "nvidia-a100-80gb", "nvidia-a100-80gb", "pd-balanced"),
            ("a3-highgpu-8g", "nvidia-h100", "nvidia-h100-80gb", "pd-balanced"),
            ("a3-megagpu-8g", "nvidia-h100", "nvidia-h100-mega-80gb", "pd-balanced"),
            ("a3-ultragpu-8g", "nvidia-h200", "nvidia-h200-141gb", "hyperdisk-balanced"),
            ("a4-highgpu-8g", "nvidia-b200", "nvidia-b200", "hyperdisk-balanced"),
            ("a4x-highgpu-4g", "nvidia-gb200", "nvidia-gb200", "hyperdisk-balanced"),
        ],
    )
    def test_are_named_as_google_names_them(self, machine_type: str, accelerator: str, gpu: str, disk: str) -> None:
        assert (gpu_name(machine_type, accelerator), disk_type(machine_type)) == (gpu, disk)
        found = [m for m in ON_GCP if m.shape.machine_type == machine_type]
        assert [m.accelerator for m in found] == [accelerator]

    @pytest.mark.parametrize(
        ("pool", "machine_type"),
        [
            ({"machine": {"cpu": 4, "memoryGib": 16}}, "n2-standard-4"),
            ({"machine": {"cpu": 4, "memoryGib": 60}}, "n2-standard-16"),
            ({"accelerator": "nvidia-l4", "count": 1, "machine": {"cpu": 6, "memoryGib": 20}}, "g2-standard-8"),
            ({"accelerator": "nvidia-h100", "count": 8, "interconnect": True}, "a3-highgpu-8g"),
            ({"accelerator": "nvidia-h100", "count": 1, "spot": True}, "a3-highgpu-1g"),
            ({"accelerator": "nvidia-gb200", "count": 4, "reservation": "nvl72"}, "a4x-highgpu-4g"),
        ],
    )
    def test_are_the_smallest_that_fit(self, pool: dict[str, Any], machine_type: str) -> None:
        assert cloud().shape_of(NodePoolSpec.model_validate({**pool, "max": 1})).machine_type == machine_type
