"""Prometheus, Alertmanager, and what they read, in the namespace of monitoring.

Owns the release, the operator's definitions and rights, the ways through the network, the receivers' secrets, the
monitors, and the rules as PrometheusRules. It deliberately owns no rule: those are the concerns'.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CustomObject,
    Definitions,
    DefinitionsArgs,
    KubernetesObject,
    Manifest,
    ObjectMetrics,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
    RuleGroup,
    manifest,
)
from bedplate.labels import MONITORING_NAMESPACE, NODE_EXPORTER_NAMESPACE, Identity
from bedplate.services.monitoring.alertmanager import SECRET
from bedplate.services.monitoring.kube_prometheus import (
    CHART,
    IDENTITY,
    OPERATOR_VERSION,
    REMOTE_WRITE_SECRET,
    definitions,
    receiver_secrets,
    values,
)
from bedplate.services.monitoring.rights import policies, rights
from bedplate.services.monitoring.scrapes import MONITORS, pod_monitors
from bedplate.services.monitoring.spec import MonitoringSpec


@dataclass(frozen=True, kw_only=True)
class MetricsArgs:
    """place: the namespace of monitoring. groups: the rules of all that runs. told: what concerns want of
    kube-state-metrics. namespaces: of all tenants, by tenant. secret: resolves the name of a config secret."""

    spec: MonitoringSpec
    place: PlatformNamespace
    groups: Sequence[RuleGroup]
    told: Sequence[ObjectMetrics]
    namespaces: Mapping[str, str]
    facts: ClusterFacts
    secret: Callable[[str], pulumi.Output[str]]
    chart_source: str | None = None


class Metrics(pulumi.ComponentResource):
    """Everything that measures, and tells somebody."""

    def __init__(self, name: str, args: MetricsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Metrics", name, {}, opts)
        self._name, child = name, pulumi.ResourceOptions(parent=self)
        inside = args.place.inside(self)
        nodes = PlatformNamespace(f"{name}-nodes", _node_exporters_place(args.facts), child)
        identity = replace(IDENTITY, version=OPERATOR_VERSION)
        defined = Definitions(f"{name}-definitions", DefinitionsArgs(bodies=definitions(), identity=identity), child)
        before = [
            *(self._object(part, inside) for part in policies(args.spec)),
            *(self._object(part, inside if "namespace" in part["metadata"] else child) for part in rights()),
            *(self._object(part, inside) for part in _secrets(args)),
        ]
        release = ReleaseArgs(
            chart=CHART,
            namespace=args.place,
            values=values(args.spec, args.namespaces, args.facts.deleted_storage_class, args.told),
            source=args.chart_source,
            after=[nodes, defined, *before],
        )
        Release(f"{name}-release", release, child)
        for body in (*pod_monitors(IDENTITY), *(_rules(group) for group in args.groups)):
            suffix = f"{body['kind'].lower()}-{body['metadata']['name']}"
            CustomObject(f"{name}-{suffix}", body, defined, inside)
        self.register_outputs({})

    def _object(self, body: Manifest, opts: pulumi.ResourceOptions) -> KubernetesObject:
        suffix = f"{body['kind'].lower()}-{body['metadata']['name']}"
        return KubernetesObject(f"{self._name}-{suffix}", body, opts)


def _node_exporters_place(facts: ClusterFacts) -> PlatformNamespaceArgs:
    return PlatformNamespaceArgs(
        namespace=NODE_EXPORTER_NAMESPACE,
        identity=Identity(name="node-exporter", component="monitoring"),
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        # It reads the node's own files and network.
        level="privileged",
    )


def _secrets(args: MetricsArgs) -> list[Manifest]:
    """Of Alertmanager and of Prometheus, each with its own alone."""
    wanted = {SECRET: receiver_secrets(args.spec)}
    if args.spec.remote_write:
        wanted[REMOTE_WRITE_SECRET] = [args.spec.remote_write.token_ref]
    return [
        {
            **manifest("v1", "Secret", name, IDENTITY, namespace=MONITORING_NAMESPACE, type="Opaque"),
            "stringData": {key: args.secret(key) for key in keys},
        }
        for name, keys in wanted.items()
        if keys
    ]


def _rules(group: RuleGroup) -> Manifest:
    return manifest(
        MONITORS,
        "PrometheusRule",
        group.name,
        IDENTITY,
        namespace=MONITORING_NAMESPACE,
        spec={"groups": [group.group()]},
    )
