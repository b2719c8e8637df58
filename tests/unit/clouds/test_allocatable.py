"""What machines offer pods, against the figures that clouds publish."""

from typing import Any

import pytest

from bedplate.clouds import NodePoolSpec
from bedplate.clouds.allocatable import CPU_STEPS, stepped
from bedplate.config import PlatformSpec
from bedplate.stack_file.reading import load
from harness import STACKS


def spec_of(stack: str) -> PlatformSpec:
    return load(next(file for file in STACKS if file.name == f"Pulumi.{stack}.yaml")).spec


def offer(stack: str, cpu: float, memory_gib: float, **pool: Any) -> Any:
    wanted = {"machine": {"cpu": cpu, "memoryGib": memory_gib}, "max": 1, **pool}
    return spec_of(stack).cloud.allocatable(NodePoolSpec.model_validate(wanted))


@pytest.mark.parametrize(("cores", "millicores"), [(1, 60), (2, 70), (4, 80), (8, 90), (16, 110), (64, 230)])
def test_the_steps_of_eks_and_gke_are_the_published_ones(cores: int, millicores: int) -> None:
    assert stepped(cores, CPU_STEPS) * 1000 == pytest.approx(millicores)


def test_an_eks_node_keeps_memory_for_each_pod() -> None:
    """4 cores and 16 GiB: 80m, and 255 + 11 × 110 + 100 MiB."""
    found = offer("aws", 4, 16)
    assert found.cpu == pytest.approx(3.92)
    assert found.memory_gib == pytest.approx(16 - 1565 / 1024)
    assert found.disk_gib == pytest.approx(100 * 0.9 - 1)


def test_a_gke_node_keeps_less_of_each_further_gib() -> None:
    """4 cores and 16 GiB: a quarter of 4, a fifth of 4, a tenth of 8, and 100 MiB."""
    found = offer("gcp", 4, 16)
    assert found.cpu == pytest.approx(3.92)
    assert found.memory_gib == pytest.approx(16 - 2.6 - 100 / 1024)
    assert found.disk_gib == pytest.approx(100 * 0.9 - 41)


@pytest.mark.parametrize(("cores", "millicores"), [(4, 140), (8, 180), (16, 260), (32, 420), (64, 740)])
def test_an_aks_node_keeps_the_cpu_of_the_published_table(cores: int, millicores: int) -> None:
    found = offer("azure", cores, 4 * cores)
    assert cores - found.cpu == pytest.approx(millicores / 1000)


def test_an_existing_clusters_node_keeps_what_kubelets_do_by_default() -> None:
    found = offer("local", 16, 64)
    assert (found.cpu, found.pods) == (16, 110)
    assert found.memory_gib == pytest.approx(64 - 100 / 1024)
    assert found.disk_gib == pytest.approx(90)
