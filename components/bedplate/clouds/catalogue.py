"""Accelerators and the machines that carry them, as tables.

The names are those of the label `bedplate.dev/accelerator`. Memory per GPU is the vendor's data sheet value in GB,
which NVIDIA states as powers of ten for HBM parts: https://docs.nvidia.com/datacenter/tesla/ and the product pages
https://www.nvidia.com/en-us/data-center/. A cloud joins by its rows in `MACHINES`; a cloud without rows offers nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One kind of GPU. memory_gb: of one GPU; counts: how many of them a machine carries on the public clouds."""

    memory_gb: int
    counts: tuple[int, ...] = (1, 2, 4, 8)


ACCELERATORS: dict[str, Accelerator] = {
    "nvidia-t4": Accelerator(memory_gb=16),
    "nvidia-l4": Accelerator(memory_gb=24),
    "nvidia-a10g": Accelerator(memory_gb=24),
    "nvidia-l40s": Accelerator(memory_gb=48),
    "nvidia-rtx-pro-6000": Accelerator(memory_gb=96),
    "nvidia-a100-40gb": Accelerator(memory_gb=40, counts=(1, 2, 4, 8, 16)),
    "nvidia-a100-80gb": Accelerator(memory_gb=80),
    "nvidia-h100": Accelerator(memory_gb=80),
    "nvidia-h200": Accelerator(memory_gb=141),
    "nvidia-b200": Accelerator(memory_gb=180),
    "nvidia-gb200": Accelerator(memory_gb=186, counts=(4,)),
}


@dataclass(frozen=True, kw_only=True)
class MachineShape:
    """One machine as schedulers see it. machine_type: the cloud's name, '' where the cluster is somebody else's.

    interconnects: network cards for traffic between GPUs of many machines; local_disk_gib: the machine's own disks,
    all together; 0 where there are none.
    """

    machine_type: str
    cpu: float
    memory_gib: float
    gpus: int
    interconnects: int = 0
    local_disk_gib: int = 0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One row: a cloud's machine type. accelerator: '' for CPU machines. network_gbps: at best, all cards together."""

    cloud: str
    accelerator: str
    network_gbps: int
    shape: MachineShape


def _rows(cloud: str, accelerator: str, *rows: tuple[int, str, float, float, int, int, int]) -> Iterator[Machine]:
    """GPUs, machine type, CPU, memory in GiB, network in Gbit/s, interconnect cards, GiB of local disks."""
    for gpus, machine_type, cpu, memory_gib, network_gbps, interconnects, local_disk_gib in rows:
        shape = MachineShape(
            machine_type=machine_type,
            cpu=cpu,
            memory_gib=memory_gib,
            gpus=gpus,
            interconnects=interconnects,
            local_disk_gib=local_disk_gib,
        )
        yield Machine(cloud=cloud, accelerator=accelerator, network_gbps=network_gbps, shape=shape)


# CPU, memory, GPUs, disks and EFA cards: what EC2's DescribeInstanceTypes answers, as Karpenter keeps it,
# https://karpenter.sh/docs/reference/instance-types/ (2026-08); disks in GB there, in whole GiB here. Network "up to":
# https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (m), ac.html (g, p). Interconnect counts where EFA moves
# memory from GPU to GPU (p4d and later): https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html; of g7e no
# such statement was found. Left out: parts of a GPU (g6f), which are no whole count, and p6e-gb200.36xlarge, which is
# sold as UltraServers of many machines and lays its cards out differently.
_AWS: tuple[Machine, ...] = (
    *_rows(
        "aws",
        "",
        (0, "m7i.large", 2, 8, 12, 0, 0),
        (0, "m7i.xlarge", 4, 16, 12, 0, 0),
        (0, "m7i.2xlarge", 8, 32, 12, 0, 0),
        (0, "m7i.4xlarge", 16, 64, 12, 0, 0),
        (0, "m7i.8xlarge", 32, 128, 12, 0, 0),
        (0, "m7i.12xlarge", 48, 192, 18, 0, 0),
        (0, "m7i.16xlarge", 64, 256, 25, 0, 0),
        (0, "m7i.24xlarge", 96, 384, 37, 0, 0),
        (0, "m7i.48xlarge", 192, 768, 50, 0, 0),
        # With disks of their own: `localDisks` of a CPU pool needs one of these as its `machineType`.
        (0, "m6id.large", 2, 8, 12, 0, 109),
        (0, "m6id.xlarge", 4, 16, 12, 0, 220),
        (0, "m6id.2xlarge", 8, 32, 12, 0, 441),
        (0, "m6id.4xlarge", 16, 64, 12, 0, 884),
        (0, "m6id.8xlarge", 32, 128, 12, 0, 1769),
        (0, "m6id.12xlarge", 48, 192, 18, 0, 2654),
        (0, "m6id.16xlarge", 64, 256, 25, 0, 3539),
        (0, "m6id.24xlarge", 96, 384, 37, 0, 5308),
    ),
    *_rows(
        "aws",
        "nvidia-t4",
        (1, "g4dn.xlarge", 4, 16, 25, 0, 116),
        (1, "g4dn.2xlarge", 8, 32, 25, 0, 209),
        (1, "g4dn.4xlarge", 16, 64, 25, 0, 209),
        (1, "g4dn.8xlarge", 32, 128, 50, 0, 838),
        (1, "g4dn.16xlarge", 64, 256, 50, 0, 838),
        (4, "g4dn.12xlarge", 48, 192, 50, 0, 838),
        (8, "g4dn.metal", 96, 384, 100, 0, 1676),
    ),
    *_rows(
        "aws",
        "nvidia-l4",
        (1, "g6.xlarge", 4, 16, 10, 0, 232),
        (1, "g6.2xlarge", 8, 32, 10, 0, 419),
        (1, "g6.4xlarge", 16, 64, 25, 0, 558),
        (1, "g6.8xlarge", 32, 128, 25, 0, 838),
        (1, "g6.16xlarge", 64, 256, 25, 0, 1750),
        (4, "g6.12xlarge", 48, 192, 40, 0, 3501),
        (4, "g6.24xlarge", 96, 384, 50, 0, 3501),
        (8, "g6.48xlarge", 192, 768, 100, 0, 7003),
        (1, "gr6.4xlarge", 16, 128, 25, 0, 558),
        (1, "gr6.8xlarge", 32, 256, 25, 0, 838),
    ),
    *_rows(
        "aws",
        "nvidia-a10g",
        (1, "g5.xlarge", 4, 16, 10, 0, 232),
        (1, "g5.2xlarge", 8, 32, 10, 0, 419),
        (1, "g5.4xlarge", 16, 64, 25, 0, 558),
        (1, "g5.8xlarge", 32, 128, 25, 0, 838),
        (1, "g5.16xlarge", 64, 256, 25, 0, 1769),
        (4, "g5.12xlarge", 48, 192, 40, 0, 3539),
        (4, "g5.24xlarge", 96, 384, 50, 0, 3539),
        (8, "g5.48xlarge", 192, 768, 100, 0, 7078),
    ),
    *_rows(
        "aws",
        "nvidia-l40s",
        (1, "g6e.xlarge", 4, 32, 20, 0, 232),
        (1, "g6e.2xlarge", 8, 64, 20, 0, 419),
        (1, "g6e.4xlarge", 16, 128, 20, 0, 558),
        (1, "g6e.8xlarge", 32, 256, 25, 0, 838),
        (1, "g6e.16xlarge", 64, 512, 35, 0, 1769),
        (4, "g6e.12xlarge", 48, 384, 100, 0, 3539),
        (4, "g6e.24xlarge", 96, 768, 200, 0, 3539),
        (8, "g6e.48xlarge", 192, 1536, 400, 0, 7078),
    ),
    *_rows(
        "aws",
        "nvidia-rtx-pro-6000",
        (1, "g7e.2xlarge", 8, 64, 50, 0, 1769),
        (1, "g7e.4xlarge", 16, 128, 50, 0, 1769),
        (1, "g7e.8xlarge", 32, 256, 100, 0, 1769),
        (2, "g7e.12xlarge", 48, 512, 400, 0, 3539),
        (4, "g7e.24xlarge", 96, 1024, 800, 0, 7078),
        (8, "g7e.48xlarge", 192, 2048, 1600, 0, 14156),
    ),
    *_rows("aws", "nvidia-a100-40gb", (8, "p4d.24xlarge", 96, 1152, 400, 4, 7450)),
    *_rows("aws", "nvidia-a100-80gb", (8, "p4de.24xlarge", 96, 1152, 400, 4, 7450)),
    *_rows(
        "aws", "nvidia-h100", (1, "p5.4xlarge", 16, 256, 100, 0, 3539), (8, "p5.48xlarge", 192, 2048, 3200, 32, 28312)
    ),
    *_rows(
        "aws",
        "nvidia-h200",
        (8, "p5en.48xlarge", 192, 2048, 3200, 16, 28312),
        (8, "p5e.48xlarge", 192, 2048, 3200, 32, 28312),
    ),
    *_rows("aws", "nvidia-b200", (8, "p6-b200.48xlarge", 192, 2048, 3200, 8, 28312)),
)

_GCP: tuple[Machine, ...] = ()

_AZURE: tuple[Machine, ...] = ()

MACHINES: tuple[Machine, ...] = (*_AWS, *_GCP, *_AZURE)
