"""Workload templates: one file each, discovered.

Every module beside this one whose name has no leading underscore is imported in sorted order, and registers the
`Workload` it defines.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from bedplate.on_demand import on_demand
from bedplate.workloads._base import (
    Endpoint,
    Footprint,
    GpuSpec,
    MountSpec,
    Workload,
    WorkloadArgs,
    WorkloadSpec,
)
from bedplate.workloads._grants import GrantSpec
from bedplate.workloads._parts import parts_of, pulling

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    if not _module.startswith("_"):
        importlib.import_module(f"{__name__}.{_module}")

if TYPE_CHECKING:
    from bedplate.workloads._component import WorkloadComponent

    AnyWorkloadSpec = WorkloadSpec
else:
    AnyWorkloadSpec = Annotated[
        Union[tuple(workload.Spec for _, workload in sorted(Workload.registry.items()))],  # noqa: UP007
        Field(discriminator="kind"),
    ]


__getattr__ = on_demand({"bedplate.workloads._component": ("WorkloadComponent",)})

__all__ = [
    "AnyWorkloadSpec",
    "Endpoint",
    "Footprint",
    "GpuSpec",
    "GrantSpec",
    "MountSpec",
    "Workload",
    "WorkloadArgs",
    "WorkloadComponent",
    "WorkloadSpec",
    "parts_of",
    "pulling",
]
