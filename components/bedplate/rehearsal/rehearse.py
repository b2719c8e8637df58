"""A rehearsal: the whole stack on a real API server, from nothing to nothing.

Applies the stack, waits for its pods and runs each job once, runs the program again and expects no change, changes an
image of each workload and expects the rollouts to end, removes a tenant and expects only that tenant's objects to go,
tears down and expects nothing left. It cleans up what it applied
however it ends, and touches nothing that was there before: a stack of which a single object already exists is refused.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bedplate.config import PlatformSpec
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.objects import Object, ObjectKey, desired, key_of
from bedplate.embedded_cluster.simulation import SimulatedPool
from bedplate.engine.engine import Program, Recording, RecordingBackend, run
from bedplate.engine.resources import Resource
from bedplate.errors import RehearsalError
from bedplate.labels import SYSTEM_POOL, TENANT, builds_namespace, tenant_grafana_namespace
from bedplate.rehearsal.applying import Applied, Starting, apply, existing, manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.explanation import RehearsalProblem
from bedplate.rehearsal.operators import Operators, only_simulated
from bedplate.rehearsal.report import RehearsalReport
from bedplate.rehearsal.rollout import Rollout
from bedplate.rehearsal.trial import STALLED_SECONDS, Trial
from bedplate.services.operator import GrowingPool
from bedplate.wording import counted

_METRICS = ("metrics.k8s.io/v1beta1", "PodMetrics")
"""What autoscalers measure CPU and memory by: https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/"""
Inventory = Mapping[ObjectKey, Object]


@dataclass
class Rehearsal:
    """One rehearsal of one stack on one cluster.

    program: the stack as it is. without: the same program without the tenant of that name. definitions_folder: of real
    definitions of custom kinds. operators: that run beside the cluster, in place of stand-ins.
    """

    program: Program
    without: Callable[[str], Program]
    spec: PlatformSpec
    access: ClusterAccess
    progress: Callable[[str], None]
    stalled_seconds: float = STALLED_SECONDS
    definitions_folder: Path | None = None
    operators: Operators | None = None
    report: RehearsalReport = field(init=False)
    _applied: Applied = field(init=False, default_factory=Applied)
    _again: Recording = field(init=False, default_factory=Recording)
    """What a second run of the program registered; it runs while pods start."""

    def __post_init__(self) -> None:
        self.report = RehearsalReport(
            stack=self.program.stack, cluster_version=self.access.version, cluster_source=self.access.source
        )
        self._api = ApiServer(self.access)
        upstream = self.operators.programs.definitions.values() if self.operators else ()
        given = [self.definitions_folder] if self.definitions_folder else []
        self._definitions = Definitions(self._api, [*given, *upstream])
        self._starting: Mapping[str, Starting] = {}

    def perform(self) -> RehearsalReport:
        """Goes through all steps; raises RehearsalError only where nothing could be begun."""
        recording = self._run(self.program)
        if found := existing(self._api, applicable(recording)):
            raise RehearsalError(
                f"the cluster already has {counted(len(found), 'object')} of this stack, such as {found[0]}",
                "rehearse on another cluster, or without --context on one of its own",
            )
        with contextlib.ExitStack() as life:
            try:
                with self._timed("definitions"):
                    self.report.operators = self._definitions.create(recording)
                    self.report.definitions = self._definitions.own
                if self.operators:
                    for folder in self.operators.first_definitions:
                        self._definitions.create_all(folder)
                    self._starting = life.enter_context(self.operators.living(recording))
                for step, act in self._steps(recording):
                    with self._timed(step):
                        act()
            except BaseException:
                if not self.access.is_disposable:
                    self._tear_down()
                raise
            with self._timed("teardown"):
                self._tear_down()
        return self.report

    def _steps(self, recording: Recording) -> list[tuple[str, Callable[[], None]]]:
        operators = self.operators
        return [
            ("apply", lambda: self._apply(recording)),
            ("pods", self._try_workloads),
            *([("operators", lambda: self._examine(operators))] if operators else []),
            ("secondRun", self._apply_again),
            ("rollout", self._change_images),
            ("tenantRemoval", self._remove_a_tenant),
            *([("nodes", lambda: self._settle(operators))] if operators else []),
        ]

    @contextmanager
    def _timed(self, step: str) -> Generator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.report.seconds[step] = time.monotonic() - started

    def _run(self, program: Program) -> Recording:
        return run(program, RecordingBackend(), is_preview=False)

    def _apply(self, recording: Recording) -> None:
        self.progress("applying the stack")
        apply(self._api, applicable(recording), self.progress, applied=self._applied, starting=self._starting)
        self.report.applied = len(self._applied.resources)
        self.report.problems += self._applied.problems

    def _try_workloads(self) -> None:
        trial = Trial(self._api, self.progress, pods=self.report.pods, stalled_seconds=self.stalled_seconds)
        manifests = [manifest_of(resource) for resource in self._applied.resources]
        with ThreadPoolExecutor(1, "program") as beside:
            again = beside.submit(self._run, self.program)
            trial.run(manifests)
            self._again = again.result()
        self.report.problems += trial.problems
        self.report.autoscalers = sum(1 for manifest in manifests if manifest["kind"] == "HorizontalPodAutoscaler")
        if not self._api.knows(*_METRICS):
            self.report.unmeasured_autoscalers = self.report.autoscalers

    def _examine(self, operators: Operators) -> None:
        self.progress("looking at what operators did")
        self.report.problems += operators.examine()
        self.report.only_simulated = only_simulated(key_of(one.inputs) for one in self._applied.resources)
        reasons = [(operator, operators.why_not(operator.release)) for operator in self.report.operators]
        self.report.operators = [replace(operator, reason=reason) for operator, reason in reasons if reason]

    def _settle(self, operators: Operators) -> None:
        """Nodes that came for jobs are to go: the jobs are over."""
        self.report.problems += operators.settle()
        self.report.ran = operators.ran()

    def _apply_again(self) -> None:
        self.progress("applying what a second run of the program registered, expecting no change")
        changed = apply(self._api, applicable(self._again), before=self._applied).changed
        self.report.changed = len(changed)
        for key in changed:
            self._fell_short(str(key), "a second run of the same program changed it", "make the template deterministic")

    def _change_images(self) -> None:
        rollout = Rollout(self._api, self.progress, self.stalled_seconds, count=self.report.rollout)
        rollout.run([manifest_of(resource) for resource in self._applied.resources])
        self.report.problems += rollout.problems

    def _remove_a_tenant(self) -> None:
        """The tenant with the most resources: the hardest to remove."""
        sizes = {tenant.name: len(tenant.workloads) for tenant in self.spec.tenants}
        if not sizes or "tenants" not in self.spec.layers:
            return
        tenant = max(sorted(sizes), key=lambda name: sizes[name])
        self.progress(f"removing tenant {tenant}")
        namespace = self.spec.namespace(tenant)
        with ThreadPoolExecutor(1, "inventory") as beside:
            taking = beside.submit(self._own)
            steady = self._steady_nodes()
            remaining = self._run(self.without(tenant)).by_urn()
            before = taking.result()
        gone = [resource for resource in self._applied.resources if resource.urn not in remaining]
        self.report.problems += delete(self._api, gone)
        after = self._own()
        steady &= self._steady_nodes()
        self.report.removed_tenant = tenant
        self.report.removed = len(before.keys() - after.keys())
        for key in changed_for_others(before, after, tenant, namespace, steady):
            self.report.others_changed += 1
            self._fell_short(str(key), f"changed when tenant {tenant} was removed", "nothing of another tenant may")
        self._applied.resources = [resource for resource in self._applied.resources if resource.urn in remaining]

    def _steady_nodes(self) -> set[str]:
        """Those that are there and not about to go (https://karpenter.sh/docs/concepts/disruption/)."""
        return {
            node["metadata"]["name"]
            for node in self._api.objects("v1", "Node")
            if "deletionTimestamp" not in node["metadata"]
            and not any(taint["key"] == "karpenter.sh/disrupted" for taint in node["spec"].get("taints", []))
        }

    def _tear_down(self) -> None:
        self.progress("tearing down")
        namespaces, applied = self._namespaces(), self._applied.resources
        self.report.problems += delete(self._api, applied)
        keys = {key_of(manifest_of(resource)) for resource in applied}
        inventory = self._api.inventory()
        volumes = {key: body for key, body in inventory.items() if key.kind == "PersistentVolume"}
        left = [key for key in inventory if key in keys or key.namespace in namespaces]
        retained = [
            body
            for body in volumes.values()
            if self._is_ours(body) and body["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        ]
        for volume in retained:
            self._api.delete(volume)
        if self.operators:
            left += [key_of(body) for body in self.operators.remove_objects()]
            self.report.problems += self.operators.deaths()
        left += self._definitions.remove()
        self.report.left = len(left)
        self.report.retained = sorted(_volume_name(volume) for volume in retained)
        for key in left:
            self._fell_short(str(key), "was left behind by the teardown", "give it an owner that deletes it")

    def _namespaces(self) -> set[str]:
        manifests = [manifest_of(resource) for resource in self._applied.resources]
        return {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Namespace"}

    def _is_ours(self, volume: Object) -> bool:
        return volume["spec"].get("claimRef", {}).get("namespace", "") in {
            self.spec.namespace(tenant.name) for tenant in self.spec.tenants
        }

    def _own(self) -> Inventory:
        """The stack's objects, and all that controllers made of them."""
        keys = {key_of(manifest_of(resource)) for resource in self._applied.resources}
        namespaces = self._namespaces()
        return {
            key: body
            for key, body in self._api.inventory().items()
            if key in keys or key.namespace in namespaces or (key.kind == "PersistentVolume" and self._is_ours(body))
        }

    def _fell_short(self, name: str, reason: str, fix: str) -> None:
        self.report.problems.append(RehearsalProblem(object=name, reason=reason, fix=fix))


def applicable(recording: Recording) -> list[Resource]:
    """Without definitions, which are there before everything else, and without what would be asked of an operator: no
    pod runs behind its Service. Where an operator runs, it brings them (`operators`)."""
    return [resource for resource in recording.resources if not resource.is_definition and not _is_asked(resource)]


def _is_asked(resource: Resource) -> bool:
    return str(resource.inputs.get("kind", "")).endswith("WebhookConfiguration")


def simulated_pools(spec: PlatformSpec, growing: Sequence[GrowingPool] = ()) -> list[SimulatedPool]:
    """The stack's pools at their largest, with what their nodes offer pods; less the nodes that come when they are
    needed."""
    offers = {name: spec.cloud.allocatable(pool) for name, pool in spec.node_pools.items()}
    coming = {pool.name: pool.nodes for pool in growing}
    return [
        SimulatedPool(
            name=name,
            nodes=pool.max - coming.get(name, 0),
            cpu=offers[name].cpu,
            memory_gib=offers[name].memory_gib,
            disk_gib=offers[name].disk_gib,
            pods=offers[name].pods,
            accelerator=pool.offers,
            gpus=offers[name].gpus,
            is_reserved=name == SYSTEM_POOL and spec.cloud.reserves_system_pool(spec.node_pools),
        )
        for name, pool in spec.node_pools.items()
    ]


def growing_pools(spec: PlatformSpec) -> list[GrowingPool]:
    """The nodes of the stack's pools that come when pods wait for them: all with GPUs, and others beyond `min`."""
    return [
        GrowingPool(
            name=name,
            nodes=pool.max if pool.accelerator else pool.max - pool.min,
            offer=spec.cloud.allocatable(pool),
            accelerator=pool.offers,
        )
        for name, pool in spec.node_pools.items()
        if pool.accelerator or pool.max > pool.min
    ]


def storage_classes(spec: PlatformSpec) -> Mapping[str, str]:
    """The StorageClasses that the stack finds, with their reclaim policies."""
    return spec.cloud.storage_classes_there()


def changed_for_others(
    before: Inventory, after: Inventory, tenant: str, namespace: str, steady: set[str]
) -> list[ObjectKey]:
    """What changed although it belongs to somebody else; runs of jobs come and go by the clock, and pods of DaemonSets
    with their nodes. steady: nodes that were there all the time."""
    places = {namespace, builds_namespace(namespace), tenant_grafana_namespace(namespace)}
    own = {ObjectKey("Namespace", "", place) for place in places}
    return sorted(
        key
        for key in before.keys() | after.keys()
        if key.namespace not in places
        and key not in own
        and not _belongs_to(before.get(key) or after[key], tenant, namespace)
        and not _is_run(before.get(key) or after[key])
        and not _went_with_its_node(before.get(key) or after[key], steady)
        and (key not in before or key not in after or desired(before[key]) != desired(after[key]))
    )


def _belongs_to(body: Object, tenant: str, namespace: str) -> bool:
    """Outside of its namespace a tenant has disks, which only their claim names, and what carries its label: routes."""
    if body["metadata"].get("labels", {}).get(TENANT) == tenant:
        return True
    claim: Object = body["spec"].get("claimRef", {}) if body["kind"] == "PersistentVolume" else {}
    return claim.get("namespace") == namespace


def _is_run(body: Object) -> bool:
    owners: Sequence[Object] = body["metadata"].get("ownerReferences", [])
    return any(owner["kind"] in ("CronJob", "Job") for owner in owners)


def _went_with_its_node(body: Object, steady: set[str]) -> bool:
    owners: Sequence[Object] = body["metadata"].get("ownerReferences", [])
    is_everywhere = body["kind"] == "Pod" and any(owner["kind"] == "DaemonSet" for owner in owners)
    return is_everywhere and body["spec"].get("nodeName") not in steady


def _volume_name(volume: Object) -> str:
    claim = volume["spec"]["claimRef"]
    return f"{claim['namespace']}/{claim['name']}"
