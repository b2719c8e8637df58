"""Deleting what a rehearsal applied, and waiting until it is gone."""

import time
from collections.abc import Sequence, Set

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import at_once
from bedplate.embedded_cluster.objects import Object, key_of
from bedplate.engine.resources import Resource
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.explanation import RehearsalProblem

_POLL_SECONDS = 0.1
_DELETION_SECONDS = 60
_POD_OWNERS = ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet")
_CLAIM = "PersistentVolumeClaim"


def delete(api: ApiServer, resources: Sequence[Resource]) -> list[RehearsalProblem]:
    """Deletes the objects, dependents first and what goes with its namespace not one by one; waits for the end.

    Returns a problem for each object that is still there after a minute.
    """
    objects = [resource for resource in resources if resource.is_kubernetes_object]
    manifests = [manifest_of(resource) for resource in objects]
    _delete_what_operators_end(api, manifests)
    _delete_what_holds_up_namespaces(api, manifests)
    urns = {resource.urn for resource in resources}
    leaving = [(manifest_of(resource), resource) for resource in reversed(objects) if not resource.retain_on_delete]
    at_once(api.delete, [body for body, resource in leaving if resource.deleted_with not in urns])
    remaining = _wait_until_gone(api, [body for body, _ in leaving])
    return [
        RehearsalProblem(
            object=str(key_of(body)),
            reason=f"still there {_DELETION_SECONDS} s after its deletion{_held_by(api, body)}",
            fix="see which controller should remove the finalizer, and whether it runs",
        )
        for body in remaining
    ]


def _delete_what_operators_end(api: ApiServer, manifests: Sequence[Object]) -> None:
    """Deletes objects of custom kinds, and waits until they are gone: whoever holds one by a finalizer needs the rights
    that the stack gives it until then."""
    groups = {key.name.partition(".")[2] for key in api.names("apiextensions.k8s.io/v1", "CustomResourceDefinition")}
    custom = [body for body in manifests if body["apiVersion"].partition("/")[0] in groups]
    at_once(api.delete, custom[::-1])
    deadline = time.monotonic() + _DELETION_SECONDS
    while (custom := _there(api, custom)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _delete_what_holds_up_namespaces(api: ApiServer, manifests: Sequence[Object]) -> None:
    """Deletes what owns pods, then claims, those of what operators made included, and waits for both to be gone.

    The controller of most clusters looks again at a namespace with pods or finalizers left only after half of an
    estimate, eight seconds and more
    (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/namespace/namespace_controller.go).
    """
    owners = [manifest for manifest in manifests if manifest["kind"] in _POD_OWNERS]
    going = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Namespace"}
    claims = [manifest for manifest in manifests if manifest["kind"] == _CLAIM]
    others = [claim for claim in api.objects("v1", _CLAIM) if claim["metadata"]["namespace"] in going]
    at_once(api.delete, owners)
    at_once(api.delete, [*claims, *others])
    namespaces = {manifest["metadata"]["namespace"] for manifest in [*owners, *claims, *others]}
    _end_pods_of_nodes_that_are_gone(api, namespaces)
    deadline = time.monotonic() + _DELETION_SECONDS
    while namespaces and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        there = [*api.names("v1", "Pod"), *api.names("v1", _CLAIM)]
        namespaces &= {key.namespace for key in there}


def _end_pods_of_nodes_that_are_gone(api: ApiServer, namespaces: Set[str]) -> None:
    """Nobody else ends them for up to a minute: no kubelet is there to say that they have ended
    (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/podgc/gc_controller.go)."""
    nodes = {key.name for key in api.names("v1", "Node")}
    pods = [pod for pod in api.objects("v1", "Pod") if pod["metadata"]["namespace"] in namespaces]
    left = [pod for pod in pods if pod["spec"].get("nodeName", "") not in {"", *nodes}]
    at_once(lambda pod: api.delete(pod, grace_seconds=0), left)


def _wait_until_gone(api: ApiServer, manifests: Sequence[Object]) -> list[Object]:
    """Those that are still there in the end: of namespaces first, for with them goes what is in them."""
    deadline = time.monotonic() + _DELETION_SECONDS
    namespaces = [manifest for manifest in manifests if manifest["kind"] == "Namespace"]
    while (namespaces := _there(api, namespaces)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    remaining = list(manifests)
    while (remaining := _there(api, remaining)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return remaining


def _there(api: ApiServer, manifests: Sequence[Object]) -> list[Object]:
    kinds = sorted({(manifest["apiVersion"], manifest["kind"]) for manifest in manifests})
    there = {key for keys in at_once(lambda kind: api.names(*kind), kinds) for key in keys}
    return [manifest for manifest in manifests if key_of(manifest) in there]


def _held_by(api: ApiServer, manifest: Object) -> str:
    live = api.get(manifest)
    finalizers: list[str] = live["metadata"].get("finalizers", []) if live else []
    return f", held by {', '.join(finalizers)}" if finalizers else ""
