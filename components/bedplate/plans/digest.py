"""A difference as people read it: whose it is, what stands for much, and what is the same over and over.

Owns what is folded and under which heading; how it looks is the command line's. Everything is still in the difference.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bedplate.engine.resources import STACK_TYPE
from bedplate.labels import SECRETS_HASH, TENANT, WORKLOAD
from bedplate.plans.difference import Difference, FieldChange, ResourceChange, Shown
from bedplate.plans.disks import CLAIM_TYPE, below

Sign = Literal["created", "updated", "replaced", "deleted"]
_TENANT_TYPE = "bedplate:index:Tenant"
_SECRETS_HASH = re.compile(rf'"{SECRETS_HASH}": "[^"]*"')
"""Salted with the tenant's name."""
_NAME = "\N{BULLET}"
"""In a tenant's place, where changes of several tenants are compared."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to read. urns: all that it stands for, the first as the example that `fields` are of. kinds: how many
    objects of which kind, where a component stands for what is below it."""

    sign: Sign
    urns: tuple[str, ...]
    fields: tuple[FieldChange, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, kw_only=True)
class Section:
    """What concerns one tenant, the platform (''), or several tenants in the same way."""

    tenants: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """A tenant that goes and one that comes with the same workloads and volumes: to Kubernetes, two tenants."""

    before: str
    after: str


def sections(found: Difference, before: Sequence[Shown], after: Sequence[Shown]) -> list[Section]:
    """The difference by whose it is: the platform first, then what several tenants share, then each tenant."""
    resources = {str(each["urn"]): each for each in (*before, *after)}
    tenants = _tenants(resources)
    entries = [
        *_folded("created", found.created, resources),
        *_grouped("updated", found.updated, tenants),
        *_grouped("replaced", found.replaced, tenants),
        *_folded("deleted", found.deleted, resources),
    ]
    by_tenants: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        whose = tuple(sorted({tenants.get(urn, "") for urn in entry.urns}))
        by_tenants.setdefault(whose, []).append(entry)
    ordered = sorted(by_tenants, key=lambda whose: (whose != ("",), -len(whose), whose))
    return [Section(tenants=whose, entries=tuple(by_tenants[whose])) for whose in ordered]


def renamed_tenants(before: Sequence[Shown], after: Sequence[Shown]) -> list[Renamed]:
    """Tenants that are gone and tenants that are new, with the same workloads and volumes."""
    old, new = _contents(before), _contents(after)
    result: list[Renamed] = []
    for gone in sorted(old.keys() - new.keys()):
        for come in sorted(new.keys() - old.keys() - {renamed.after for renamed in result}):
            # Groups and owners often keep the former name.
            if _without_name(old[gone], come) == _without_name(new[come], gone):
                result.append(Renamed(before=gone, after=come))
                break
    return result


def _tenants(resources: Mapping[str, Shown]) -> dict[str, str]:
    """The tenant of each URN that has one: by the components above it, or by its label where those are not shown."""
    found: dict[str, str] = {}
    for urn, resource in resources.items():
        above = [each for each in _upwards(urn, resources) if _kind(each) == _TENANT_TYPE]
        labels = below(resource["inputs"], "metadata", "labels")
        if tenant := above[0].rpartition("/")[2] if above else labels.get(TENANT):
            found[urn] = str(tenant)
    return found


def _kind(urn: str) -> str:
    return urn.split("::", 3)[2].rpartition("$")[2]


def _upwards(urn: str, resources: Mapping[str, Shown]) -> Iterator[str]:
    """The resource, its parent, and so on, as far as they are shown, and one further."""
    seen: set[str] = set()
    while urn and urn not in seen:
        seen.add(urn)
        yield urn
        urn = str(resources[urn]["parent"]) if urn in resources else ""


def _folded(sign: Sign, urns: Sequence[str], resources: Mapping[str, Shown]) -> Iterator[Entry]:
    """A component that comes or goes stands for all below it; not the stack, nor what stands directly below it."""
    touched = set(urns)
    below: dict[str, list[str]] = {}
    for urn in urns:
        tops = [each for each in _upwards(urn, resources) if each in touched and not _is_frame(each, resources)]
        below.setdefault(tops[-1] if tops else urn, []).append(urn)
    for top, all_below in sorted(below.items()):
        objects = [urn for urn in all_below if resources[urn]["provider"]] if len(all_below) > 1 else []
        kinds = Counter(str(resources[urn]["type"]).rpartition(":")[2] for urn in objects)
        yield Entry(sign=sign, urns=(top, *(urn for urn in all_below if urn != top)), kinds=dict(sorted(kinds.items())))


def _is_frame(urn: str, resources: Mapping[str, Shown]) -> bool:
    """Whether it is the stack or the component that holds all others."""
    parent = str(resources[urn]["parent"])
    is_below_stack = bool(parent) and _kind(parent) == STACK_TYPE
    return _kind(urn) == STACK_TYPE or (is_below_stack and not resources[urn]["provider"])


def _grouped(sign: Sign, changes: Sequence[ResourceChange], tenants: Mapping[str, str]) -> Iterator[Entry]:
    """Changes that are the same but for the tenant's name; of replacements, those of one cause."""
    groups: dict[str, list[ResourceChange]] = {}
    for change in changes:
        text = json.dumps([[each.path, each.before, each.after] for each in change.causes or change.fields])
        tenant = tenants.get(change.urn)
        groups.setdefault(_without_name(text, tenant) if tenant else text, []).append(change)
    for alike in groups.values():
        first = alike[0]
        fields = first.fields if len(alike) == 1 else first.causes or first.fields
        yield Entry(sign=sign, urns=tuple(change.urn for change in alike), fields=fields)


def _contents(resources: Sequence[Shown]) -> dict[str, str]:
    """What each tenant runs and stores, as text without its name; of one that does neither, all it has."""
    by_urn = {str(each["urn"]): each for each in resources}
    every: dict[str, list[str]] = {}
    used: dict[str, list[str]] = {}
    for urn, tenant in _tenants(by_urn).items():
        resource = by_urn[urn]
        content = (resource["type"], resource["name"], resource["inputs"].get("spec"))
        text = _without_name(_SECRETS_HASH.sub("", json.dumps(content, sort_keys=True)), tenant)
        every.setdefault(tenant, []).append(text)
        labels = below(resource["inputs"], "metadata", "labels")
        if WORKLOAD in labels or resource["type"] == CLAIM_TYPE:
            used.setdefault(tenant, []).append(text)
    return {tenant: "\n".join(sorted(used.get(tenant, lines))) for tenant, lines in every.items()}


def _without_name(text: str, tenant: str) -> str:
    return re.sub(rf"(?<![a-z0-9]){re.escape(tenant)}(?![a-z0-9])", _NAME, text)
