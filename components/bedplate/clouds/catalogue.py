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


# https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (m), ac.html (g, p) for CPU, memory and network;
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html for the cards. Interconnect counts where
# EFA moves memory from GPU to GPU (p4d and later): https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html.
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
    ),
    *_rows(
        "aws",
        "nvidia-t4",
        (1, "g4dn.xlarge", 4, 16, 25, 0, 0),
        (1, "g4dn.2xlarge", 8, 32, 25, 0, 0),
        (1, "g4dn.4xlarge", 16, 64, 25, 0, 0),
        (1, "g4dn.8xlarge", 32, 128, 50, 0, 0),
        (1, "g4dn.16xlarge", 64, 256, 50, 0, 0),
        (4, "g4dn.12xlarge", 48, 192, 50, 0, 0),
        (8, "g4dn.metal", 96, 384, 100, 0, 0),
    ),
    *_rows(
        "aws",
        "nvidia-l4",
        (1, "g6.xlarge", 4, 16, 10, 0, 0),
        (1, "g6.2xlarge", 8, 32, 10, 0, 0),
        (1, "g6.4xlarge", 16, 64, 25, 0, 0),
        (1, "g6.8xlarge", 32, 128, 25, 0, 0),
        (1, "g6.16xlarge", 64, 256, 25, 0, 0),
        (4, "g6.12xlarge", 48, 192, 40, 0, 0),
        (4, "g6.24xlarge", 96, 384, 50, 0, 0),
        (8, "g6.48xlarge", 192, 768, 100, 0, 0),
    ),
    *_rows(
        "aws",
        "nvidia-a10g",
        (1, "g5.xlarge", 4, 16, 10, 0, 0),
        (1, "g5.2xlarge", 8, 32, 10, 0, 0),
        (1, "g5.4xlarge", 16, 64, 25, 0, 0),
        (1, "g5.8xlarge", 32, 128, 25, 0, 0),
        (1, "g5.16xlarge", 64, 256, 25, 0, 0),
        (4, "g5.12xlarge", 48, 192, 40, 0, 0),
        (4, "g5.24xlarge", 96, 384, 50, 0, 0),
        (8, "g5.48xlarge", 192, 768, 100, 0, 0),
    ),
    *_rows(
        "aws",
        "nvidia-l40s",
        (1, "g6e.xlarge", 4, 32, 20, 0, 0),
        (1, "g6e.2xlarge", 8, 64, 20, 0, 0),
        (1, "g6e.4xlarge", 16, 128, 20, 0, 0),
        (1, "g6e.8xlarge", 32, 256, 25, 0, 0),
        (1, "g6e.16xlarge", 64, 512, 35, 0, 0),
        (4, "g6e.12xlarge", 48, 384, 100, 0, 0),
        (4, "g6e.24xlarge", 96, 768, 200, 0, 0),
        (8, "g6e.48xlarge", 192, 1536, 400, 0, 0),
    ),
    *_rows("aws", "nvidia-a100-40gb", (8, "p4d.24xlarge", 96, 1152, 400, 4, 0)),
    *_rows("aws", "nvidia-a100-80gb", (8, "p4de.24xlarge", 96, 1152, 400, 4, 0)),
    *_rows("aws", "nvidia-h100", (1, "p5.4xlarge", 16, 256, 100, 0, 0), (8, "p5.48xlarge", 192, 2048, 3200, 32, 0)),
    *_rows("aws", "nvidia-h200", (8, "p5en.48xlarge", 192, 2048, 3200, 16, 0)),
    *_rows("aws", "nvidia-b200", (8, "p6-b200.48xlarge", 192, 2048, 3200, 8, 0)),
)

_GCP: tuple[Machine, ...] = ()

# https://learn.microsoft.com/azure/virtual-machines/sizes/general-purpose/ddsv5-series for CPU machines, and the pages
# .../sizes/gpu-accelerated/{ncast4v3,nca100v4,ncadsh100v5,ndasra100v4,ndma100v4,ndh100v5,nd-h200-v5}-series. Local
# disks are what the pages call the temporary disk, on which a node's own disk can be: of several NVMe disks AKS joins
# none. The H100 of NC machines is the NVL with 94 GB. Interconnect is InfiniBand, one card a GPU. There is no L4, A10G
# or L40S; GB200 is left out for its Arm processors, RTX PRO 6000 for being a preview on the page that was read.
_AZURE: tuple[Machine, ...] = (
    *_rows(
        "azure",
        "",
        (0, "Standard_D2ds_v5", 2, 8, 12, 0, 75),
        (0, "Standard_D4ds_v5", 4, 16, 12, 0, 150),
        (0, "Standard_D8ds_v5", 8, 32, 12, 0, 300),
        (0, "Standard_D16ds_v5", 16, 64, 12, 0, 600),
        (0, "Standard_D32ds_v5", 32, 128, 16, 0, 1200),
        (0, "Standard_D48ds_v5", 48, 192, 24, 0, 1800),
        (0, "Standard_D64ds_v5", 64, 256, 30, 0, 2400),
        (0, "Standard_D96ds_v5", 96, 384, 35, 0, 3600),
    ),
    *_rows(
        "azure",
        "nvidia-t4",
        (1, "Standard_NC4as_T4_v3", 4, 28, 8, 0, 176),
        (1, "Standard_NC8as_T4_v3", 8, 56, 8, 0, 352),
        (1, "Standard_NC16as_T4_v3", 16, 110, 8, 0, 352),
        (4, "Standard_NC64as_T4_v3", 64, 440, 32, 0, 2816),
    ),
    *_rows("azure", "nvidia-a100-40gb", (8, "Standard_ND96asr_v4", 96, 900, 1600, 8, 6000)),
    *_rows(
        "azure",
        "nvidia-a100-80gb",
        (1, "Standard_NC24ads_A100_v4", 24, 220, 20, 0, 64),
        (2, "Standard_NC48ads_A100_v4", 48, 440, 40, 0, 128),
        (4, "Standard_NC96ads_A100_v4", 96, 880, 80, 0, 256),
        (8, "Standard_ND96amsr_A100_v4", 96, 1900, 1600, 8, 6400),
    ),
    *_rows(
        "azure",
        "nvidia-h100",
        (1, "Standard_NC40ads_H100_v5", 40, 320, 40, 0, 3576),
        (2, "Standard_NC80adis_H100_v5", 80, 640, 80, 0, 7152),
        (8, "Standard_ND96isr_H100_v5", 96, 1900, 3200, 8, 1024),
    ),
    *_rows("azure", "nvidia-h200", (8, "Standard_ND96isr_H200_v5", 96, 1850, 3200, 8, 1024)),
)

MACHINES: tuple[Machine, ...] = (*_AWS, *_GCP, *_AZURE)
