"""Alerts as data, and the same in Prometheus' own format.

Owns the form of an alert. It deliberately needs no operator and no custom resource: any Prometheus reads the rendered
file as a rule file (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/).
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ruamel.yaml import YAML

from bedplate.kubernetes.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class Alert:
    """When somebody is told of something, declared next to what it watches.

    expression: PromQL whose every series is one alert. for_minutes: how long it must hold. severity: `critical` wakes
    somebody, `warning` waits for the morning. summary, description: what the reader sees, with Prometheus' templates.
    runbook: what to do, as a path of this repository.
    """

    name: str
    expression: str
    for_minutes: int
    severity: Literal["critical", "warning"]
    summary: str
    description: str
    runbook: str

    def rule(self) -> Manifest:
        """The alert as an entry of a rule group."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.for_minutes}m",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description, "runbook": self.runbook},
        }


def rules_file(group: str, alerts: Sequence[Alert]) -> str:
    """A rule file with one group."""
    writer, buffer = YAML(typ="safe"), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - a real setting
    writer.width = 4000
    writer.dump({"groups": [{"name": group, "rules": [alert.rule() for alert in alerts]}]}, buffer)  # pyright: ignore[reportUnknownMemberType]
    return buffer.getvalue()


def metric_label(kubernetes_label: str) -> str:
    """What kube-state-metrics calls a label of an object: `label_bedplate_dev_accelerator`.

    Only labels of its flag --metric-labels-allowlist are there at all
    (https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md).
    """
    return f"label_{re.sub('[^a-zA-Z0-9_]', '_', kubernetes_label)}"
