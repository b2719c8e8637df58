"""Karpenter: starts a machine for pods that wait for one, ends those that are not needed.

Owns a namespace, the chart of its definitions, the chart of its two replicas, and a node class and a node pool for each
pool that grows. It deliberately owns no permission of the cloud and decides nothing about machines: what they are made
of comes as facts. Definitions are installed and upgraded by upstream's chart of definitions, and stay when it goes.

Node pools go first: Karpenter then drains and ends their machines, and only when they are gone it goes itself. So a
removal takes as long as the longest job that still runs; whoever does not want to wait removes the tenants before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi

from bedplate.clouds import KarpenterFacts, KarpenterPool
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Alert,
    Chart,
    CustomKind,
    CustomObject,
    Dns,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
    manifest,
    spread_over_zones_and_nodes,
)
from bedplate.labels import INSTANCE, KARPENTER, KARPENTER_NAMESPACE, NAME, OWNER, PLATFORM_OWNER, Identity
from bedplate.services.nodes.alerts import KARPENTER_ALERTS
from bedplate.services.nodes.autoscaler_access import way_to_apis

# renovate: datasource=docker depName=public.ecr.aws/karpenter/karpenter
KARPENTER_VERSION = "1.14.1"
# renovate: datasource=docker depName=public.ecr.aws/karpenter/karpenter-crd
DEFINITIONS_VERSION = "1.14.1"
_REPOSITORY, _GROUP = "oci://public.ecr.aws/karpenter", "karpenter.sh"
DEFINITIONS = Chart(
    name="karpenter-crd",
    repository=_REPOSITORY,
    version=DEFINITIONS_VERSION,
    kinds=(
        CustomKind(group=_GROUP, versions=("v1",), kind="NodePool", plural="nodepools", scope="Cluster"),
        CustomKind(group=_GROUP, versions=("v1",), kind="NodeClaim", plural="nodeclaims", scope="Cluster"),
        CustomKind(
            group="karpenter.k8s.aws", versions=("v1",), kind="EC2NodeClass", plural="ec2nodeclasses", scope="Cluster"
        ),
    ),
    keeping={"additionalAnnotations": {"helm.sh/resource-policy": "keep"}},
)
"""It also brings NodeOverlay and CapacityBuffer, kinds of features that are off here.

https://github.com/aws/karpenter-provider-aws/tree/v1.14.1/charts/karpenter-crd
"""
CHART = Chart(name=KARPENTER, repository=_REPOSITORY, version=KARPENTER_VERSION)
"""https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/charts/karpenter/values.yaml"""
IDENTITY = Identity(name=KARPENTER, component="autoscaling", version=KARPENTER_VERSION)
_REPLICAS = 2
_DELETION = "60m"
"""Until the machines of a node pool are gone; each is drained before, and large ones take minutes to end."""


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """facts: of the cloud. kubernetes_version: minor, '1.35'. dns: of the cluster. chart_source: of charts, in the
    publisher's place."""

    facts: KarpenterFacts
    kubernetes_version: str
    dns: Dns
    chart_source: str | None = None


class Karpenter(pulumi.ComponentResource):
    """Karpenter with the machines it may start."""

    alerts: ClassVar[tuple[Alert, ...]] = KARPENTER_ALERTS

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Karpenter", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=KARPENTER_NAMESPACE,
                identity=IDENTITY,
                kubernetes_version=args.kubernetes_version,
                dns=args.dns,
                policies=[way_to_apis(KARPENTER_NAMESPACE, IDENTITY, args.facts.credentials_network)],
                critical_pods=2 * _REPLICAS,
            ),
            child,
        )
        self._definitions = Release(
            f"{name}-definitions",
            ReleaseArgs(chart=DEFINITIONS, namespace=place, values={}, source=args.chart_source),
            child,
        )
        self._controller = Release(
            f"{name}-controller",
            ReleaseArgs(
                chart=CHART,
                namespace=place,
                values=values(args.facts),
                source=args.chart_source,
                after=[self._definitions],
            ),
            child,
        )
        for pool in args.facts.pools:
            self._pool(f"{name}-{pool.name}", pool, args.facts.node_class_kind)
        self.register_outputs({})

    def _pool(self, name: str, pool: KarpenterPool, node_class_kind: tuple[str, str]) -> None:
        """The node class goes after the node pool: Karpenter needs it to end machines."""
        node_class = CustomObject(
            f"{name}-class", _of_pool(*node_class_kind, pool.name, pool.node_class), self._definitions, self._before()
        )
        CustomObject(
            f"{name}-pool",
            _of_pool(f"{_GROUP}/v1", "NodePool", pool.name, pool.node_pool),
            self._definitions,
            self._before(node_class),
        )

    def _before(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what Karpenter finishes itself when it is deleted."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=[self._controller, *after],
            custom_timeouts=pulumi.CustomTimeouts(delete=_DELETION),
        )


def _of_pool(api_version: str, kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    return manifest(api_version, kind, name, IDENTITY, spec=dict(spec))


def values(facts: KarpenterFacts) -> dict[str, Any]:
    """Values of the chart: two replicas apart on machines that Karpenter did not start, and no feature on trial.

    The affinity is the chart's own default, written down because everything hangs on it. Resources are those of
    https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/#4-install-karpenter.
    """
    not_own = {"key": f"{_GROUP}/nodepool", "operator": "DoesNotExist"}
    labels = {NAME: KARPENTER, INSTANCE: KARPENTER}
    off = ("nodeRepair", "nodeOverlay", "reservedCapacity", "spotToSpotConsolidation", "staticCapacity")
    return {
        "additionalLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        "serviceAccount": {"create": True, "name": KARPENTER},
        "replicas": _REPLICAS,
        "revisionHistoryLimit": 5,
        "podDisruptionBudget": {"name": KARPENTER, "maxUnavailable": 1},
        "priorityClassName": CRITICAL_PRIORITY_CLASS,
        "tolerations": PLATFORM_TOLERATIONS,
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [not_own]}]
                }
            },
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
            },
        },
        "topologySpreadConstraints": spread_over_zones_and_nodes(labels),
        "controller": {
            "env": [{"name": key, "value": value} for key, value in sorted(facts.environment.items())],
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        },
        "serviceMonitor": {"enabled": False},
        "settings": {**facts.settings, "featureGates": {**dict.fromkeys(off, False), "capacityBuffer": False}},
    }
