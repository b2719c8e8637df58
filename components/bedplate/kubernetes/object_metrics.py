"""What kube-state-metrics must tell of objects, stated by whoever reads it.

Owns the form. A label of Kubernetes is a series there only if its flag lets it through
(https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ObjectMetrics:
    """labels, annotations: keys by plural of the kind, such as `pods`. custom: resources of a custom resource state
    configuration, each with its `groupVersionKind`. plurals: of their kinds, by group, to be listed and watched."""

    labels: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    annotations: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    custom: Sequence[Mapping[str, Any]] = ()
    plurals: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


def allow_list(wanted: Sequence[Mapping[str, Sequence[str]]]) -> list[str]:
    """All of it as the flag has it: `pods=[a,b]`, one a kind."""
    kinds = sorted({kind for each in wanted for kind in each})
    return [f"{kind}=[{','.join(sorted({key for each in wanted for key in each.get(kind, ())}))}]" for kind in kinds]
