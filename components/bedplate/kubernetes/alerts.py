"""Alerts and recording rules as data, and the same in Prometheus' own format.

Owns the form of both. It deliberately needs no operator and no custom resource: any Prometheus reads the rendered file
as a rule file (https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bedplate.kubernetes.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class Alert:
    """When somebody is told of something, declared next to what it watches.

    expression: PromQL whose every series is one alert. for_minutes: how long it must hold. severity: `critical` wakes
    somebody, `warning` waits for the morning. summary, description: what the reader sees, with Prometheus' templates.
    runbook: what to do, as a path of this repository, or its address where the stack says where people read it.
    """

    name: str
    expression: str
    for_minutes: int
    severity: Literal["critical", "warning"]
    summary: str
    description: str
    runbook: str

    def read_at(self, address: str) -> "Alert":
        """The same with the address of its runbook. address: below which people read this repository."""
        return replace(self, runbook=f"{address.rstrip('/')}/{self.runbook}")

    def rule(self) -> Manifest:
        """The alert as an entry of a rule group."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.for_minutes}m",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description, "runbook": self.runbook},
        }


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """A series that Prometheus computes from others. name: such as `bedplate:workspace_active`. expression: PromQL.
    labels: put on each of its samples."""

    name: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def rule(self) -> Manifest:
        """The rule as an entry of a rule group."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.name, "expr": self.expression, **labels}


@dataclass(frozen=True, kw_only=True)
class RuleGroup:
    """Rules that Prometheus evaluates one after the other, each of which sees what those before it recorded.

    interval_seconds: between evaluations; Prometheus' own if none.
    """

    name: str
    rules: Sequence[Alert | RecordingRule]
    interval_seconds: int | None = None

    def group(self) -> Manifest:
        """The group as a rule file has it."""
        interval = {"interval": f"{self.interval_seconds}s"} if self.interval_seconds else {}
        return {"name": self.name, **interval, "rules": [rule.rule() for rule in self.rules]}


def rules_file(groups: Sequence[RuleGroup]) -> str:
    """A rule file."""
    from bedplate.kubernetes.plain_yaml import yaml_text  # what writes YAML, for whoever writes some

    return yaml_text({"groups": [group.group() for group in groups]})


def metric_label(kubernetes_label: str) -> str:
    """What kube-state-metrics calls a label of an object: `label_bedplate_dev_accelerator`.

    Only labels of its flag --metric-labels-allowlist are there at all
    (https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md).
    """
    return f"label_{re.sub('[^a-zA-Z0-9_]', '_', kubernetes_label)}"
