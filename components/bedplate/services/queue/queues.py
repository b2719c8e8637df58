"""Queues as data: what there is to share, and whose it is.

Owns one flavor of each accelerator, one for everything else, three priorities, and for each tenant a queue with what
its ResourceQuota leaves for queued work. The queue counts GPUs by accelerator, as the quota does by PriorityClass:
flavor and class have the accelerator's name in them. All queues are in one cohort: what a tenant does not use, others
may borrow up to what their stack file says, until its owner wants it back.
https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/
"""

from collections.abc import Iterator, Sequence

from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.pods import cpu_quantity, memory_quantity
from bedplate.labels import ACCELERATOR, DEFAULT_QUEUE, GPU_RESOURCE, Identity, priority_name
from bedplate.offers import TenantQueue

API_VERSION = "kueue.x-k8s.io/v1beta2"
COHORT = "bedplate"
ANY = "any"
"""The flavor of what is counted wherever it runs: cores, memory, pods."""
PRIORITIES = {"low": -100, "normal": 0, "high": 100}
_IDENTITY = Identity(name="queue", component="queue")


def flavors(accelerators: Sequence[str]) -> Iterator[Manifest]:
    """A flavor of no label fits every pod; one of an accelerator the pods that choose it."""
    yield manifest(API_VERSION, "ResourceFlavor", ANY, _IDENTITY, spec={})
    for accelerator in accelerators:
        spec = {"nodeLabels": {ACCELERATOR: accelerator}}
        yield manifest(API_VERSION, "ResourceFlavor", accelerator, _IDENTITY, spec=spec)


def priority_classes() -> Iterator[Manifest]:
    """Whose turn it is first, within a tenant."""
    for name, value in PRIORITIES.items():
        described = f"Queued work of {name} priority; it says nothing of its pods' priority."
        named = priority_name(name)
        yield manifest(API_VERSION, "WorkloadPriorityClass", named, _IDENTITY, value=value, description=described)


def cluster_queue(request: TenantQueue) -> Manifest:
    """The queue of a tenant, for its namespace alone. GPUs that it lent it gets back at once, whoever loses by it."""
    own = {"cpu": cpu_quantity(request.cpu), "memory": memory_quantity(request.memory_gib), "pods": str(request.pods)}
    groups = [{"coveredResources": list(own), "flavors": [_flavor(ANY, own)]}]
    gpus = sorted({*request.gpus, *request.borrowed_gpus})
    if gpus:
        of_gpus = [
            _flavor(one, {GPU_RESOURCE: str(request.gpus.get(one, 0))}, request.borrowed_gpus.get(one, 0))
            for one in gpus
        ]
        groups.append({"coveredResources": [GPU_RESOURCE], "flavors": of_gpus})
    return manifest(
        API_VERSION,
        "ClusterQueue",
        request.namespace_name,
        request.identity,
        spec={
            "cohortName": COHORT,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": request.namespace_name}},
            # What is too large for now does not keep smaller work waiting.
            "queueingStrategy": "BestEffortFIFO",
            "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
            "resourceGroups": groups,
        },
    )


def _flavor(name: str, nominal: dict[str, str], borrowed: int = 0) -> Manifest:
    resources = [
        {"name": resource, "nominalQuota": quota, "borrowingLimit": str(borrowed)}
        for resource, quota in nominal.items()
    ]
    return {"name": name, "resources": resources}


def local_queue(request: TenantQueue) -> Manifest:
    """The tenant's only one. By its name, what says no queue goes into it
    (https://kueue.sigs.k8s.io/docs/tasks/manage/enforce_job_management/setup_default_local_queue/)."""
    return manifest(
        API_VERSION,
        "LocalQueue",
        DEFAULT_QUEUE,
        request.identity,
        namespace=request.namespace_name,
        spec={"clusterQueue": request.namespace_name},
    )
