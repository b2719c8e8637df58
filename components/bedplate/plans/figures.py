"""What a stack amounts to, in the figures that people think in: tenants, hosts, GPUs, storage."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from bedplate.kubernetes.quantities import quantity
from bedplate.labels import GPU_RESOURCE, TENANT, WORKLOAD
from bedplate.plans.difference import Shown
from bedplate.plans.disks import CLAIM_TYPE, Inputs, below

_NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"
_QUOTA_TYPE = "kubernetes:core/v1:ResourceQuota"
_IDENTITY_TYPE = "kubernetes:core/v1:ServiceAccount"
_GIB = 2**30
_HOST = re.compile(r"\bHost\(`([^`]+)`\)")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of all tenants together. hosts: what routes lead to. gpus, cpu, memory_gib: the most that quotas grant.
    storage_gib: of the tenants' volumes."""

    tenants: frozenset[str]
    workloads: int
    hosts: frozenset[str]
    gpus: float
    cpu: float
    memory_gib: float
    storage_gib: float

    def shown(self) -> dict[str, Any]:
        """With stable names."""
        return {
            "tenants": sorted(self.tenants),
            "workloads": self.workloads,
            "hosts": sorted(self.hosts),
            "gpus": self.gpus,
            "cpu": self.cpu,
            "memoryGib": self.memory_gib,
            "storageGib": self.storage_gib,
        }


def figures(resources: Sequence[Shown]) -> Figures:
    """The figures of a stack, or of a part of it."""
    of_tenants = [resource for resource in resources if _label(resource, TENANT)]
    quotas = [below(each["inputs"], "spec") for each in of_tenants if each["type"] == _QUOTA_TYPE]
    # Those of one accelerator count what the tenant's quota has counted already.
    granted = [below(spec, "hard") for spec in quotas if "scopeSelector" not in spec]
    claims = [each["inputs"] for each in of_tenants if each["type"] == CLAIM_TYPE]
    return Figures(
        tenants=frozenset(_label(each, TENANT) for each in of_tenants if each["type"] == _NAMESPACE_TYPE),
        # Each has one identity of its own.
        workloads=sum(each["type"] == _IDENTITY_TYPE and bool(_label(each, WORKLOAD)) for each in of_tenants),
        hosts=frozenset(host for resource in resources for host in _hosts(resource)),
        gpus=_sum(granted, f"requests.{GPU_RESOURCE}"),
        cpu=_sum(granted, "requests.cpu"),
        memory_gib=_sum(granted, "requests.memory") / _GIB,
        storage_gib=_sum([below(claim, "spec", "resources", "requests") for claim in claims], "storage") / _GIB,
    )


def _label(resource: Shown, label: str) -> str:
    return str(below(resource["inputs"], "metadata", "labels").get(label, ""))


def _hosts(resource: Shown) -> Iterator[str]:
    if str(resource["type"]).endswith(":IngressRoute"):
        rules = below(resource["inputs"], "spec").get("routes")
        for rule in cast(list[object], rules) if isinstance(rules, list) else []:
            yield from _HOST.findall(str(rule))


def _sum(amounts: Sequence[Inputs], key: str) -> float:
    """A value that is not known yet counts nothing."""
    total = 0.0
    for amount in amounts:
        with suppress(KeyError, ValueError):
            total += quantity(amount[key])
    return total
