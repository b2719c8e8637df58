"""How one GPU is made into several, and what each of them is called.

Owns the table of partitions (MIG) and the names of parts. A part of a GPU is an accelerator of a name of its own, such
as `nvidia-h100-1g.10gb` or `nvidia-l4-shared-4`, by which pods choose their nodes, quotas count and prices are found;
to Kubernetes it is one `nvidia.com/gpu` on every cloud (docs/adr/0030-parts-of-gpus.md). It deliberately knows no
cloud: which of them makes which parts is that cloud's, see `ClusterSpec.refuse_sharing`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from pydantic import Field, model_validator

from bedplate.clouds.catalogue import ACCELERATORS
from bedplate.spec import Spec, StrictBool, mistake, refuse

SHARED = "-shared-"
"""Stands in the name of every accelerator whose GPUs many pods use in turns, and in no other."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A kind of part that a GPU can be cut into. per_gpu: how many alike one GPU gives; memory_gb: of each."""

    per_gpu: int
    memory_gb: int


def _sevenths(*memory_gb: int) -> dict[str, Partition]:
    """Profiles of GPUs with seven slices: their memory in eighths, quarters, halves and whole."""
    eighth, quarter, half, whole = memory_gb
    return {
        f"1g.{eighth}gb": Partition(per_gpu=7, memory_gb=eighth),
        f"1g.{quarter}gb": Partition(per_gpu=4, memory_gb=quarter),
        f"2g.{quarter}gb": Partition(per_gpu=3, memory_gb=quarter),
        f"3g.{half}gb": Partition(per_gpu=2, memory_gb=half),
        f"4g.{half}gb": Partition(per_gpu=1, memory_gb=half),
        f"7g.{whole}gb": Partition(per_gpu=1, memory_gb=whole),
    }


PARTITIONS: dict[str, dict[str, Partition]] = {
    "nvidia-a100-40gb": _sevenths(5, 10, 20, 40),
    "nvidia-a100-80gb": _sevenths(10, 20, 40, 80),
    "nvidia-h100": _sevenths(10, 20, 40, 80),
    "nvidia-h200": _sevenths(18, 35, 71, 141),
    "nvidia-b200": _sevenths(23, 45, 90, 180),
    "nvidia-gb200": _sevenths(23, 47, 93, 186),
    "nvidia-rtx-pro-6000": {
        "1g.24gb": Partition(per_gpu=4, memory_gb=24),
        "2g.48gb": Partition(per_gpu=2, memory_gb=48),
        "4g.96gb": Partition(per_gpu=1, memory_gb=96),
    },
}
"""By accelerator; one that does not stand here cannot be cut.

https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html, and how many fit on one GPU where
all are alike: https://github.com/NVIDIA/mig-parted/blob/main/deployments/systemd/config-default.yaml. Left out:
profiles with media or graphics engines (`+me`, `+gfx`), whose names no label can hold.
"""
LARGEST_SHARES = 16
"""The most pods that use one GPU in turns. Nobody says how many go well; each keeps a context of its own in memory."""


class SharingSpec(Spec):
    """How each GPU of a pool is made into several: cut into parts, or used by many pods in turns."""

    mig: str | None = None
    """Profile that each GPU is cut into as often as it goes, such as 1g.10gb: parts with memory and cores of their own,
    safe between tenants."""
    time_slicing: Annotated[int, Field(strict=True, ge=2, le=LARGEST_SHARES)] | None = None
    """How many pods use each GPU in turns. Nothing bounds the memory of one, and a fault of one may end the others."""
    between_tenants: StrictBool = False
    """Whether pods of many tenants may use one GPU in turns, although nothing keeps them apart but their turns."""

    @model_validator(mode="after")
    def _one_way(self) -> "SharingSpec":
        if (self.mig is None) is (self.time_slicing is None):
            raise mistake("must say one way to share", "write {mig: 1g.10gb}, another profile, or {timeSlicing: 4}")
        if self.between_tenants and self.time_slicing is None:
            raise mistake("parts of a GPU are safe between tenants anyway", "remove `betweenTenants`")
        return self


def refuse_unknown_profile(accelerator: str, sharing: SharingSpec) -> None:
    """Refuses a profile by which the GPU cannot be cut."""
    if sharing.mig is None:
        return
    profiles = PARTITIONS.get(accelerator)
    if profiles is None:
        wrong = mistake(
            f"{accelerator} cannot be cut into parts",
            "write `sharing: {timeSlicing: 4}`, or choose an accelerator that can",
            allowed=f"none; of {', '.join(PARTITIONS)} some",
        )
        refuse([(("mig",), sharing.mig, wrong)])
    elif sharing.mig not in profiles:
        wrong = mistake(
            f"{accelerator} has no profile {sharing.mig}", "write one of its profiles", allowed=", ".join(profiles)
        )
        refuse([(("mig",), sharing.mig, wrong)])


def refuse_partitions_but(sharing: SharingSpec, accelerator: str, made: Collection[str], by: str) -> None:
    """Raises a `mistake` where a cloud cuts this GPU otherwise only. made: profiles that it makes; by: who does it."""
    if sharing.mig and sharing.mig not in made:
        raise mistake(
            f"{by} does not cut {accelerator} into {sharing.mig}",
            "write another profile, or `sharing: {timeSlicing: 4}`",
            allowed=", ".join(made) or "none of this GPU",
        )


def offered_name(accelerator: str, sharing: SharingSpec | None) -> str:
    """What pods ask for: the GPU as a whole, or a part of it by its own name."""
    if sharing is None:
        return accelerator
    return f"{accelerator}-{sharing.mig}" if sharing.mig else f"{accelerator}{SHARED}{sharing.time_slicing}"


def parts_of_one(accelerator: str, sharing: SharingSpec | None) -> int:
    """How many `nvidia.com/gpu` one GPU is."""
    if sharing is None:
        return 1
    return PARTITIONS[accelerator][sharing.mig].per_gpu if sharing.mig else sharing.time_slicing or 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the name of an accelerator stands for. accelerator: the GPU; share: how much of one; profile: of MIG, or
    ''; memory_gb: of its own, of a GPU that is used in turns all of it."""

    accelerator: str
    share: Fraction
    profile: str
    memory_gb: int

    @property
    def is_in_turns(self) -> bool:
        """Whether others use the same GPU, with nothing between them."""
        return not self.profile and self.share < 1


def part(name: str) -> Part:
    """What a name in a quota, at a workload or on a node stands for. Raises LookupError."""
    if name in ACCELERATORS:
        return Part(accelerator=name, share=Fraction(1), profile="", memory_gb=ACCELERATORS[name].memory_gb)
    if shared := re.fullmatch(rf"(.+){SHARED}([0-9]+)", name):
        memory_gb = ACCELERATORS[shared[1]].memory_gb
        return Part(accelerator=shared[1], share=Fraction(1, int(shared[2])), profile="", memory_gb=memory_gb)
    if cut := re.fullmatch(r"(.+)-([0-9]g\.[0-9]+gb)", name):
        found = PARTITIONS[cut[1]][cut[2]]
        share = Fraction(1, found.per_gpu)
        return Part(accelerator=cut[1], share=share, profile=cut[2], memory_gb=found.memory_gb)
    raise LookupError(f"there is no accelerator {name}")
