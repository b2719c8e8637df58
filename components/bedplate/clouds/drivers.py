"""Which programs run on which driver of NVIDIA, as a table.

Owns what NVIDIA publishes of it. Which driver a cloud's nodes have is the cloud's, see `ClusterSpec.driver_of_gpus`; a
driver comes with the nodes' image, so it is the branch that counts (580), not the release (580.159.04).
"""

CUDA_DRIVERS = {"11": 450, "12": 525, "13": 580}
"""Oldest branch that runs programs of this major version of CUDA, by minor version compatibility: those built with a
newer minor than the driver's own run too, unless they have code compiled when they start (PTX).

https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
"""
MIG_DRIVERS = {
    "nvidia-a100-40gb": 450,
    "nvidia-a100-80gb": 450,
    "nvidia-h100": 525,
    "nvidia-h200": 550,
    "nvidia-b200": 570,
    "nvidia-gb200": 570,
    "nvidia-rtx-pro-6000": 575,
}
"""Oldest branch that cuts the GPU into parts, by accelerator.

https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html
"""
PLUGIN_DRIVERS = {"v0.20.0": 384}
"""By version of the device plugin: https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/README.md#prerequisites."""


def oldest_driver(cuda: str) -> int | None:
    """The oldest branch that runs programs of this version of CUDA, such as 12.8; None where none is known to."""
    return CUDA_DRIVERS.get(cuda.partition(".")[0])
