"""What nobody uses is stopped, and started when somebody asks for it.

Owns KEDA in its namespace, who wakes what is asked for, the rules by which Prometheus finds out who uses what, and the
ScaledObject of whatever asks for one. It deliberately owns neither Prometheus (see `monitoring`) nor the routes at
which use is counted (see `front_door`), and deletes nothing: what is stopped has no pods, and keeps its volumes, its
name and its address.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    Dashboard,
    KubernetesObject,
    Operator,
    PlatformNamespace,
    ProvidedOperator,
    ProvidedOperatorArgs,
    Release,
    ReleaseArgs,
    RuleGroup,
)
from bedplate.labels import IDLE_NAMESPACE
from bedplate.offers import ActivityRequest, BacklogRequest
from bedplate.services.idle.alerts import idle_alerts
from bedplate.services.idle.dashboards import DASHBOARDS
from bedplate.services.idle.keda import CHART, namespace, values
from bedplate.services.idle.queues import scaled_by_queue
from bedplate.services.idle.rules import Thresholds, idle_rules
from bedplate.services.idle.scaled_objects import Target, scaled_object
from bedplate.services.idle.spec import IdleSettingsSpec
from bedplate.services.idle.waker import parts
from bedplate.services.monitoring.endpoint import PrometheusEndpoint


@dataclass(frozen=True, kw_only=True)
class IdleArgs:
    """max_minutes: the longest that anything may be kept without use. domain: of hosts. prometheus: who is asked.
    chart_source: of charts, in the publisher's place."""

    spec: IdleSettingsSpec
    max_minutes: int
    domain: str
    prometheus: PrometheusEndpoint
    facts: ClusterFacts
    chart_source: str | None = None


class Idle(pulumi.ComponentResource):
    """KEDA, and what it goes by."""

    operator: Operator
    """KEDA; ScaledObjects come after it."""
    rules: Sequence[RuleGroup]
    """Who uses what."""
    alerts: Sequence[Alert]
    """Of what is stopped soon, and of what nobody can decide."""
    dashboards: Sequence[Dashboard]
    """What stopping saves."""

    def __init__(self, name: str, args: IdleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Idle", name, {}, opts)
        self._name, self._spec, self._prometheus = name, args.spec, args.prometheus
        self._domain = args.domain
        self.operator = self._keda(args)
        thresholds = Thresholds(
            cpu_percent=args.spec.cpu_percent,
            gpu_percent=args.spec.gpu_percent,
            network_bytes_per_second=args.spec.network_bytes_per_second,
            max_minutes=args.max_minutes,
        )
        self.rules = idle_rules(thresholds)
        runs_in = args.spec.keda.namespace if args.spec.keda else IDLE_NAMESPACE
        self.dashboards = DASHBOARDS
        self.alerts = idle_alerts(args.spec.warn_minutes, runs_in)
        self.register_outputs({})

    def minutes(self, asked: int | None) -> int:
        """Without use after which something is stopped that asks for so many, or for none."""
        return asked or self._spec.after_minutes

    def scale(self, name: str, request: ActivityRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` that its target is stopped while nobody uses it."""
        body = scaled_object(_target(request, self.minutes(request.after_minutes), self._domain), self._prometheus.url)
        inside = pulumi.ResourceOptions(parent=parent, depends_on=[request.namespace], deleted_with=request.namespace)
        CustomObject(name, body, self.operator, inside)

    def scale_by_backlog(self, name: str, request: BacklogRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` that its target has more pods while much waits in them."""
        inside = pulumi.ResourceOptions(parent=parent, depends_on=[request.namespace], deleted_with=request.namespace)
        CustomObject(name, scaled_by_queue(request, self._prometheus.url), self.operator, inside)

    def _keda(self, args: IdleArgs) -> Operator:
        provided, child = args.spec.keda, pulumi.ResourceOptions(parent=self)
        if provided:
            operator = ProvidedOperatorArgs(chart=CHART, namespace=provided.namespace)
            return ProvidedOperator(f"{self._name}-provided", operator, child)
        place = PlatformNamespace(f"{self._name}-place", namespace(args.facts, args.prometheus), child)
        release = ReleaseArgs(chart=CHART, namespace=place, values=values(), source=args.chart_source)
        operator = Release(f"{self._name}-release", release, child)
        for suffix, part in parts():
            KubernetesObject(f"{self._name}-waker-{suffix}", part, place.placing(part, self))
        return operator


def _target(request: ActivityRequest, after_minutes: int, domain: str) -> Target:
    return Target(
        kind=request.kind,
        name=request.target,
        namespace=request.namespace_name,
        identity=request.identity,
        after_minutes=after_minutes,
        replicas_min=request.replicas_min,
        replicas_max=request.replicas_max,
        cpu_percent=request.cpu_percent,
        route=request.route,
        host=request.host or (f"{request.route}.{domain}" if request.route else ""),
        gpus=request.gpus,
        accelerator=request.accelerator,
    )
