"""Parts of GPUs: what they are called, how many there are, and who makes them."""

import copy
from fractions import Fraction
from typing import Any

import pytest
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML

import azure_stack
import gcp_stack
from bedplate.clouds import ACCELERATORS, CLOUD_SPECS, NodePoolSpec
from bedplate.clouds.drivers import CUDA_DRIVERS, MIG_DRIVERS, PLUGIN_DRIVERS
from bedplate.clouds.sharing import PARTITIONS, part
from bedplate.services.gpu.device_plugin import VERSION
from harness import ROOT, nobody, record

STACK = {
    name: YAML(typ="safe").load(ROOT / "stacks" / f"Pulumi.{name}.yaml")["config"]["bedplate:platform"]
    for name in ("aws", "gcp", "azure")
}
SECRETS = frozenset({"loginClientSecret", "directoryKey"})


def pool(accelerator: str, count: int = 1, **sharing: Any) -> dict[str, Any]:
    return {"accelerator": accelerator, "count": count, "max": 1, "sharing": sharing}


def shared(name: str, written: dict[str, Any]) -> Any:
    """The recording of a cloud's stack with this pool."""
    data = nobody(copy.deepcopy(STACK[name]))
    data["nodePools"]["shared"] = written
    return record(data, SECRETS)


class TestNames:
    @pytest.mark.parametrize("accelerator", PARTITIONS)
    def test_say_how_much_of_which_gpu_a_part_is(self, accelerator: str) -> None:
        for profile, partition in PARTITIONS[accelerator].items():
            name = NodePoolSpec.model_validate(
                pool(accelerator, ACCELERATORS[accelerator].counts[0], mig=profile)
            ).offers
            assert name == f"{accelerator}-{profile}"
            found = part(f"{accelerator}-{profile}")
            assert (found.accelerator, found.profile, found.share) == (
                accelerator,
                profile,
                Fraction(1, partition.per_gpu),
            )
            assert not found.is_in_turns

    @pytest.mark.parametrize("accelerator", ACCELERATORS)
    def test_say_who_uses_a_gpu_in_turns(self, accelerator: str) -> None:
        assert not part(accelerator).is_in_turns
        assert part(f"{accelerator}-shared-4").is_in_turns
        assert part(f"{accelerator}-shared-4").share == Fraction(1, 4)

    @pytest.mark.parametrize("name", ["nvidia-l4-1g.10gb", "nvidia-h100-9g.10gb", "nvidia-l5", "nvidia-l5-shared-2"])
    def test_of_nothing_stand_for_nothing(self, name: str) -> None:
        with pytest.raises(LookupError):
            part(name)

    def test_are_values_of_labels_and_names_of_objects(self) -> None:
        longest = max((f"bedplate-{gpu}-{profile}" for gpu in PARTITIONS for profile in PARTITIONS[gpu]), key=len)
        assert len(longest) <= 63


class TestTheTable:
    @pytest.mark.parametrize("accelerator", PARTITIONS)
    def test_gives_no_more_memory_than_the_gpu_has_but_for_rounding(self, accelerator: str) -> None:
        for partition in PARTITIONS[accelerator].values():
            assert partition.per_gpu * (partition.memory_gb - 0.5) <= ACCELERATORS[accelerator].memory_gb

    def test_knows_the_driver_for_every_gpu_that_is_cut(self) -> None:
        assert set(MIG_DRIVERS) == set(PARTITIONS)

    def test_of_drivers_knows_the_pin_of_the_plugin_and_suits_the_clouds(self) -> None:
        """A new pin is looked up before it is taken."""
        assert set(PLUGIN_DRIVERS) == {VERSION}
        for name in ("aws", "azure"):
            driver = CLOUD_SPECS[name].model_construct().driver_of_gpus()
            assert driver is not None
            assert driver >= max(*PLUGIN_DRIVERS.values(), *CUDA_DRIVERS.values(), *MIG_DRIVERS.values())


class TestWhoShares:
    def test_gke_cuts(self) -> None:
        (gpus,) = gcp_stack.pools(shared("gcp", {**pool("nvidia-a100-80gb", mig="1g.10gb")}))["shared"]["nodeConfig"][
            "guestAccelerators"
        ]
        assert gpus["gpuPartitionSize"] == "1g.10gb"
        assert "gpuSharingConfig" not in gpus

    def test_gke_gives_turns(self) -> None:
        node = gcp_stack.pools(shared("gcp", pool("nvidia-l4", timeSlicing=4)))["shared"]["nodeConfig"]
        (gpus,) = node["guestAccelerators"]
        assert gpus["gpuSharingConfig"] == {"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 4}
        assert node["labels"]["bedplate.dev/accelerator"] == "nvidia-l4-shared-4"

    def test_aks_cuts_by_cores(self) -> None:
        group = azure_stack.pools(shared("azure", pool("nvidia-a100-80gb", mig="2g.20gb")))["shared"]
        assert group["gpuInstanceProfile"] == "MIG2g"
        assert group["nodeLabels"]["bedplate.dev/accelerator"] == "nvidia-a100-80gb-2g.20gb"

    def test_the_autoscaler_on_eks_is_told_of_turns(self) -> None:
        groups = [
            each.inputs
            for each in shared("aws", pool("nvidia-l4", timeSlicing=4)).resources
            if each.type.endswith(":NodeGroup")
        ]
        tags = {group["labels"]["bedplate.dev/pool"]: group["tags"] for group in groups}
        key = "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"
        assert tags["shared"][key] == "4"
        assert key not in tags["l4"]

    @pytest.mark.parametrize(
        ("cloud", "accelerator", "profile"),
        [
            ("aws", "nvidia-h100", "1g.10gb"),
            ("gcp", "nvidia-h100", "4g.40gb"),
            ("gcp", "nvidia-rtx-pro-6000", "1g.24gb"),
            ("azure", "nvidia-h100", "1g.10gb"),
            ("azure", "nvidia-a100-80gb", "1g.20gb"),
        ],
    )
    def test_nobody_cuts_where_the_cloud_does_not(self, cloud: str, accelerator: str, profile: str) -> None:
        spec = CLOUD_SPECS[cloud].model_construct()
        with pytest.raises(PydanticCustomError, match="does not cut"):
            spec.refuse_sharing(NodePoolSpec.model_validate(pool(accelerator, mig=profile)))

    def test_turns_are_refused_nowhere(self) -> None:
        for cloud in CLOUD_SPECS.values():
            cloud.model_construct().refuse_sharing(NodePoolSpec.model_validate(pool("nvidia-l4", timeSlicing=2)))
