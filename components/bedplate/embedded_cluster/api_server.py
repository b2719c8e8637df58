"""A Kubernetes API server as rehearsals use it: apply, read, delete, and take stock of everything.

It knows kinds and their paths; `cluster_api` knows the wire.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, at_once, items, text
from bedplate.embedded_cluster.objects import Object, ObjectKey, key_of

FIELD_MANAGER = "bedplate"
_SOMEBODY = "bedplate-rehearsal"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_VOLATILE = frozenset(
    {
        "Event",
        "Lease",
        "Endpoints",
        "EndpointSlice",
        "ControllerRevision",
        "APIService",
        "FlowSchema",
        "PriorityLevelConfiguration",
        "IPAddress",
        "ComponentStatus",
    }
)
"""Kinds that Kubernetes itself writes at its own pace; nobody's desired state."""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    path: str
    plural: str
    kind: str
    api_version: str
    is_namespaced: bool
    is_listable: bool


class ApiServer:
    """Calls to one API server."""

    def __init__(self, access: ClusterAccess) -> None:
        self._api = ClusterApi(access.kubeconfig, access.context)
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def apply(self, body: Mapping[str, Any], *, is_dry_run: bool = False) -> Object:
        """Server-side apply with strict field validation: unknown and repeated fields are refused.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation. Raises ApiError.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        if is_dry_run:
            query["dryRun"] = "All"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._api.call("patch", self.path_of(body), body=body, query=query, headers=headers)

    def create(self, body: Mapping[str, Any]) -> Object:
        """Creates an object. Raises ApiError, also where it exists."""
        path = self.path_of(body).rpartition("/")[0]
        return self._api.call("post", path, body=body, query={"fieldManager": FIELD_MANAGER})

    def merge(self, body: Mapping[str, Any], change: Mapping[str, Any]) -> Object:
        """Changes the object that `body` names, as somebody else would: lists by their keys. Raises ApiError.

        https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
        """
        query, headers = {"fieldManager": _SOMEBODY}, {"Content-Type": "application/strategic-merge-patch+json"}
        return self._api.call("patch", self.path_of(body), body=change, query=query, headers=headers)

    def change_status(self, body: Mapping[str, Any], change: Mapping[str, Any]) -> Object:
        """Merges a change into the status of the object, as who runs it would (JSON merge patch)."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._api.call("patch", f"{self.path_of(body)}/status", body=change, headers=headers)

    def get(self, body: Mapping[str, Any]) -> Object | None:
        """The live object that `body` names, or None."""
        try:
            return self._api.get(self.path_of(body))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def token(self, namespace: str, account: str, seconds: int) -> str:
        """A token of a ServiceAccount, good for that long. Raises ApiError.

        https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        return text(self._api.create(path, {**request, "spec": {"expirationSeconds": seconds}}), "status", "token")

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has the kind, as far as discovery says now."""
        try:
            self._kind(api_version, kind)
        except ApiError:
            return False
        return True

    def serves_kind_of(self, definition: Mapping[str, Any]) -> bool:
        """Whether the cluster has the kind that a CustomResourceDefinition defines, in each version that it serves."""
        spec = definition["spec"]
        served = [f"{spec['group']}/{version['name']}" for version in spec["versions"] if version["served"]]
        return all(self.knows(api_version, spec["names"]["kind"]) for api_version in served)

    def delete(self, body: Mapping[str, Any], *, grace_seconds: int | None = None) -> None:
        """Asks for deletion of the object that `body` names, and of its dependents after it; one that is gone is fine.
        grace_seconds: in place of what a pod says itself.

        In the foreground the object would wait for a garbage collector that hears of a new custom kind only up to half
        a minute after its definition
        (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/garbagecollector/garbagecollector.go).
        """
        try:
            grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
            self._api.call("delete", self.path_of(body), body={"propagationPolicy": "Background", **grace})
        except ApiError as error:
            if error.status != 404:
                raise

    def objects(self, api_version: str, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """The objects of a kind, in one namespace or in all."""
        found = self._kind(api_version, kind)
        path = f"{found.path}/namespaces/{namespace}/{found.plural}" if namespace else f"{found.path}/{found.plural}"
        return _of_kind(self._api.get(path, **({"labelSelector": selector} if selector else {})), found)

    def names(self, api_version: str, kind: str) -> set[ObjectKey]:
        """The objects of a kind in all namespaces, by name alone; none where the cluster does not know the kind."""
        try:
            found = self._kind(api_version, kind)
            listing = self._api.call("get", f"{found.path}/{found.plural}", headers={"Accept": _NAMES_ONLY})
        except ApiError as error:
            if error.status == 404:
                return set()
            raise
        return {key_of(item) for item in _of_kind(listing, found)}

    def inventory(self) -> dict[ObjectKey, Object]:
        """Everything there is that somebody could have desired, by name."""
        self._discover()
        kinds = [kind for kind in _preferred(self._kinds.values()) if kind.is_listable and kind.kind not in _VOLATILE]
        return {key_of(item): item for listed in at_once(self._every, kinds) for item in listed}

    def _every(self, kind: _Kind) -> list[Object]:
        try:
            return _of_kind(self._api.get(f"{kind.path}/{kind.plural}"), kind)
        except ApiError as error:
            if error.status in (404, 405):
                return []
            raise

    def path_of(self, body: Mapping[str, Any]) -> str:
        """Where the object that `body` names is, below the server's address."""
        kind, metadata = self._kind(body["apiVersion"], body["kind"]), body["metadata"]
        scope = f"/namespaces/{metadata['namespace']}" if kind.is_namespaced else ""
        return f"{kind.path}{scope}/{kind.plural}/{metadata.get('name', '')}"

    def _kind(self, api_version: str, kind: str) -> _Kind:
        if (api_version, kind) not in self._kinds:
            self._discover()
        try:
            return self._kinds[api_version, kind]
        except KeyError:
            raise ApiError(404, f"the cluster does not know {kind} of {api_version}") from None

    def _discover(self) -> None:
        """https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery"""
        for root in ("/api", "/apis"):
            for group in items(self._api.call("get", root, headers={"Accept": _DISCOVERY})):
                self._kinds.update(_kinds_of(root, group))


def _of_kind(listing: Object, kind: _Kind) -> list[Object]:
    return [{**item, "apiVersion": kind.api_version, "kind": kind.kind} for item in items(listing)]


def _kinds_of(root: str, group: Object) -> dict[tuple[str, str], _Kind]:
    name, kinds = str(group["metadata"].get("name", "")), dict[tuple[str, str], _Kind]()
    for version in group["versions"]:
        api_version = f"{name}/{version['version']}" if name else str(version["version"])
        for resource in version.get("resources", []):
            kind = str(resource["responseKind"].get("kind", ""))
            kinds.setdefault(
                (api_version, kind),
                _Kind(
                    path=f"{root}/{api_version}",
                    plural=str(resource["resource"]),
                    kind=kind,
                    api_version=api_version,
                    is_namespaced=resource["scope"] == "Namespaced",
                    is_listable="list" in resource["verbs"],
                ),
            )
    return kinds


def _preferred(kinds: Iterable[_Kind]) -> list[_Kind]:
    """One version of each kind: the first that its group offers."""
    first: dict[tuple[str, str], _Kind] = {}
    for kind in kinds:
        first.setdefault((kind.api_version.rpartition("/")[0], kind.plural), kind)
    return list(first.values())
