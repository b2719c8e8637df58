"""The cluster autoscaler: adds nodes for pods that wait for one, removes those that are not needed.

Owns a namespace, two replicas of which one acts, their rights and their ways out. It deliberately owns no node group
and no identity of the cloud: both are the cluster's, and what the autoscaler must know of the cloud comes as facts.

No work is killed to save money: pods that must not be moved say so (`NOT_EVICTED`), model APIs move one replica at a
time by their disruption budgets, and get their whole drain time. What GPU nodes that never offer their GPU can cost is
bounded by the maximum of their pool, and by the autoscaler's own stop when too much of the cluster is unready
(docs/guides/gpu-nodes.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from bedplate.clouds import AutoscalerFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Alert,
    Container,
    Dns,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    disruption_budget,
    manifest,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.labels import AUTOSCALER_SERVICE_ACCOUNT as NAME
from bedplate.labels import AUTOSCALING_NAMESPACE, Identity
from bedplate.services.nodes.alerts import CLUSTER_AUTOSCALER_ALERTS
from bedplate.services.nodes.autoscaler_access import CLUSTER_RULES, LOCK, METRICS_PORT, OWN_RULES, STATUS, way_to_apis

# renovate: datasource=docker depName=registry.k8s.io/autoscaling/cluster-autoscaler
FOR_KUBERNETES_1_34 = "v1.34.5"
# renovate: datasource=docker depName=registry.k8s.io/autoscaling/cluster-autoscaler
FOR_KUBERNETES_1_35 = "v1.35.2"
# renovate: datasource=docker depName=registry.k8s.io/autoscaling/cluster-autoscaler
FOR_KUBERNETES_1_36 = "v1.36.1"
VERSIONS = {"1.34": FOR_KUBERNETES_1_34, "1.35": FOR_KUBERNETES_1_35, "1.36": FOR_KUBERNETES_1_36}
"""By the cluster's minor: it decides like the scheduler of its own minor, whose code it contains.

https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases
"""

FLAGS = (
    f"--namespace={AUTOSCALING_NAMESPACE}",
    "--leader-elect=true",
    f"--leader-elect-resource-name={LOCK}",
    f"--status-config-map-name={STATUS}",
    # Each pool is one node group over its zones and differs from all others by its label: which to grow is the choice
    # that leaves the least idle, and there is nothing to balance.
    "--expander=least-waste",
    # Every pod of the platform has scratch space; those that would lose work by it say so themselves.
    "--skip-nodes-with-local-storage=false",
    "--skip-nodes-with-system-pods=true",
    "--scale-down-unneeded-time=10m",
    "--scale-down-utilization-threshold=0.5",
    "--scale-down-gpu-utilization-threshold=0.5",
    # More than the longest that a model API may take to drain: 600 s and the pause before.
    "--max-graceful-termination-sec=900",
    "--max-node-provision-time=15m",
    # Nodes that do not become ready (that offer no GPU) are taken away after 20 minutes; when there are more than three
    # of them and they are more than 45 % of all nodes, nothing is added any more. One of three zones may fail.
    "--scale-down-unready-time=20m",
    "--ok-total-unready-count=3",
    "--max-total-unready-percentage=45",
)
"""All of them exist in 1.34.5, 1.35.2 and 1.36.1.

https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/config/flags/flags.go
"""


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """facts: what it must know of the cloud. kubernetes_version: minor, '1.35'. dns: of the cluster."""

    facts: AutoscalerFacts
    kubernetes_version: str
    dns: Dns


class ClusterAutoscaler(pulumi.ComponentResource):
    """The cluster autoscaler of the cluster's minor."""

    alerts: ClassVar[tuple[Alert, ...]] = CLUSTER_AUTOSCALER_ALERTS

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:ClusterAutoscaler", name, {}, opts)
        identity = Identity(name=NAME, component="autoscaling", version=VERSIONS[args.kubernetes_version])
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=AUTOSCALING_NAMESPACE,
                identity=identity,
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
                policies=[way_to_apis(AUTOSCALING_NAMESPACE, identity, args.facts.credentials_network)],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        access = [
            KubernetesObject(f"{name}-{part['kind'].lower()}", part, place.placing(part, self))
            for part in (service_account(NAME, AUTOSCALING_NAMESPACE, identity), *_rights(identity))
        ]
        budget = disruption_budget(NAME, AUTOSCALING_NAMESPACE, identity)
        KubernetesObject(f"{name}-disruption-budget", budget, place.inside(self))
        KubernetesObject(
            f"{name}-deployment",
            _deployment(args, identity),
            pulumi.ResourceOptions(parent=self, depends_on=[place, *access], deleted_with=place.namespace),
        )
        self.register_outputs({})


def _rights(identity: Identity) -> Sequence[Manifest]:
    """A role in the cluster and one in its own namespace, each with its binding."""
    api_group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": NAME, "namespace": AUTOSCALING_NAMESPACE}]
    return [
        part
        for scope, rules, namespace in (
            ("ClusterRole", CLUSTER_RULES, None),
            ("Role", OWN_RULES, AUTOSCALING_NAMESPACE),
        )
        for part in (
            manifest(f"{api_group}/v1", scope, f"bedplate-{NAME}", identity, namespace=namespace, rules=rules),
            manifest(
                f"{api_group}/v1",
                f"{scope}Binding",
                f"bedplate-{NAME}",
                identity,
                namespace=namespace,
                roleRef={"apiGroup": api_group, "kind": scope, "name": f"bedplate-{NAME}"},
                subjects=subjects,
            ),
        )
    ]


def _deployment(args: ClusterAutoscalerArgs, identity: Identity) -> Manifest:
    return manifest(
        "apps/v1",
        "Deployment",
        NAME,
        identity,
        namespace=AUTOSCALING_NAMESPACE,
        spec={
            "replicas": 2,
            "selector": {"matchLabels": identity.selector()},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 5,
            "template": {"metadata": template_metadata(identity), "spec": _pod(args, identity)},
        },
    )


def _pod(args: ClusterAutoscalerArgs, identity: Identity) -> Manifest:
    health = {"httpGet": {"path": "/health-check", "port": "metrics"}, "periodSeconds": 10, "timeoutSeconds": 5}
    container = Container(
        name=NAME,
        image=f"registry.k8s.io/autoscaling/cluster-autoscaler:{VERSIONS[args.kubernetes_version]}",
        cpu=0.25,
        memory_gib=1,
        command=["/cluster-autoscaler"],
        args=[*args.facts.arguments, *FLAGS],
        environment=args.facts.environment,
        extra={
            "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
            "readinessProbe": health,
            # It answers an error when it has not looked at the cluster for ten minutes.
            "livenessProbe": {**health, "initialDelaySeconds": 60, "failureThreshold": 6},
        },
    )
    return pod_spec(
        container,
        NAME,
        automountServiceAccountToken=True,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        topologySpreadConstraints=spread_over_zones_and_nodes(identity.selector()),
    )
