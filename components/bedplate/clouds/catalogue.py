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

# https://cloud.google.com/compute/docs/accelerator-optimized-machines (a, g) and
# https://cloud.google.com/compute/docs/general-purpose-machines (n); GB there are GiB. Interconnect counts where GPUs
# have network cards of their own: https://cloud.google.com/compute/docs/gpus/gpu-network-bandwidth. Local disks: what
# comes with the machine, or the fewest one can choose: https://cloud.google.com/compute/docs/disks/local-ssd.
_GCP: tuple[Machine, ...] = (
    *_rows(
        "gcp",
        "",
        (0, "n2-standard-2", 2, 8, 10, 0, 375),
        (0, "n2-standard-4", 4, 16, 10, 0, 375),
        (0, "n2-standard-8", 8, 32, 16, 0, 375),
        (0, "n2-standard-16", 16, 64, 32, 0, 750),
        (0, "n2-standard-32", 32, 128, 32, 0, 1500),
        (0, "n2-standard-48", 48, 192, 32, 0, 3000),
        (0, "n2-standard-64", 64, 256, 32, 0, 3000),
        (0, "n2-standard-80", 80, 320, 32, 0, 3000),
        (0, "n2-standard-96", 96, 384, 32, 0, 6000),
        (0, "n2-standard-128", 128, 512, 32, 0, 6000),
    ),
    # These machines do not come with GPUs; pools attach as many as stand here.
    *_rows(
        "gcp",
        "nvidia-t4",
        (1, "n1-standard-4", 4, 15, 10, 0, 375),
        (1, "n1-standard-8", 8, 30, 16, 0, 375),
        (1, "n1-standard-16", 16, 60, 32, 0, 375),
        (2, "n1-standard-32", 32, 120, 32, 0, 750),
        (4, "n1-standard-64", 64, 240, 32, 0, 1500),
    ),
    *_rows(
        "gcp",
        "nvidia-l4",
        (1, "g2-standard-4", 4, 16, 10, 0, 375),
        (1, "g2-standard-8", 8, 32, 16, 0, 375),
        (1, "g2-standard-12", 12, 48, 16, 0, 375),
        (1, "g2-standard-16", 16, 64, 32, 0, 375),
        (1, "g2-standard-32", 32, 128, 32, 0, 375),
        (2, "g2-standard-24", 24, 96, 32, 0, 750),
        (4, "g2-standard-48", 48, 192, 50, 0, 1500),
        (8, "g2-standard-96", 96, 384, 100, 0, 3000),
    ),
    *_rows(
        "gcp",
        "nvidia-rtx-pro-6000",
        (1, "g4-standard-48", 48, 180, 50, 0, 1500),
        (2, "g4-standard-96", 96, 360, 100, 0, 3000),
        (4, "g4-standard-192", 192, 720, 200, 0, 6000),
        (8, "g4-standard-384", 384, 1440, 400, 0, 12000),
    ),
    *_rows(
        "gcp",
        "nvidia-a100-40gb",
        (1, "a2-highgpu-1g", 12, 85, 24, 0, 375),
        (2, "a2-highgpu-2g", 24, 170, 32, 0, 750),
        (4, "a2-highgpu-4g", 48, 340, 50, 0, 1500),
        (8, "a2-highgpu-8g", 96, 680, 100, 0, 3000),
        (16, "a2-megagpu-16g", 96, 1360, 100, 0, 3000),
    ),
    *_rows(
        "gcp",
        "nvidia-a100-80gb",
        (1, "a2-ultragpu-1g", 12, 170, 24, 0, 375),
        (2, "a2-ultragpu-2g", 24, 340, 32, 0, 750),
        (4, "a2-ultragpu-4g", 48, 680, 50, 0, 1500),
        (8, "a2-ultragpu-8g", 96, 1360, 100, 0, 3000),
    ),
    *_rows(
        "gcp",
        "nvidia-h100",
        (1, "a3-highgpu-1g", 26, 234, 25, 0, 750),
        (2, "a3-highgpu-2g", 52, 468, 50, 0, 1500),
        (4, "a3-highgpu-4g", 104, 936, 100, 0, 3000),
        (8, "a3-highgpu-8g", 208, 1872, 1000, 4, 6000),
        (8, "a3-megagpu-8g", 208, 1872, 1800, 8, 6000),
    ),
    *_rows("gcp", "nvidia-h200", (8, "a3-ultragpu-8g", 224, 2952, 3600, 8, 12000)),
    *_rows("gcp", "nvidia-b200", (8, "a4-highgpu-8g", 224, 3968, 3600, 8, 12000)),
    *_rows("gcp", "nvidia-gb200", (4, "a4x-highgpu-4g", 140, 884, 2000, 4, 12000)),
)

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
