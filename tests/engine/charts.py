"""Small charts in place of upstream's, whose registries tests do not reach: for `charts.source` in a stack file.

Each has the name, the version and the custom kinds of the chart that the library declares, kept as the real one keeps
them, one Deployment, and, before its kinds, webhooks that its pods would answer. So releases are real, and Helm's own
rules hold; what upstream's templates make of our values is not shown.
"""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from bedplate.kubernetes import Chart
from bedplate.rehearsal.definitions import stand_in
from upstream import CHARTS, definition_of

_KEEP = {"helm.sh/resource-policy": "keep"}
_DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Chart.Name }}", labels: &labels {app.kubernetes.io/name: "{{ .Chart.Name }}"}}
spec:
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: operator
          image: "registry.example.com/{{ .Chart.Name }}:{{ .Chart.Version }}"
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 16Mi}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
_DEFINITIONS = '{{ range $path, $_ := .Files.Glob "definitions/*" }}---\n{{ $.Files.Get $path }}\n{{ end }}'


def write_charts(folder: Path) -> None:
    """Every chart of the library, as `helm pull` writes them."""
    for chart in CHARTS:
        with tarfile.open(folder / f"{chart.name}-{chart.version}.tgz", "w:gz") as archive:
            for path, content in _files(chart).items():
                entry = tarfile.TarInfo(f"{chart.name}/{path}")
                entry.size = len(content.encode())
                archive.addfile(entry, io.BytesIO(content.encode()))


def _files(chart: Chart) -> dict[str, str]:
    about = {"apiVersion": "v2", "name": chart.name, "version": chart.version, "type": "application"}
    return {
        "Chart.yaml": json.dumps(about),
        "values.yaml": "{}",
        "templates/deployment.yaml": _DEPLOYMENT,
        "templates/definitions.yaml": _DEFINITIONS,
        **({"templates/webhooks.yaml": json.dumps(_webhooks(chart))} if chart.kinds else {}),
        **{f"definitions/{name}.json": json.dumps(body) for name, body in _definitions(chart).items()},
    }


def _definitions(chart: Chart) -> dict[str, dict[str, Any]]:
    """Upstream's own where they are to be had, else stand-ins."""
    found = {kind.definition: definition_of(kind) or stand_in(kind.shown()) for kind in chart.kinds}
    for body in found.values():
        body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), **_KEEP}
    return found


def _webhooks(chart: Chart) -> dict[str, Any]:
    """As cert-manager has them: without an answer nothing of its kinds is admitted."""
    service = {"name": chart.name, "namespace": "{{ .Release.Namespace }}", "path": "/validate"}
    rule = {"apiGroups": sorted({kind.group for kind in chart.kinds}), "apiVersions": ["*"], "resources": ["*/*"]}
    webhook = {
        "name": f"webhook.{chart.name}.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"service": service},
        "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"{chart.name}-webhook"},
        "webhooks": [webhook],
    }
