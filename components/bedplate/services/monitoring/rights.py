"""What the operator and Prometheus may do, and what their namespace lets through.

Owns data only. The chart's own roles let the operator read and change every Secret of the cluster; ours let it do so in
the namespace of monitoring, where what it makes stands
(https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/Documentation/platform/rbac.md).
"""

from collections.abc import Sequence
from typing import Any

from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, manifest, network_policy
from bedplate.labels import COMPONENT, MONITORING_NAMESPACE, NAME, TELLS_BUSY_KERNELS, TENANT, TENANT_GRAFANA
from bedplate.services.monitoring import alertmanager, label_proxy
from bedplate.services.monitoring.endpoint import PROMETHEUS_PORT
from bedplate.services.monitoring.kube_prometheus import IDENTITY, OPERATOR_ACCOUNT, PROMETHEUS_ACCOUNT
from bedplate.services.monitoring.scrapes import KUBELET_PORT, LLM_PORT, NODE_EXPORTER_PORT
from bedplate.services.monitoring.spec import MonitoringSpec

_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "update", "patch", "delete"]
_OURS, _GROUP = "monitoring.coreos.com", "rbac.authorization.k8s.io"
_MONITORS = ("servicemonitors", "podmonitors", "probes", "prometheusrules", "scrapeconfigs")
_INSTANCES = ("prometheuses", "alertmanagers", "alertmanagerconfigs")
_GOSSIP_PORT = 9094
_WORKSPACES = {
    "namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]},
    "podSelector": {"matchLabels": {TELLS_BUSY_KERNELS: "true"}},
}
_API_SERVER_PORTS = (443, 6443)


def rights() -> list[Manifest]:
    """A cluster role and a binding for each of both, and the operator's role in its namespace."""
    operator = [
        _rule(_OURS, _READ, *_MONITORS),
        _rule(_OURS, ["get", "patch", "update"], *(f"{kind}/status" for kind in _MONITORS)),
        _rule("", _READ, "namespaces"),
        _rule("storage.k8s.io", ["get"], "storageclasses"),
    ]
    prometheus = [
        _rule("", _READ, "nodes", "pods", "services"),
        _rule("", ["get"], "nodes/metrics"),
        _rule("discovery.k8s.io", _READ, "endpointslices"),
        # Kueue and JobSet ask the API server whether who reads their metrics may
        # (https://kueue.sigs.k8s.io/docs/tasks/manage/observability/setup_prometheus/).
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
    of_both = ((OPERATOR_ACCOUNT, operator), (PROMETHEUS_ACCOUNT, prometheus))
    return [
        *(
            part
            for account, rules in of_both
            for part in _granted("ClusterRole", f"bedplate-{account}", account, rules)
        ),
        *_granted("Role", OPERATOR_ACCOUNT, OPERATOR_ACCOUNT, _in_its_namespace(), namespace=MONITORING_NAMESPACE),
    ]


def _in_its_namespace() -> list[Manifest]:
    parts = [f"{kind}{part}" for kind in _INSTANCES for part in ("/finalizers", "/status")]
    return [
        _rule(_OURS, [*_READ, "update", "patch"], *_INSTANCES, *parts),
        _rule("apps", _WRITE, "statefulsets"),
        _rule("", _WRITE, "configmaps", "secrets", "services"),
        _rule("", ["list", "delete"], "pods"),
        _rule("", ["update"], "services/finalizers"),
        _rule("", ["create", "patch"], "events"),
        _rule("events.k8s.io", ["create", "patch"], "events"),
    ]


def _rule(group: str, verbs: Sequence[str], *resources: str) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _granted(kind: str, name: str, account: str, rules: list[Manifest], **where: Any) -> list[Manifest]:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": MONITORING_NAMESPACE}
    role = {"apiGroup": _GROUP, "kind": kind, "name": name}
    return [
        manifest(f"{_GROUP}/v1", kind, name, IDENTITY, rules=rules, **where),
        manifest(f"{_GROUP}/v1", f"{kind}Binding", name, IDENTITY, roleRef=role, subjects=[subject], **where),
    ]


def policies(spec: MonitoringSpec) -> list[Manifest]:
    """Prometheus reads the platform's pods and the nodes; Alertmanager gets to its receivers and to its twin."""
    platforms = {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "DoesNotExist"}]}}
    tenants = {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}}
    llms = {**tenants, "podSelector": {"matchLabels": {COMPONENT: "llm"}}}
    outside = addresses("0.0.0.0/0", but=METADATA_ADDRESSES)
    ours = {
        "namespaceSelector": {
            "matchLabels": {"app.kubernetes.io/part-of": "bedplate"},
            "matchExpressions": [
                {"key": TENANT, "operator": "DoesNotExist"},
                # Tenants' people are in there: what they ask goes through the proxy.
                {"key": NAME, "operator": "NotIn", "values": [TENANT_GRAFANA]},
            ],
        }
    }
    proxies = {"namespaceSelector": {"matchLabels": {NAME: TENANT_GRAFANA}}, "podSelector": _pods(label_proxy.PROXY)}
    gossip = [*_ports("TCP", _GOSSIP_PORT), *_ports("UDP", _GOSSIP_PORT)]
    twins = [{"podSelector": _pods("alertmanager")}]
    ask_kubernetes = {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["alertmanager", "grafana"]}]}
    told = _ports("TCP", *alertmanager.ports(spec))
    return [
        # Without `to` a rule also matches an API server that the network plugin does not see as an address.
        _policy("api-server", ask_kubernetes, egress=[{"ports": _ports("TCP", *_API_SERVER_PORTS)}]),
        _policy(
            "scrapes",
            _pods("prometheus"),
            egress=[
                {"to": [platforms], "ports": [{"protocol": "TCP"}]},
                {"to": [_WORKSPACES], "ports": [{"protocol": "TCP"}]},
                {"to": [outside], "ports": _ports("TCP", KUBELET_PORT, NODE_EXPORTER_PORT)},
                {"to": [llms], "ports": _ports("TCP", LLM_PORT)},
            ],
        ),
        _policy(
            "questions",
            _pods("prometheus"),
            ingress=[{"from": [ours, proxies], "ports": _ports("TCP", PROMETHEUS_PORT)}],
        ),
        _policy(
            "twins",
            _pods("alertmanager"),
            ingress=[{"from": twins, "ports": gossip}],
            egress=[{"to": twins, "ports": gossip}],
        ),
        *([_policy("receivers", _pods("alertmanager"), egress=[{"to": [outside], "ports": told}])] if told else []),
    ]


def _policy(name: str, pods: Manifest, **rules: Any) -> Manifest:
    types = [kind for kind in ("Ingress", "Egress") if kind.lower() in rules]
    return network_policy(name, MONITORING_NAMESPACE, IDENTITY, podSelector=pods, policyTypes=types, **rules)


def _pods(name: str) -> Manifest:
    return {"matchLabels": {NAME: name}}


def _ports(protocol: str, *ports: int) -> list[Manifest]:
    return [{"protocol": protocol, "port": port} for port in ports]
