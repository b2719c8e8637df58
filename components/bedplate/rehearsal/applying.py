"""Applying a program's resources to a real API server, and deleting them again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.objects import Object, ObjectKey, desired, key_of
from bedplate.engine.resources import Resource, revealed
from bedplate.rehearsal.explanation import RehearsalProblem, explain_refusal, tenant_of

_POLL_SECONDS = 0.2
_DELETION_SECONDS = 60
_ENFORCEMENT_SECONDS = 15
_POD_OWNERS = ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet")


@dataclass
class ApplyingBackend:
    """Applies each Kubernetes object as it is registered; everything else is only recorded.

    A refusal is kept as a problem and the program goes on, so that one run finds them all. changed: objects that an
    apply altered, new ones included.
    """

    api: ApiServer
    progress: Callable[[str], None]
    applied: list[Resource] = field(default_factory=list[Resource])
    changed: list[ObjectKey] = field(default_factory=list[ObjectKey])
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])
    _are_guardrails_enforced: bool = field(init=False, default=False)

    def create(self, resource: Resource) -> None:
        """Applies the object and notes whether that changed anything."""
        if not resource.is_kubernetes_object:
            return
        manifest = manifest_of(resource)
        try:
            before = self.api.get(manifest)
            after = self.api.apply(manifest)
        except ApiError as error:
            self.problems.append(explain_refusal(key_of(manifest), error.reason))
            return
        self.applied.append(resource)
        if manifest["kind"] == "Namespace" and tenant_of(manifest) and not self._are_guardrails_enforced:
            self._wait_for_guardrails(manifest)
        if before is None or desired(before) != desired(after):
            self.changed.append(key_of(manifest))
        if len(self.applied) % 50 == 0:
            self.progress(f"{len(self.applied)} objects applied")

    def _wait_for_guardrails(self, namespace: Object) -> None:
        """Until the API server denies what no guardrail admits; policies are enforced about a second after creation."""
        deadline = time.monotonic() + _ENFORCEMENT_SECONDS
        probe = _probe_of(namespace)
        while self._guardrails() and not self._denies(probe):
            if time.monotonic() > deadline:
                reason = f"a pod without labels was admitted {_ENFORCEMENT_SECONDS} s after the guardrails were there"
                fix = "see the policies' status: kubectl get validatingadmissionpolicies -o yaml"
                self.problems.append(RehearsalProblem(object=str(key_of(namespace)), reason=reason, fix=fix))
                break
            time.sleep(_POLL_SECONDS)
        self._are_guardrails_enforced = True

    def _guardrails(self) -> list[Object]:
        bindings = self.api.objects("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
        return [binding for binding in bindings if binding["metadata"]["name"].startswith("bedplate-")]

    def _denies(self, probe: Object) -> bool:
        try:
            self.api.apply(probe, is_dry_run=True)
        except ApiError as error:
            return "ValidatingAdmissionPolicy 'bedplate-" in error.reason
        return False


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
    """Those of the resources that the cluster already has."""
    manifests = [manifest_of(resource) for resource in resources if resource.is_kubernetes_object]
    return [key_of(manifest) for manifest in manifests if _lookup(api, manifest) is not None]


def delete(api: ApiServer, resources: Sequence[Resource]) -> list[RehearsalProblem]:
    """Deletes as the engine does, dependents first and what goes with its namespace not one by one; waits for the end.

    Returns a problem for each object that is still there after a minute.
    """
    _delete_what_holds_up_namespaces(
        api, [manifest_of(resource) for resource in resources if resource.is_kubernetes_object]
    )
    urns = {resource.urn for resource in resources}
    remaining: list[Object] = []
    for resource in reversed(resources):
        if resource.is_kubernetes_object and not resource.retain_on_delete:
            manifest = manifest_of(resource)
            if resource.deleted_with not in urns:
                api.delete(manifest)
            remaining.append(manifest)
    deadline = time.monotonic() + _DELETION_SECONDS
    while remaining and time.monotonic() < deadline:
        remaining = [manifest for manifest in remaining if _lookup(api, manifest) is not None]
        time.sleep(_POLL_SECONDS if remaining else 0)
    return [
        RehearsalProblem(
            object=str(key_of(manifest)),
            reason=f"still there {_DELETION_SECONDS} s after its deletion{_held_by(api, manifest)}",
            fix="see which controller should remove the finalizer, and whether it runs",
        )
        for manifest in remaining
    ]


def _delete_what_holds_up_namespaces(api: ApiServer, manifests: Sequence[Object]) -> None:
    """Deletes what owns pods, then claims, and waits for pods and claims to be gone.

    A namespace with pods or finalizers left is looked at again only after half of an estimate, eight seconds and more
    (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/namespace/namespace_controller.go).
    """
    for kinds, waited_for in ((_POD_OWNERS, "Pod"), (("PersistentVolumeClaim",), "PersistentVolumeClaim")):
        owners = [manifest for manifest in manifests if manifest["kind"] in kinds]
        for manifest in owners:
            api.delete(manifest, "Background")
        namespaces = {manifest["metadata"]["namespace"] for manifest in owners}
        deadline = time.monotonic() + _DELETION_SECONDS
        while namespaces and time.monotonic() < deadline:
            namespaces = {name for name in namespaces if api.objects("v1", waited_for, name)}
            time.sleep(_POLL_SECONDS if namespaces else 0)


def _lookup(api: ApiServer, manifest: Object) -> Object | None:
    try:
        return api.get(manifest)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _held_by(api: ApiServer, manifest: Object) -> str:
    live = _lookup(api, manifest)
    finalizers: list[str] = live["metadata"].get("finalizers", []) if live else []
    return f", held by {', '.join(finalizers)}" if finalizers else ""
