"""Workload templates: one file each, discovered when somebody asks for all of them (`_all`)."""

from typing import TYPE_CHECKING

from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.workloads._all import AnyWorkloadSpec, Workload
    from bedplate.workloads._base import Endpoint, Footprint, GpuSpec, MountSpec, WorkloadArgs, WorkloadSpec
    from bedplate.workloads._component import WorkloadComponent
    from bedplate.workloads._external import ExternalSecretSpec
    from bedplate.workloads._grants import GrantSpec
    from bedplate.workloads._parts import parts_of, pulling

# Who has the spec of one workload waits for no other template.
__getattr__ = on_demand(
    {
        "bedplate.workloads._all": ("AnyWorkloadSpec", "Workload"),
        "bedplate.workloads._base": ("Endpoint", "Footprint", "GpuSpec", "MountSpec", "WorkloadArgs", "WorkloadSpec"),
        "bedplate.workloads._component": ("WorkloadComponent",),
        "bedplate.workloads._external": ("ExternalSecretSpec",),
        "bedplate.workloads._grants": ("GrantSpec",),
        "bedplate.workloads._parts": ("parts_of", "pulling"),
    }
)

__all__ = [
    "AnyWorkloadSpec",
    "Endpoint",
    "ExternalSecretSpec",
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
