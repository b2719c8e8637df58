"""What machines and disks cost by the clouds' lists, as tables.

Owns the list prices, each with its region and the day it was read, and the split of a machine's price into GPUs, cores
and memory. It deliberately asks nobody at run time: a price that changes by itself makes last month's report another
one. What a contract says instead stands in the stack file.

Split: a core and a GiB cost on a GPU machine what they cost on a CPU machine of the same cloud, and GPUs cost what
remains. On CPU machines the two stand to each other as Google sells them, 0.031611 a core to 0.004237 a GiB, which are
OpenCost's defaults too (https://github.com/opencost/opencost/blob/develop/configs/default.json).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bedplate.clouds.catalogue import MachineShape

CORE_TO_GIB = (0.031611, 0.004237)
HOURS_PER_MONTH = 730
"""By which clouds write a price of a month as one of an hour."""


@dataclass(frozen=True, kw_only=True)
class ListPrices:
    """One cloud's prices on demand, in US dollars, Linux. Spot is on no list: it changes by the hour.

    region, as_of: where and when they hold. machines: of one hour. accelerators: of one GPU of a machine that does not
    stand in `machines`, for one hour, its host not included. storage_gib_month: of a disk as the platform makes it.
    """

    region: str
    as_of: str
    cpu_core_hour: float
    memory_gib_hour: float
    storage_gib_month: float
    machines: Mapping[str, float] = field(default_factory=dict[str, float])
    accelerators: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, kw_only=True)
class OwnPrices:
    """What the stack file says instead; None and absent keys leave the list's. spot_share: of the full price, for pools
    whose machines may be taken away."""

    cpu_core_hour: float | None = None
    memory_gib_hour: float | None = None
    accelerators: Mapping[str, float] = field(default_factory=dict[str, float])
    spot_share: float = 1


@dataclass(frozen=True, kw_only=True)
class PoolPrices:
    """What one hour costs: of a node, and of what pods take of it. The node's GPUs, cores and GiB together cost what it
    does. accelerator: what pods ask for; '' of a CPU pool."""

    node: float
    cpu_core: float
    memory_gib: float
    gpu: float
    gpus: int
    accelerator: str = ""


def pool_prices(
    shape: MachineShape, accelerator: str | None, *, is_spot: bool, own: OwnPrices, listed: ListPrices | None
) -> PoolPrices | None:
    """The prices of a pool's machines; None where neither the list nor the stack file has one."""
    core = own.cpu_core_hour if own.cpu_core_hour is not None else listed and listed.cpu_core_hour
    gib = own.memory_gib_hour if own.memory_gib_hour is not None else listed and listed.memory_gib_hour
    if core is None or gib is None:
        return None
    host = core * shape.cpu + gib * shape.memory_gib
    gpu, machine = 0.0, listed.machines.get(shape.machine_type) if listed else None
    if accelerator and accelerator in own.accelerators:
        gpu = own.accelerators[accelerator]
    elif accelerator and machine is not None:
        gpu = max(0.0, machine - host) / shape.gpus
    elif accelerator and listed and accelerator in listed.accelerators:
        gpu = listed.accelerators[accelerator]
    elif accelerator:
        return None
    elif machine is not None and own.cpu_core_hour is None and own.memory_gib_hour is None:
        core, gib, host = core * machine / host, gib * machine / host, machine
    share = own.spot_share if is_spot else 1.0
    return PoolPrices(
        node=(host + gpu * shape.gpus) * share,
        cpu_core=core * share,
        memory_gib=gib * share,
        gpu=gpu * share,
        gpus=shape.gpus,
        accelerator=accelerator or "",
    )


# us-east-1. Machines: https://github.com/aws/karpenter-provider-aws/blob/1d927085/pkg/providers/pricing/zz_generated.pricing_aws.go,
# which is made from AWS' price list; disks gp3, not compared with https://aws.amazon.com/ebs/pricing/. A core and a
# GiB: of m7i.
_AWS = ListPrices(
    region="us-east-1",
    as_of="2026-07-20",
    cpu_core_hour=0.032810,
    memory_gib_hour=0.0043976,
    storage_gib_month=0.08,
    machines={
        "m7i.large": 0.1008,
        "m7i.xlarge": 0.2016,
        "m7i.2xlarge": 0.4032,
        "m7i.4xlarge": 0.8064,
        "m7i.8xlarge": 1.6128,
        "m7i.12xlarge": 2.4192,
        "m7i.16xlarge": 3.2256,
        "m7i.24xlarge": 4.8384,
        "m7i.48xlarge": 9.6768,
        "m6id.large": 0.11865,
        "m6id.xlarge": 0.2373,
        "m6id.2xlarge": 0.4746,
        "m6id.4xlarge": 0.9492,
        "m6id.8xlarge": 1.8984,
        "m6id.12xlarge": 2.8476,
        "m6id.16xlarge": 3.7968,
        "m6id.24xlarge": 5.6952,
        "g4dn.xlarge": 0.526,
        "g4dn.2xlarge": 0.752,
        "g4dn.4xlarge": 1.204,
        "g4dn.8xlarge": 2.176,
        "g4dn.16xlarge": 4.352,
        "g4dn.12xlarge": 3.912,
        "g4dn.metal": 7.824,
        "g6.xlarge": 0.8048,
        "g6.2xlarge": 0.9776,
        "g6.4xlarge": 1.3232,
        "g6.8xlarge": 2.0144,
        "g6.16xlarge": 3.3968,
        "g6.12xlarge": 4.6016,
        "g6.24xlarge": 6.6752,
        "g6.48xlarge": 13.3504,
        "gr6.4xlarge": 1.5392,
        "gr6.8xlarge": 2.4464,
        "g5.xlarge": 1.006,
        "g5.2xlarge": 1.212,
        "g5.4xlarge": 1.624,
        "g5.8xlarge": 2.448,
        "g5.16xlarge": 4.096,
        "g5.12xlarge": 5.672,
        "g5.24xlarge": 8.144,
        "g5.48xlarge": 16.288,
        "g6e.xlarge": 1.861,
        "g6e.2xlarge": 2.24208,
        "g6e.4xlarge": 3.00424,
        "g6e.8xlarge": 4.52856,
        "g6e.16xlarge": 7.57719,
        "g6e.12xlarge": 10.49264,
        "g6e.24xlarge": 15.06559,
        "g6e.48xlarge": 30.13118,
        "g7e.2xlarge": 3.36312,
        "g7e.4xlarge": 3.99816,
        "g7e.8xlarge": 5.26824,
        "g7e.12xlarge": 8.28608,
        "g7e.24xlarge": 16.57216,
        "g7e.48xlarge": 33.14432,
        "p4d.24xlarge": 21.957642,
        "p4de.24xlarge": 27.44705,
        "p5.4xlarge": 6.88,
        "p5.48xlarge": 55.04,
        "p5en.48xlarge": 63.296,
        "p6-b200.48xlarge": 113.9328,
    },
)

# us-central1. Cores and memory of N2 and A2, H100 and H200 with their hosts: Google's Cloud Billing catalogue, read
# 2026-09-26 and 2026-10-13 (https://github.com/tgarg01/silybench-data/blob/main/derived/csv/gpu_prices.csv,
# https://huggingface.co/datasets/tanod/cloud-gpu-list-prices); T4, L4, A100 and disks pd-balanced by the GPU:
# https://cloud.google.com/compute/gpus-pricing. B200, GB200 and RTX PRO 6000 are left out: no price was found.
_GCP = ListPrices(
    region="us-central1",
    as_of="2026-10-13",
    cpu_core_hour=0.031611,
    memory_gib_hour=0.004237,
    storage_gib_month=0.10,
    machines={
        "a2-highgpu-1g": 3.673,
        "a2-highgpu-2g": 7.346,
        "a2-highgpu-4g": 14.692,
        "a2-highgpu-8g": 29.384,
        "a2-megagpu-16g": 55.739,
        "a3-highgpu-1g": 10.9791,
        "a3-highgpu-2g": 21.9582,
        "a3-highgpu-4g": 43.9164,
        "a3-highgpu-8g": 87.8328,
        "a3-ultragpu-8g": 83.492,
    },
    accelerators={"nvidia-t4": 0.35, "nvidia-l4": 0.56},
)

# East US, pay as you go. NC and ND machines as the Retail Prices API had them on 2026-11-09
# (https://github.com/datareceipts/data-receipts/blob/main/109-gpu-pricing/hyperscalers.json); T4 and CPU machines:
# https://azure.microsoft.com/pricing/details/virtual-machines/linux/. A core and a GiB: of Ddsv5. Disks: Standard SSD,
# not compared with https://azure.microsoft.com/pricing/details/managed-disks/. H200 is left out: no price was found.
_AZURE = ListPrices(
    region="eastus",
    as_of="2026-11-09",
    cpu_core_hour=0.036780,
    memory_gib_hour=0.0049298,
    storage_gib_month=0.075,
    machines={
        "Standard_D2ds_v5": 0.113,
        "Standard_D4ds_v5": 0.226,
        "Standard_D8ds_v5": 0.452,
        "Standard_D16ds_v5": 0.904,
        "Standard_D32ds_v5": 1.808,
        "Standard_D48ds_v5": 2.712,
        "Standard_D64ds_v5": 3.616,
        "Standard_D96ds_v5": 5.424,
        "Standard_NC4as_T4_v3": 0.526,
        "Standard_NC8as_T4_v3": 0.752,
        "Standard_NC16as_T4_v3": 1.204,
        "Standard_NC64as_T4_v3": 4.352,
        "Standard_NC24ads_A100_v4": 3.673,
        "Standard_NC48ads_A100_v4": 9.554,
        "Standard_NC96ads_A100_v4": 19.108,
        "Standard_ND96asr_v4": 27.197,
        "Standard_ND96amsr_A100_v4": 32.77,
        "Standard_NC40ads_H100_v5": 6.98,
        "Standard_NC80adis_H100_v5": 17.64,
        "Standard_ND96isr_H100_v5": 98.32,
    },
)

LIST_PRICES: Mapping[str, ListPrices] = {"aws": _AWS, "gcp": _GCP, "azure": _AZURE}
