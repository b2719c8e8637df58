"""All templates: every module of this package whose name has no leading underscore is imported in sorted order, and
registers the `Workload` that it defines."""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

import bedplate.workloads
from bedplate.workloads._base import Workload as Workload
from bedplate.workloads._base import WorkloadSpec

for _module in sorted(module.name for module in pkgutil.iter_modules(bedplate.workloads.__path__)):
    if not _module.startswith("_"):
        importlib.import_module(f"bedplate.workloads.{_module}")

if TYPE_CHECKING:
    AnyWorkloadSpec = WorkloadSpec
else:
    AnyWorkloadSpec = Annotated[
        Union[tuple(workload.Spec for _, workload in sorted(Workload.registry.items()))],  # noqa: UP007
        Field(discriminator="kind"),
    ]
