"""What everything costs, and whose it is.

Owns the rules and alerts of costs and budgets; where there is something to run, the namespace `bedplate-cost` with the
programs that mark used-up budgets and write rows of usage, and OpenCost if it is asked for. It deliberately runs no
counter of its own: Prometheus counts (`rules.py`), and what denies is a guardrail (`guardrails/budgets.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster, PoolPrices
from bedplate.clouds.contract import BucketGrant
from bedplate.kubernetes import (
    Alert,
    Dashboard,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
    RuleGroup,
    service_account,
)
from bedplate.labels import BUDGET_MARKER, COST_NAMESPACE, Identity
from bedplate.services.cost.alerts import USAGE, alerts_of
from bedplate.services.cost.budgets import budget_rules
from bedplate.services.cost.dashboards import cost_dashboard
from bedplate.services.cost.network import way_to_credentials, ways_out
from bedplate.services.cost.open_cost import CHART, values
from bedplate.services.cost.rules import MONTH_RULES, cost_rules, price_rules
from bedplate.services.cost.runs import (
    MARKS_IDENTITY,
    USAGE_IDENTITY,
    bucket_of,
    files,
    marker_rights,
    marks,
    usage,
)
from bedplate.services.cost.spec import CostSpec, UsageSpec
from bedplate.services.monitoring.endpoint import PrometheusEndpoint

_IDENTITY = Identity(name="cost", component="cost")


@dataclass(frozen=True, kw_only=True)
class CostArgs:
    """prices: of machines by pool. listed_storage_gib_month: of the platform's disks by the cloud's list.
    prometheus: who is asked. chart_source: where charts come from, in the publisher's place."""

    spec: CostSpec
    prices: Mapping[str, PoolPrices]
    listed_storage_gib_month: float | None
    cluster: Cluster
    prometheus: PrometheusEndpoint
    chart_source: str | None


class Cost(pulumi.ComponentResource):
    """What everything costs."""

    alerts: Sequence[Alert]
    """Of costs, budgets, and what runs here."""
    rules: Sequence[RuleGroup]
    """What computes them."""
    dashboards: Sequence[Dashboard]
    """The same as pictures."""

    def __init__(self, name: str, args: CostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Cost", name, {}, opts)
        self._name, self._args, spec = name, args, args.spec
        facts, listed = args.cluster.facts, args.listed_storage_gib_month
        classes = (facts.deleted_storage_class, facts.retained_storage_class)
        storage = {**(dict.fromkeys(classes, listed) if listed else {}), **spec.prices.storage_gib_month}
        self.alerts = alerts_of(spec)
        self.dashboards = [cost_dashboard(spec.currency)]
        self.rules = [price_rules(args.prices, storage), cost_rules(), MONTH_RULES]
        if any(spec.budgets.model_dump().values()):
            self.rules = [*self.rules, budget_rules(spec.budgets)]
        if spec.denies or spec.usage or spec.open_cost:
            self._running()
        self.register_outputs({})

    def _running(self) -> None:
        name, args, spec = self._name, self._args, self._args.spec
        facts = args.cluster.facts
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=COST_NAMESPACE,
                identity=_IDENTITY,
                kubernetes_version=facts.kubernetes_version,
                dns=facts.dns,
                policies=ways_out(_IDENTITY, args.prometheus),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        cluster_wide = pulumi.ResourceOptions(parent=self, depends_on=[place.namespace])
        inside = place.inside(self)
        if spec.denies or spec.usage:
            self._object(files(), inside)
        if spec.denies:
            self._object(service_account(BUDGET_MARKER, COST_NAMESPACE, MARKS_IDENTITY), inside)
            for right in marker_rights():
                self._object(right, cluster_wide)
            self._object(marks(spec, args.prometheus), inside)
        if spec.usage:
            self._usage(spec.usage, inside)
        if spec.open_cost:
            release = ReleaseArgs(
                chart=CHART, namespace=place, values=values(args.prometheus), source=args.chart_source
            )
            Release(f"{name}-open-cost", release, pulumi.ResourceOptions(parent=self))

    def _usage(self, where: UsageSpec, inside: pulumi.ResourceOptions) -> None:
        bucket, prefix = bucket_of(where)
        # It looks whether an hour is there already, so it reads too.
        grants = [BucketGrant(bucket=bucket, access=access, prefix=prefix) for access in ("read", "write")]
        identity = self._args.cluster.workload_identity(USAGE, COST_NAMESPACE, USAGE, grants)
        account = service_account(USAGE, COST_NAMESPACE, USAGE_IDENTITY)
        account["metadata"]["annotations"] = {**account["metadata"].get("annotations", {}), **identity.annotations}
        self._object(account, inside)
        if identity.credentials_networks:
            self._object(way_to_credentials(USAGE_IDENTITY, identity.credentials_networks), inside)
        self._object(usage(self._args.spec, where, identity, self._args.prometheus), inside)

    def _object(self, body: Manifest, opts: pulumi.ResourceOptions) -> None:
        kind, called = body["kind"].lower(), body["metadata"]["name"]
        KubernetesObject(f"{self._name}-{kind}-{called}", body, opts)
