"""The difference of desired state between two recordings: what an update would create, change, replace and delete.

Works on resources as `Resource.shown` prints them, so that one side may come from another revision of the project.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from bedplate.plans.immutable_fields import EVERY_OBJECT, IMMUTABLE_FIELDS

Shown = Mapping[str, Any]
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field of a resource; a side that has no such field is None."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """A resource with the fields that differ. causes: those of them that cannot change in place."""

    urn: str
    fields: tuple[FieldChange, ...]
    causes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """A resource that stays as it is under another URN, which it names as its alias."""

    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """URNs created and deleted; changes made in place; changes that need a new object; new names of old resources."""

    created: list[str] = field(default_factory=list[str])
    updated: list[ResourceChange] = field(default_factory=list[ResourceChange])
    replaced: list[ResourceChange] = field(default_factory=list[ResourceChange])
    deleted: list[str] = field(default_factory=list[str])
    renamed: list[Renaming] = field(default_factory=list[Renaming])

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.created or self.updated or self.replaced or self.deleted or self.renamed)


def difference(before: Sequence[Shown], after: Sequence[Shown]) -> Difference:
    """What differs, each list sorted by URN."""
    new = {str(resource["urn"]): resource for resource in after}
    current = _current_names({str(resource["urn"]) for resource in before}, new)
    old = {current.get(str(resource["urn"]), str(resource["urn"])): _renamed(resource, current) for resource in before}
    result = Difference(
        created=sorted(new.keys() - old.keys()),
        deleted=sorted(old.keys() - new.keys()),
        renamed=[Renaming(before=former, after=now) for former, now in sorted(current.items())],
    )
    changes = {urn: tuple(_changes(old[urn], new[urn])) for urn in sorted(old.keys() & new.keys())}
    causes = {urn: tuple(_replacing_fields(new[urn], fields)) for urn, fields in changes.items()}
    for urn, fields in changes.items():
        of_provider = tuple(_of_provider(cause) for cause in causes.get(str(old[urn]["provider"]), ()))
        if cause := (*causes[urn], *of_provider):
            result.replaced.append(ResourceChange(urn=urn, fields=(*fields, *of_provider), causes=cause))
        elif fields:
            result.updated.append(ResourceChange(urn=urn, fields=fields))
    return result


def field_changes(before: object, after: object) -> Iterator[FieldChange]:
    """The leaves in which two pieces of plain data differ."""
    yield from _differing("", before, after)


def _replacing_fields(after: Shown, fields: Sequence[FieldChange]) -> Iterator[FieldChange]:
    kind = str(after["type"])
    prefixes = (*IMMUTABLE_FIELDS.get(kind, ()), *(EVERY_OBJECT if kind.startswith("kubernetes:") else ()))
    for change in fields:
        if _is_within(change.path, prefixes) or _is_named(change.path, after.get("replaceOnChanges", ())):
            yield change


def _is_within(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")) for prefix in prefixes)


def _is_named(path: str, of_option: Iterable[str]) -> bool:
    """Whether an option's paths name the field, or one that it is a part of; `*` stands for any key or index.

    https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/
    """
    return any(re.match(rf"{_pattern(named)}($|[.\[])", path) for named in of_option)


def _pattern(named: str) -> str:
    exactly = re.escape(named.replace("['", '["').replace("']", '"]'))
    return exactly.replace(r"\[\*\]", r"\[[^\]]+\]").replace(r"\*", r"[^.\[]+")


def _of_provider(change: FieldChange) -> FieldChange:
    """A change of the provider that makes everything anew that the provider has made."""
    return replace(change, path=f"options.provider.{change.path}")


def _current_names(old: set[str], new: Mapping[str, Shown]) -> dict[str, str]:
    """Today's URN by former URN: https://www.pulumi.com/docs/iac/concepts/resources/options/aliases/."""
    return {
        former: urn
        for urn, resource in new.items()
        if urn not in old
        for former in resource["aliases"]
        if former in old and former not in new
    }


def _renamed(resource: Shown, current: Mapping[str, str]) -> Shown:
    provider = str(resource["provider"])
    return {**resource, "provider": current.get(provider, provider)} if current else resource


def _changes(before: Shown, after: Shown) -> Iterator[FieldChange]:
    for option in ("provider", "protect"):
        if before[option] != after[option]:
            yield FieldChange(path=f"options.{option}", before=before[option], after=after[option])
    for change in field_changes(before["inputs"], after["inputs"]):
        # What exists keeps its value: https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/.
        if not _is_named(change.path, after.get("ignoreChanges", ())):
            yield change


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
