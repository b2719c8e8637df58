"""The difference of desired state between two recordings: what an update would create, change, replace and delete.

Works on resources as `Resource.shown` prints them, so that one side may come from another revision of the project.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bedplate.rehearsal.resources import KUBERNETES_PROVIDER_TYPE, RELEASE_TYPE

Shown = Mapping[str, Any]
_ABSENT = object()

_EVERY_OBJECT = ("metadata.name", "metadata.namespace")
_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "kubernetes:apps/v1:DaemonSet": ("spec.selector",),
    "kubernetes:apps/v1:Deployment": ("spec.selector",),
    "kubernetes:apps/v1:StatefulSet": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:batch/v1:Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "kubernetes:core/v1:ResourceQuota": ("spec.scopes",),
    "kubernetes:core/v1:Secret": ("type",),
    "kubernetes:core/v1:Service": ("spec.clusterIP",),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ("roleRef",),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("roleRef",),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("preemptionPolicy", "value"),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    KUBERNETES_PROVIDER_TYPE: ("clusterIdentifier",),
    # https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/helm_release.go (forceNewFields)
    RELEASE_TYPE: ("name", "namespace"),
}
"""Fields that cannot change in place, by type: what Kubernetes refuses to update, and what the Pulumi provider replaces
for (https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go)."""


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field of a resource; a side that has no such field is None."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """A resource with the fields that differ."""

    urn: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """URNs created and deleted; changes made in place; changes that need a new object."""

    created: list[str] = field(default_factory=list[str])
    updated: list[ResourceChange] = field(default_factory=list[ResourceChange])
    replaced: list[ResourceChange] = field(default_factory=list[ResourceChange])
    deleted: list[str] = field(default_factory=list[str])

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.created or self.updated or self.replaced or self.deleted)


def difference(before: Sequence[Shown], after: Sequence[Shown]) -> Difference:
    """What differs, each list sorted by URN."""
    old = {str(resource["urn"]): resource for resource in before}
    new = {str(resource["urn"]): resource for resource in after}
    result = Difference(created=sorted(new.keys() - old.keys()), deleted=sorted(old.keys() - new.keys()))
    changes = {urn: tuple(_changes(old[urn], new[urn])) for urn in sorted(old.keys() & new.keys())}
    replaced = {urn for urn, fields in changes.items() if _needs_replacement(str(new[urn]["type"]), fields)}
    for urn, fields in changes.items():
        if urn in replaced or old[urn]["provider"] in replaced:
            result.replaced.append(ResourceChange(urn=urn, fields=fields or _provider_change(old[urn], new[urn])))
        elif fields:
            result.updated.append(ResourceChange(urn=urn, fields=fields))
    return result


def _changes(before: Shown, after: Shown) -> Iterator[FieldChange]:
    for option in ("provider", "protect"):
        if before[option] != after[option]:
            yield FieldChange(path=f"options.{option}", before=before[option], after=after[option])
    yield from _differing("", before["inputs"], after["inputs"])


def _provider_change(before: Shown, after: Shown) -> tuple[FieldChange, ...]:
    return (FieldChange(path="options.provider", before=before["provider"], after=after["provider"]),)


def _differing(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        old, new = cast(Mapping[str, Any], before), cast(Mapping[str, Any], after)
        for key in sorted(old.keys() | new.keys()):
            yield from _differing(_join(path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        olds, news = cast(list[Any], before), cast(list[Any], after)
        for index in range(max(len(olds), len(news))):
            old = olds[index] if index < len(olds) else _ABSENT
            new = news[index] if index < len(news) else _ABSENT
            yield from _differing(f"{path}[{index}]", old, new)
    elif before != after:
        yield FieldChange(
            path=path, before=None if before is _ABSENT else before, after=None if after is _ABSENT else after
        )


def _join(path: str, key: str) -> str:
    step = f'["{key}"]' if "." in key or "/" in key else f".{key}"
    return f"{path}{step}".removeprefix(".")


def _needs_replacement(kind: str, fields: Sequence[FieldChange]) -> bool:
    prefixes = (*_IMMUTABLE.get(kind, ()), *(_EVERY_OBJECT if kind.startswith("kubernetes:") else ()))
    return any(
        change.path == prefix or change.path.startswith((f"{prefix}.", f"{prefix}["))
        for change in fields
        for prefix in prefixes
    )
