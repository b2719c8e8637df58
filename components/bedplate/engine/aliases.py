"""Former URNs of resources, as the Pulumi engine computes them.

A resource has those that it names itself, and those that it had below the former URNs of its parent; where its name
begins with its parent's, the former one began with the parent's former name:
https://www.pulumi.com/docs/iac/concepts/resources/options/aliases/.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bedplate.engine.resources import urn_of


def former_urns(stack: str, project: str, request: Any, of_parent: Sequence[str]) -> tuple[str, ...]:
    """Of the resource that a request registers. of_parent: former URNs of its parent."""
    return tuple(dict.fromkeys(_former_urns(stack, project, request, of_parent)))


def _former_urns(stack: str, project: str, request: Any, of_parent: Sequence[str]) -> Iterator[str]:
    identities = [(request.name, request.type)]
    for alias in request.aliases:
        spec = alias.spec
        name, kind = spec.name or request.name, spec.type or request.type
        if alias.urn:
            yield alias.urn
        elif spec.noParent or spec.parentUrn:
            yield urn_of(spec.stack or stack, spec.project or project, spec.parentUrn, kind, name)
        else:
            yield urn_of(spec.stack or stack, spec.project or project, request.parent, kind, name)
            identities.append((name, kind))
    parent_name = request.parent.rpartition("::")[2]
    for former_parent in of_parent:
        for name, kind in identities:
            if name.startswith(parent_name):
                name = former_parent.rpartition("::")[2] + name.removeprefix(parent_name)
            yield urn_of(stack, project, former_parent, kind, name)
