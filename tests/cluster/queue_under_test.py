"""The real Kueue and JobSet beside the API server, with the rights, webhooks and queues of a stack of two tenants."""

import copy
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.nodes import SimulatedPool
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.engine.engine import Recording
from bedplate.programs import found
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.operator_programs import programs_of
from bedplate.rehearsal.operators import Operators
from bedplate.rehearsal.rehearse import applicable
from bedplate.services.operator import Launch, OperatorProgram, Surroundings
from bedplate.services.queue.operators import METRICS_CERTIFICATES, OPERATORS
from cluster.objects_under_test import eventually
from harness import MINIMAL, objects, platform, record, tenant

JOBSETS = "jobset.x-k8s.io/v1alpha2"
KUEUE = "kueue.x-k8s.io/v1beta2"
ACCELERATOR = "nvidia-l4"
HELD = {"bedplate.dev/held": "true"}
QUOTA = {"cpu": 64, "memoryGib": 256, "gpus": {ACCELERATOR: 4}, "borrowedGpus": {ACCELERATOR: 4}}
POOLS = (
    SimulatedPool(name="general", nodes=2, cpu=16, memory_gib=64),
    SimulatedPool(name="l4", nodes=8, cpu=16, memory_gib=64, accelerator=ACCELERATOR, gpus=1),
)


def stack(*workloads: dict[str, Any], other: tuple[dict[str, Any], ...] = (), **changes: Any) -> dict[str, Any]:
    """Two tenants, each with four GPUs and four more to borrow; eight there are."""
    pools = {**MINIMAL["nodePools"], "l4": {**MINIMAL["nodePools"]["l4"], "max": 8}}
    volumes = [{"name": "runs", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    tenants = [
        tenant(name, *mine, quota=QUOTA, volumes=volumes) for name, mine in (("vision", workloads), ("audio", other))
    ]
    return platform(*tenants, **{"queue": {}, "nodePools": pools, **changes})


def training(name: str, nodes: int, **changes: Any) -> dict[str, Any]:
    """A training as the stack file writes it, on GPUs that each machine has one of."""
    return {
        **{"kind": "training", "name": name, "image": "ghcr.io/acme/trainer:1.0.0", "nodes": nodes},
        **{"gpu": {"accelerator": ACCELERATOR}, "command": ["python", "train.py"]},
        **changes,
    }


@dataclass
class Queues:
    """What runs. access: to its API server. metrics: port of each controller's."""

    api: ApiServer
    access: ClusterAccess
    metrics: dict[str, int]

    def submit(self, workload: dict[str, Any], tenant: str = "vision", *, is_held: bool = True) -> dict[str, Any]:
        """Applies the objects that the stack would have of a workload, and returns the one that runs."""
        mine = (workload,)
        written = stack(*mine) if tenant == "vision" else stack(other=mine)
        runs: dict[str, Any] = {}
        for resource in objects(record(written)):
            body: dict[str, Any] = copy.deepcopy(dict(resource.inputs))
            if body["metadata"].get("labels", {}).get("bedplate.dev/workload") != workload["name"]:
                continue
            if body["kind"] == "JobSet":
                template = body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
                template["metadata"]["annotations"] |= HELD if is_held else {}
                runs = body
            self.api.apply(body)
        return runs

    def pods(self, name: str, tenant: str = "vision", phase: str = "Running") -> list[dict[str, Any]]:
        """Of a training, in a phase and not about to go."""
        found = self.api.objects("v1", "Pod", tenant, f"jobset.sigs.k8s.io/jobset-name={name}")
        return [
            pod
            for pod in found
            if pod.get("status", {}).get("phase") == phase and "deletionTimestamp" not in pod["metadata"]
        ]

    def runs(self, name: str, pods: int, tenant: str = "vision", seconds: float = 30) -> None:
        """Waits until so many of its pods run."""
        eventually(lambda: len(self.pods(name, tenant)) == pods, f"{pods} running pods of {name}", seconds)

    def status(self, job_set: dict[str, Any]) -> dict[str, Any]:
        """Of a JobSet, now."""
        return (self.api.get(job_set) or {}).get("status", {})

    def is_so(self, job_set: dict[str, Any], condition: str) -> bool:
        """Whether a JobSet has the condition."""
        conditions = self.status(job_set).get("conditions", [])
        return any(one["type"] == condition and one["status"] == "True" for one in conditions)

    def workload(self, name: str, tenant: str = "vision") -> dict[str, Any]:
        """What Kueue made of a training; nothing until it did."""
        made = self.api.objects(KUEUE, "Workload", tenant)
        return next((body for body in made if body["metadata"]["ownerReferences"][0]["name"] == name), {})

    def end(self, pod: dict[str, Any], phase: str, condition: str = "") -> None:
        """Ends a pod as its kubelet would. condition: that it gets with it."""
        state = {"exitCode": 0 if phase == "Succeeded" else 1, "reason": "Ended"}
        containers = [
            {**one, "ready": False, "started": False, "state": {"terminated": state}}
            for one in pod["status"]["containerStatuses"]
        ]
        conditions = list(pod["status"]["conditions"])
        if condition:
            at = pod["status"]["startTime"]
            conditions.append({"type": condition, "status": "True", "reason": "Test", "lastTransitionTime": at})
        status = {"phase": phase, "containerStatuses": containers, "conditions": conditions}
        self.api.change_status(pod, {"status": status})

    def clear(self) -> None:
        """Removes all trainings of both tenants."""
        sets = [body["metadata"] for body in self.api.objects(JOBSETS, "JobSet")]
        self.remove(*((one["name"], one["namespace"]) for one in sets))

    def remove(self, *workloads: tuple[str, str]) -> None:
        """Removes trainings, and waits until nothing of them is left. workloads: names with their tenants."""
        for name, namespace in workloads:
            body = {"apiVersion": JOBSETS, "kind": "JobSet", "metadata": {"name": name, "namespace": namespace}}
            self.api.delete(body)
        for name, namespace in workloads:
            eventually(partial(self._has_no_pods, name, namespace), f"the end of {name}", 60)

    def _has_no_pods(self, name: str, namespace: str) -> bool:
        return not self.api.objects("v1", "Pod", namespace, f"jobset.sigs.k8s.io/jobset-name={name}")


def _certificate() -> None:
    """Kueue reads one at a place of its own; skips where this user may not write there."""
    if (METRICS_CERTIFICATES / "tls.key").is_file():
        return
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make Kueue's certificate with")
    try:
        METRICS_CERTIFICATES.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        pytest.skip(f"Kueue reads a certificate at {METRICS_CERTIFICATES}: sudo make kueue-certificate")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "3650", "-subj", "/CN=kueue-metrics", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(METRICS_CERTIFICATES / "tls.key"), "-out", str(METRICS_CERTIFICATES / "tls.crt")),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def running_queues(access: ClusterAccess) -> Iterator[Queues]:
    """Both controllers in the place of their Deployments, on simulated nodes."""
    if not access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    for operator in OPERATORS:
        if found(operator.program) is None:
            pytest.skip(f"{operator.program} is not built: bedplate programs build {operator.program}")
    _certificate()
    api, recording = ApiServer(access), record(stack())
    definitions, metrics = Definitions(api), dict[str, int]()
    started = [_noting(operator, metrics) for operator in OPERATORS]
    operators = Operators(
        api, access, programs_of(started, lambda _: None), pools=[], progress=lambda _: None, operators=started
    )
    classes = {"standard": "Delete", "standard-retained": "Retain"}
    with simulated_cluster(access, POOLS, classes, lambda _: None):
        definitions.create(recording)
        with operators.living(recording) as starting:
            applied = apply(api, applicable(recording), starting=starting)
            assert [str(problem) for problem in applied.problems] == []
            assert operators.deaths() == []
            try:
                yield Queues(api, access, metrics)
            finally:
                left = delete(api, objects_of(recording))
                operators.remove_objects()
            assert left == []
        definitions.remove()


def _noting(operator: OperatorProgram, metrics: dict[str, int]) -> OperatorProgram:
    """The operator, whose port of metrics is noted when it starts."""

    def launch(surroundings: Surroundings) -> Launch:
        metrics[operator.name] = surroundings.ports["metrics"]
        return operator.launch(surroundings)

    return replace(operator, launch=launch)


def objects_of(recording: Recording) -> list[Any]:
    """What was applied."""
    return [resource for resource in applicable(recording) if resource.is_kubernetes_object]
