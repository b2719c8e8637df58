"""Accelerators the platform knows, as a table.

The names are those of the label `bedplate.dev/accelerator`. Memory per GPU is the vendor's data sheet value in GB,
which NVIDIA states as powers of ten for HBM parts: https://docs.nvidia.com/datacenter/tesla/ and the product pages
https://www.nvidia.com/en-us/data-center/. Machine types per cloud join this table with the clouds.
"""

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
