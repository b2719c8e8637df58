"""Applying what a program registered to a real API server, several objects at once."""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import REQUESTS_AT_ONCE, ApiError, at_once
from bedplate.embedded_cluster.objects import Object, ObjectKey, applied_fields, key_of
from bedplate.engine.resources import Resource, revealed
from bedplate.rehearsal.explanation import RehearsalProblem, explain_refusal, tenant_of

_POLL_SECONDS = 0.1
_ENFORCEMENT_SECONDS = 15
_SERVED_SECONDS = 30
_PROGRESS_OBJECTS = 50
_RECORD_SECONDS = 1.0
"""What the API server's record of fields tells apart."""


SERVED_FIX = "look at its conditions: kubectl describe crd"
Starting = Callable[[], list[RehearsalProblem]]
"""Starts an operator in the place of a resource."""


@dataclass
class Applied:
    """What became of a program's objects, in the order of their registration.

    fields: what the API server keeps of who applied which of an object's fields when. changed: objects of which that is
    another than in the run compared with, new ones included.
    """

    resources: list[Resource] = field(default_factory=list[Resource])
    fields: dict[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    changed: list[ObjectKey] = field(default_factory=list[ObjectKey])
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])
    ended: float = 0.0
    """When, on this process's clock."""


def apply(
    api: ApiServer,
    resources: Iterable[Resource],
    progress: Callable[[str], None] = lambda _: None,
    *,
    applied: Applied | None = None,
    before: Applied | None = None,
    starting: Mapping[str, Starting] | None = None,
) -> Applied:
    """Applies the objects among the resources of a program, each as soon as all that it depends on is applied.

    A refusal is kept as a problem and the rest goes on, so that one run finds them all. applied: filled and returned,
    with what was done until then where something else ends it. before: an earlier run, to compare with. No object is
    read for that: the API server renews the time of our entry in its record of fields whenever an apply changes one
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers). starting: by URN, what is
    started as soon as all that the resource depends on is there; what depends on the resource waits for it. It returns
    what kept it from starting.
    """
    applied = applied or Applied()
    if before is not None:
        time.sleep(max(0.0, before.ended + _RECORD_SECONDS - time.monotonic()))
    pool = ThreadPoolExecutor(REQUESTS_AT_ONCE, "apply")
    queue = _Queue(api, pool, progress, starting or {})
    try:
        for resource in resources:
            queue.add(resource)
        queue.check()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        queue.collect(applied, before)
        applied.ended = time.monotonic()
    return applied


@dataclass(kw_only=True)
class _Outcome:
    resource: Resource
    fields: str | None = None
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])


_Pending = Sequence["Future[_Outcome]"]


@dataclass
class _Queue:
    """Hands objects to the pool in the order of their registration, each with those that it waits for.

    It waits for what Pulumi's engine waits for: the resources that it depends on, also through resources that are no
    objects, and its namespace. A worker that waits holds up nobody: what it waits for was handed over before, so
    another worker is at it, or done.
    """

    api: ApiServer
    pool: ThreadPoolExecutor
    progress: Callable[[str], None]
    starting: Mapping[str, Starting]
    _pending: list["Future[_Outcome]"] = field(init=False, default_factory=list["Future[_Outcome]"])
    _by_urn: dict[str, _Pending] = field(init=False, default_factory=dict[str, _Pending])
    _by_namespace: dict[str, _Pending] = field(init=False, default_factory=dict[str, _Pending])
    _guardrails: _Pending = field(init=False, default=())
    _count: "itertools.count[int]" = field(init=False, default_factory=lambda: itertools.count(1))

    def add(self, resource: Resource) -> None:
        """Queues the resource; those that it depends on were added before."""
        urns = (*resource.dependencies, resource.deleted_with)
        needed = [pending for urn in urns for pending in self._by_urn.get(urn, ())]
        if not resource.is_kubernetes_object:
            self._by_urn[resource.urn] = self._started(resource, needed)
            return
        manifest = manifest_of(resource)
        needed += self._by_namespace.get(manifest["metadata"].get("namespace", ""), ())
        is_namespace, is_tenants = manifest["kind"] == "Namespace", bool(tenant_of(manifest))
        if is_namespace and is_tenants and not self._guardrails:
            # It comes after the guardrails, and what they judge comes after it.
            pending = self.pool.submit(self._apply_and_wait_for_guardrails, resource, manifest, list(self._pending))
            self._guardrails = [pending]
        else:
            needed += self._guardrails if is_tenants else ()
            pending = self.pool.submit(self._apply, resource, manifest, needed)
        if is_namespace:
            self._by_namespace[manifest["metadata"]["name"]] = [pending]
        self._pending.append(pending)
        self._by_urn[resource.urn] = self._started(resource, [pending])

    def _started(self, resource: Resource, needed: _Pending) -> _Pending:
        """What those that depend on the resource wait for: what is started in its place, where something is."""
        start = self.starting.get(resource.urn)
        if start is None:
            return needed
        pending = self.pool.submit(self._start, resource, start, needed)
        self._pending.append(pending)
        return [pending]

    def collect(self, applied: Applied, before: Applied | None) -> None:
        """Adds what became of those that are done. before: what they are compared with."""
        for pending in self._pending:
            if pending.cancelled() or pending.exception() is not None:
                continue
            outcome = pending.result()
            applied.problems += outcome.problems
            if outcome.fields is None:
                continue
            key = key_of(outcome.resource.inputs)
            applied.resources.append(outcome.resource)
            applied.fields[key] = outcome.fields
            if before is not None and outcome.fields != before.fields.get(key):
                applied.changed.append(key)

    def check(self) -> None:
        """Raises what kept one of them from being applied, where it was no refusal."""
        for pending in self._pending:
            pending.result()

    def _start(self, resource: Resource, start: Starting, needed: _Pending) -> _Outcome:
        for pending in needed:
            pending.result()
        return _Outcome(resource=resource, problems=start())

    def _apply(self, resource: Resource, manifest: Object, needed: _Pending) -> _Outcome:
        for pending in needed:
            pending.result()
        outcome = _Outcome(resource=resource)
        try:
            kept = self.api.apply(manifest)
        except ApiError as error:
            outcome.problems.append(explain_refusal(key_of(manifest), error.reason))
            return outcome
        outcome.fields = applied_fields(kept)
        if resource.is_definition and not wait_until_served(self.api, manifest):
            reason = f"the cluster does not serve the kind after {_SERVED_SECONDS} s"
            outcome.problems.append(RehearsalProblem(object=str(key_of(manifest)), reason=reason, fix=SERVED_FIX))
        if (count := next(self._count)) % _PROGRESS_OBJECTS == 0:
            self.progress(f"{count} objects applied")
        return outcome

    def _apply_and_wait_for_guardrails(self, resource: Resource, manifest: Object, needed: _Pending) -> _Outcome:
        """The API server denies what no guardrail admits about a second after the guardrails' creation."""
        outcome = self._apply(resource, manifest, needed)
        deadline = time.monotonic() + _ENFORCEMENT_SECONDS
        probe = _probe_of(manifest)
        while outcome.fields is not None and self._guardrail_bindings() and not self._denies(probe):
            if time.monotonic() > deadline:
                reason = f"a pod without labels was admitted {_ENFORCEMENT_SECONDS} s after the guardrails were there"
                fix = "see the policies' status: kubectl get validatingadmissionpolicies -o yaml"
                outcome.problems.append(RehearsalProblem(object=str(key_of(manifest)), reason=reason, fix=fix))
                break
            time.sleep(_POLL_SECONDS)
        return outcome

    def _guardrail_bindings(self) -> list[Object]:
        bindings = self.api.objects("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
        return [binding for binding in bindings if binding["metadata"]["name"].startswith("bedplate-")]

    def _denies(self, probe: Object) -> bool:
        try:
            self.api.apply(probe, is_dry_run=True)
        except ApiError as error:
            return "ValidatingAdmissionPolicy 'bedplate-" in error.reason
        return False


def wait_until_served(api: ApiServer, definition: Object) -> bool:
    """Whether the cluster has the kind of a definition by the time in which it should."""
    deadline = time.monotonic() + _SERVED_SECONDS
    while not (is_served := api.serves_kind_of(definition)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return is_served


def _probe_of(namespace: Object) -> Object:
    """A question to the guardrails, never created: a Job without labels or time limit, of an image nobody approves."""
    container = {"name": "probe", "image": "bedplate.invalid/probe:0"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "bedplate-probe", "namespace": namespace["metadata"]["name"]},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


def manifest_of(resource: Resource) -> Object:
    """The object as the API server gets it, secrets in the clear."""
    return revealed(resource.inputs)


def existing(api: ApiServer, resources: Sequence[Resource]) -> list[ObjectKey]:
    """Those of the resources that the cluster already has. Where a namespace is not there, nothing in it is."""
    manifests = [manifest_of(resource) for resource in resources if resource.is_kubernetes_object]
    keys = [(manifest, key_of(manifest)) for manifest in manifests]

    def there(item: tuple[Object, ObjectKey]) -> ObjectKey | None:
        return item[1] if api.get(item[0]) else None

    found = [key for key in at_once(there, [item for item in keys if not item[1].namespace]) if key]
    absent = {key.name for _, key in keys if key.kind == "Namespace"} - {key.name for key in found}
    inside = [item for item in keys if item[1].namespace and item[1].namespace not in absent]
    return [*found, *(key for key in at_once(there, inside) if key)]
