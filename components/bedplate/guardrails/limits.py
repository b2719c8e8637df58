"""The limits that the guardrails enforce, and the same limits as plain functions for the specs.

One source, two readers: the policies get them as CEL (`variables`), `bedplate.stack_file.consistency` asks `approves`
and `MaxPodSpec.exceeded_by` before anything exists.
"""

import json
from typing import Annotated

from pydantic import Field

from bedplate.guardrails.ceilings import MaxTenantSpec
from bedplate.spec import (
    Count,
    Cpu,
    Gib,
    Hours,
    ImagePrefix,
    NamespacePattern,
    PositiveCount,
    Spec,
    StrictBool,
    matching,
)

_SECONDS_PER_HOUR = 3600
_AnnotationKey = Annotated[
    str,
    Field(max_length=316),
    matching(
        r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?",
        "must be the key of an annotation, with its domain, or a whole domain that ends with '/'",
        "write it like 'sidecar.istio.io/inject' or 'wandb.ai/'",
    ),
]


class IdleLimitSpec(Spec):
    """When an unused GPU workspace is stopped."""

    max_minutes: Annotated[PositiveCount, Field(le=10_080)] = 240
    """Longest idle timeout that a GPU workspace may ask for, in minutes."""


class MaxPodSpec(Spec):
    """The largest pod there may be."""

    cpu: Cpu = 64
    """Cores requested by all containers of a pod."""
    memory_gib: Gib = 512
    """Memory of all containers of a pod in GiB."""
    disk_gib: Gib = 1000
    """Disk of its node that a pod takes: scratch space, logs, and what is written beside volumes, in GiB."""
    gpus: Annotated[Count, Field(le=100)] = 8
    """GPUs of a pod."""

    def exceeded_by(
        self, *, cpu: float, memory_gib: float, disk_gib: float, gpus: int
    ) -> list[tuple[str, float, float]]:
        """What of a pod is over the limit: name, value, limit."""
        parts = [
            ("cpu", cpu, self.cpu),
            ("memoryGib", memory_gib, self.memory_gib),
            ("scratchGib", disk_gib, self.disk_gib),
            ("gpu.count", gpus, self.gpus),
        ]
        return [part for part in parts if part[1] > part[2]]


class GuardrailsSpec(Spec):
    """What no pod of a tenant may be."""

    approved_images: Annotated[tuple[ImagePrefix, ...], Field(min_length=1)]
    """Registries, paths ('ghcr.io/acme/') and single images ('ghcr.io/acme/scorer') that pods may run."""
    max_job_hours: Hours = 72
    """Longest run of any job, in hours."""
    max_pod: MaxPodSpec = MaxPodSpec()
    """The largest pod there may be."""
    idle: IdleLimitSpec = IdleLimitSpec()
    """When an unused GPU workspace is stopped."""
    public_routes: StrictBool = False
    """Whether workloads may be open to everybody, without a login."""
    image_digests: StrictBool = False
    """Whether pods run images by their digests alone, which never become another image."""
    scanned_builds: StrictBool = False
    """Whether what tenants built runs only after a scan has passed it (`images.builds.scan`), by its digest."""
    pod_annotations: tuple[_AnnotationKey, ...] = ()
    """Annotations that pods may carry besides the platform's own and Kubernetes', or beginnings of them with '/': what
    reads them must open nothing, such as sidecar.istio.io/inject."""
    reserved_namespaces: tuple[NamespacePattern, ...] = ()
    """Namespaces of your other software, or beginnings of their names with '*', which no tenant may have; those that
    well-known software and the clouds use are reserved anyway."""
    max_tenant: MaxTenantSpec = MaxTenantSpec()
    """The most that any tenant may be given, whatever its own file says."""

    def approves(self, image: str) -> bool:
        """Whether the image stands under one of the approved prefixes; the same rule as the policy's CEL."""
        return any(
            image.startswith(prefix)
            if prefix.endswith("/")
            else image == prefix or image.startswith((f"{prefix}:", f"{prefix}@"))
            for prefix in self.approved_images
        )

    def variables(self) -> dict[str, str]:
        """The limits as CEL variables of the policies."""
        return {
            "approvedImages": json.dumps(list(self.approved_images)),
            "podAnnotations": json.dumps(list(self.pod_annotations)),
            "maxJobSeconds": str(round(self.max_job_hours * _SECONDS_PER_HOUR)),
            "maxIdleMinutes": str(self.idle.max_minutes),
            "maxPodCpu": str(float(self.max_pod.cpu)),
            "maxPodMemoryGib": str(float(self.max_pod.memory_gib)),
            "maxPodDiskGib": str(float(self.max_pod.disk_gib)),
            "maxPodGpus": str(self.max_pod.gpus),
        }
