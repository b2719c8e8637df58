"""What of monitoring runs beside an API server: its operator, kube-state-metrics, and Prometheus with its rules.

Owns their command lines and what they must show. The operator renders what Prometheus and Alertmanager would be
configured with, with the rights that the stack gives its ServiceAccount, and starts neither: simulated pods run
nothing. Prometheus loads the rules of the stack itself, and reads kube-state-metrics alone, because nothing else is
there to be read. Nobody is told of an alert: no Alertmanager runs.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.kubernetes import Manifest
from bedplate.labels import MONITORING_NAMESPACE, tenant_grafana_namespace
from bedplate.services.monitoring.endpoint import PROMETHEUS_PORT
from bedplate.services.monitoring.kube_prometheus import CHART, OPERATOR_ACCOUNT, PROMETHEUS_ACCOUNT
from bedplate.services.monitoring.label_proxy import PROXY
from bedplate.services.monitoring.scrapes import MONITORS
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work, asked
from bedplate.wording import counted

_PROMETHEUS, _ALERTMANAGER, _SCRAPES = "prometheus", "alertmanager", "prometheus-additional-scrapes"
IDLE_SERIES = "bedplate_workspace_idle_after_minutes"
"""What kube-state-metrics tells of each ScaledObject; `idle` owns the name, and comes after monitoring."""
_EXPORTER = f"prometheus-kube-state-metrics.{MONITORING_NAMESPACE}.svc:8080"
_AS_THEY_ARE = (
    *("retention", "retentionSize", "walCompression", "scrapeInterval", "evaluationInterval", "enableAdminAPI"),
    *("remoteWrite", "resources", "tolerations", "topologySpreadConstraints"),
)
"""Values of the chart that are fields of a Prometheus object."""
_SELECTED = ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig")


def _launch_operator(surroundings: Surroundings) -> Launch:
    values = surroundings.values["prometheusOperator"]
    own = {
        "prometheus-instance-namespaces": values["prometheusInstanceNamespaces"],
        "alertmanager-instance-namespaces": values["alertmanagerInstanceNamespaces"],
        "alertmanager-config-namespaces": values["alertmanagerConfigNamespaces"],
        "thanos-ruler-instance-namespaces": values["thanosRulerInstanceNamespaces"],
    }
    return Launch(
        arguments=[
            f"-web.listen-address=127.0.0.1:{surroundings.ports['http']}",
            *(f"-{flag}={','.join(names)}" for flag, names in own.items()),
        ],
        environment={"KUBECONFIG": str(surroundings.kubeconfig)},
        objects=_instances(surroundings.values),
    )


def _instances(values: Mapping[str, Any]) -> Sequence[Manifest]:
    """What the chart makes of its values, without pods and disks.

    https://github.com/prometheus-community/helm-charts/tree/kube-prometheus-stack-88.5.3/charts/kube-prometheus-stack/templates
    """
    said = values["prometheus"]["prometheusSpec"]
    spec = {key: said[key] for key in _AS_THEY_ARE if key in said}
    for kind in _SELECTED:
        spec |= {f"{kind}Selector": {}, f"{kind}NamespaceSelector": said[f"{kind}NamespaceSelector"]}
    spec |= {
        "replicas": 0,
        "serviceAccountName": PROMETHEUS_ACCOUNT,
        "arbitraryFSAccessThroughSMs": {"deny": said["arbitraryFSAccessThroughSMs"]},
        "additionalScrapeConfigs": {"name": _SCRAPES, "key": "scrapes.yaml"},
    }
    told = values["alertmanager"]["alertmanagerSpec"]
    return [
        # JSON is YAML too.
        _secret(_SCRAPES, "scrapes.yaml", said["additionalScrapeConfigs"]),
        _secret(f"alertmanager-{_ALERTMANAGER}", "alertmanager.yaml", values["alertmanager"]["config"]),
        _object(MONITORS, "Prometheus", _PROMETHEUS, spec=spec),
        _object(MONITORS, "Alertmanager", _ALERTMANAGER, spec={"replicas": 0, "secrets": told.get("secrets", [])}),
    ]


def _secret(name: str, key: str, content: Any) -> Manifest:
    return _object("v1", "Secret", name, type="Opaque", stringData={key: json.dumps(content)})


def _object(api_version: str, kind: str, name: str, **fields: Any) -> Manifest:
    metadata = {"name": name, "namespace": MONITORING_NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _operators_work(sight: Sight) -> Work:
    """What it rendered: a scrape job for each monitor, a rule file for each PrometheusRule, and Alertmanager's own."""
    jobs = _unpacked(sight, f"prometheus-{_PROMETHEUS}", "prometheus.yaml.gz")
    told = _unpacked(sight, f"alertmanager-{_ALERTMANAGER}-generated", "alertmanager.yaml.gz")
    maps = sight.cluster.objects("v1", "ConfigMap", MONITORING_NAMESPACE)
    files = [name for body in maps if "-rulefiles-" in body["metadata"]["name"] for name in body.get("data", {})]
    rules, monitors = _of_kind(sight, "PrometheusRule"), _of_kind(sight, "PodMonitor")
    absent = [body for body in rules if not any(name.startswith(f"{_place(body, '-')}-") for name in files)]
    absent += [body for body in monitors if f"podMonitor/{_place(body, '/')}/0" not in jobs]
    missing = [
        Shortfall(
            object=f"{body['kind']} {_place(body, '/')}",
            reason="is not in what the operator of Prometheus rendered: it refuses it, or does not select it",
            fix=f"see the operator's log, and events: kubectl -n {MONITORING_NAMESPACE} get events",
        )
        for body in absent
    ]
    if not told:
        fix = "see the operator's log: it names the field that Alertmanager does not take"
        reason = "its configuration is not rendered"
        missing.append(Shortfall(object=f"Alertmanager {MONITORING_NAMESPACE}/{_ALERTMANAGER}", reason=reason, fix=fix))
    done = len(rules) + len(monitors) - len(absent)
    text = f"{counted(done, 'rule file')} and scrape jobs rendered" + (
        ", and Alertmanager's configuration" * bool(told)
    )
    counts = {
        "ruleFilesRendered": len(rules) - sum(body in absent for body in rules),
        "scrapeJobsRendered": len(monitors) - sum(body in absent for body in monitors),
        "alertmanagersConfigured": int(bool(told)),
    }
    return Work(text=text, counts=counts, missing=missing)


def _unpacked(sight: Sight, secret: str, key: str) -> str:
    """The content of a Secret; '' while there is none."""
    for body in sight.cluster.objects("v1", "Secret", MONITORING_NAMESPACE):
        if body["metadata"]["name"] == secret and key in body.get("data", {}):
            return gzip.decompress(base64.b64decode(body["data"][key])).decode()
    return ""


def _of_kind(sight: Sight, kind: str) -> list[Manifest]:
    return [body for body in sight.surroundings.objects if body["kind"] == kind]


def _place(body: Manifest, between: str) -> str:
    return f"{body['metadata']['namespace']}{between}{body['metadata']['name']}"


def _launch_exporter(surroundings: Surroundings) -> Launch:
    """With the flags that the chart makes of the stack's values."""
    values = surroundings.values["kube-state-metrics"]
    custom = values.get("customResourceState", {}).get("config")
    annotations = values.get("metricAnnotationsAllowList", [])
    return Launch(
        arguments=[
            f"--kubeconfig={surroundings.kubeconfig}",
            *("--host=127.0.0.1", "--telemetry-host=127.0.0.1"),
            f"--port={surroundings.ports['http']}",
            f"--telemetry-port={surroundings.ports['telemetry']}",
            f"--resources={','.join(values['collectors'])}",
            f"--metric-labels-allowlist={','.join(values['metricLabelsAllowlist'])}",
            *([f"--metric-annotations-allowlist={','.join(annotations)}"] if annotations else []),
            *(["--custom-resource-state-config-file=custom-resources.json"] if custom else []),
        ],
        files={"custom-resources.json": json.dumps(custom)} if custom else {},
    )


def _exporters_work(sight: Sight) -> Work:
    """It tells of objects, and of every ScaledObject of the stack."""
    told = _text(sight, "/metrics")
    of_scaled = [line for line in told.splitlines() if line.startswith(f"{IDLE_SERIES}{{")]
    missing = [
        Shortfall(
            object=f"ScaledObject {_place(body, '/')}",
            reason="kube-state-metrics tells nothing of it, so nobody knows when it is idle",
            fix="see its log, and customResourceState in its values",
        )
        for body in _of_kind(sight, "ScaledObject")
        if not any(
            f'namespace="{body["metadata"]["namespace"]}"' in line and f'workspace="{body["metadata"]["name"]}"' in line
            for line in of_scaled
        )
    ]
    series = sum(1 for line in told.splitlines() if line and not line.startswith("#"))
    return Work(text=f"{counted(series, 'sample')} told", counts={"samplesTold": series}, missing=missing)


def _launch_prometheus(surroundings: Surroundings) -> Launch:
    rules = [body for body in surroundings.objects if body["kind"] == "PrometheusRule"]
    files = {f"rules/{body['metadata']['name']}.json": json.dumps(body["spec"]) for body in rules}
    scrape = {
        "job_name": "kube-state-metrics",
        "honor_labels": True,
        "proxy_url": surroundings.network,
        "static_configs": [{"targets": [_EXPORTER]}],
    }
    settings = {
        "global": {"scrape_interval": "5s", "scrape_timeout": "5s", "evaluation_interval": "15s"},
        "rule_files": ["rules/*.json"],
        "scrape_configs": [scrape],
    }
    return Launch(
        arguments=[
            *("--config.file=prometheus.json", "--storage.tsdb.path=data"),
            f"--web.listen-address=127.0.0.1:{surroundings.ports['http']}",
        ],
        files={"prometheus.json": json.dumps(settings), **files},
    )


def _prometheus_work(sight: Sight) -> Work:
    """It has every group of the stack's rules, and none of them fails."""
    told = _text(sight, "/api/v1/rules")
    loaded = {group["name"]: group for group in json.loads(told)["data"]["groups"]} if told else {}
    missing, rules = list[Shortfall](), 0
    for body in _of_kind(sight, "PrometheusRule"):
        for group in body["spec"]["groups"]:
            found = loaded.get(group["name"], {"rules": []})
            failing = [f"{rule['name']}: {rule['lastError']}" for rule in found["rules"] if rule.get("lastError")]
            rules += len(found["rules"]) - len(failing)
            reason = f"fails: {failing[0]}" if failing else "is not loaded"
            if failing or len(found["rules"]) != len(group["rules"]):
                name = f"PrometheusRule {_place(body, '/')}, group {group['name']}"
                missing.append(Shortfall(object=name, reason=reason, fix="correct the expression"))
    text = f"{counted(rules, 'rule')} loaded in {counted(len(loaded), 'group')}"
    return Work(text=text, counts={"rulesLoaded": rules, "groupsLoaded": len(loaded)}, missing=missing)


def _text(sight: Sight, path: str) -> str:
    """What a program answers; '' while it does not."""
    try:
        answer = asked(sight.surroundings.ports["http"], path)
    except OSError:
        return ""
    return answer.body.decode() if answer.status == 200 else ""


NOT_RUN: Mapping[str, str] = {
    "grafana": "what it would show is read by nobody",
    f"{tenant_grafana_namespace('*')}/{PROXY}": "the Grafana that asks it does not run",
}
OPERATORS: Sequence[OperatorProgram] = (
    OperatorProgram(
        name="prometheus-operator",
        program="prometheus-operator",
        release=CHART.name,
        account=f"{MONITORING_NAMESPACE}/{OPERATOR_ACCOUNT}",
        launch=_launch_operator,
        work=_operators_work,
        ready=Ready(port="http", path="/healthz"),
        ports=("http",),
        without="the pods of Prometheus and Alertmanager, which would be simulated",
    ),
    OperatorProgram(
        name="kube-state-metrics",
        program="kube-state-metrics",
        release=CHART.name,
        launch=_launch_exporter,
        work=_exporters_work,
        ready=Ready(port="http", path="/healthz"),
        ports=("http", "telemetry"),
        service=_EXPORTER,
    ),
    OperatorProgram(
        name="Prometheus",
        program="prometheus",
        release=CHART.name,
        launch=_launch_prometheus,
        work=_prometheus_work,
        ready=Ready(port="http", path="/-/ready"),
        ports=("http",),
        service=f"prometheus-operated.{MONITORING_NAMESPACE}.svc:{PROMETHEUS_PORT}",
        without="what nodes, GPUs and the front door tell, which nothing here does",
    ),
)
