"""A model behind HTTP: replicas that roll without a gap and scale with load.

Owns Deployment, Service, HorizontalPodAutoscaler, PodDisruptionBudget, ServiceAccount and the Secret of `secretEnv`. It
deliberately owns no route: it says what there is to lead to, and is reachable from inside its tenant only until the
front door leads there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from bedplate.kubernetes import (
    SKIP_AWAIT,
    IdleSpec,
    Manifest,
    RouteSpec,
    accelerator_placement,
    disruption_budget,
    manifest,
    pod_spec,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.spec import Port, PositiveCount, Seconds, Spec, UrlPath, mistake, not_below_min
from bedplate.workloads._base import (
    Endpoint,
    Footprint,
    Sleeper,
    Workload,
    WorkloadArgs,
    WorkloadSpec,
    container,
    secrets_hash,
)

_PROBE_SECONDS = 5
_SERVICE_PORT = 80
_HIGHEST_CPU_PERCENT = 180
"""A pod is limited to 200 percent of its request, and an autoscaler acts on a tenth above its target: no pod would ever
be added for a higher one
(https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details)."""
_DRAIN_SECONDS = 30
_LONGEST_DRAIN_SECONDS = 600


class ReplicasSpec(Spec):
    """How many pods serve; equal bounds mean a fixed number."""

    min: Annotated[PositiveCount, Field(le=500)] = 2
    """Fewest pods; two survive the loss of a node."""
    max: Annotated[PositiveCount, Field(le=500, validate_default=True)] = 10
    """Most pods."""
    cpu_percent: Annotated[PositiveCount, Field(le=_HIGHEST_CPU_PERCENT)] = 70
    """Average CPU use, in percent of the request, above which pods are added."""

    _not_below_min = field_validator("max")(not_below_min)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, given: object) -> object:
        if isinstance(given, int) and not isinstance(given, bool):
            raise mistake("must say the fewest and the most pods", f"write {{min: {given}, max: {given}}}")
        return given


class ModelApiSpec(WorkloadSpec):
    """A model behind an HTTP API, such as FastAPI or Flask serving predictions."""

    kind: Literal["modelApi"] = "modelApi"
    """The template."""
    port: Port = 8080
    """Port that the process listens on."""
    health_path: UrlPath = "/health"
    """Path that answers 200 once the model is loaded."""
    startup_seconds: Annotated[Seconds, Field(le=3600)] = 120
    """Time that a pod may take to load its model; no request reaches it before, and it is restarted after."""
    drain_seconds: Annotated[Seconds, Field(le=_LONGEST_DRAIN_SECONDS)] | None = None
    """Time for requests under way when a pod stops; if absent 30, or as long as `answerSeconds` of the route where that
    is written, up to 600."""
    replicas: ReplicasSpec = ReplicasSpec()
    """How many pods serve."""
    update: Literal["addFirst", "removeFirst"] = "addFirst"
    """How a new release comes. addFirst: a pod more starts before an old one goes, for which there must be room;
    removeFirst: an old one goes first, for GPUs and disks that have no spare, and one pod alone leaves a gap until its
    successor has loaded the model."""
    route: RouteSpec | None = None
    """The way in from outside the cluster; without it there is none."""
    idle: IdleSpec | None = None
    """That all pods stop while nobody uses it, and the first request by its route starts them; without it they stay."""

    @property
    def drained_seconds(self) -> int:
        """Time for requests under way when a pod stops."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        if self.route is None or "answer_seconds" not in self.route.model_fields_set:
            return _DRAIN_SECONDS
        return min(max(_DRAIN_SECONDS, self.route.answer_seconds), _LONGEST_DRAIN_SECONDS)

    def footprint(self) -> Footprint:
        """All replicas, and the one more with which an update may begin."""
        more = 1 if self.update == "addFirst" else 0
        pods = self.footprint_of_pods(self.replicas.min, self.replicas.max + more, of_updates=more)
        return replace(pods, is_autoscaled=self.replicas.min < self.replicas.max)

    def endpoint(self) -> Endpoint | None:
        """Its Service, where a route is asked for."""
        if self.route is None:
            return None
        return Endpoint(service=self.name, service_port=_SERVICE_PORT, port=self.port, route=self.route)

    def sleeper(self) -> Sleeper | None:
        """Its Deployment, where that is asked for."""
        if self.idle is None:
            return None
        fewest, most = self.replicas.min, self.replicas.max
        percent = self.replicas.cpu_percent if fewest < most else None
        return Sleeper(kind="Deployment", idle=self.idle, replicas_min=fewest, replicas_max=most, cpu_percent=percent)


class ModelApi(Workload):
    """A model behind HTTP."""

    Spec = ModelApiSpec
    title = "Model API"
    component = "model-api"
    loses_work = False
    # The autoscaler's; taken away from it by an update, the number would fall to one, or be set back in rush hour
    # (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling).
    handed_over: ClassVar[Mapping[str, tuple[str, ...]]] = {"Deployment": ("spec.replicas",)}

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """Deployment, Service, disruption budget and autoscaler.

        There is an autoscaler even of a fixed number: the number of pods belongs to it in every shape of the spec, and
        never changes hands. Where all pods may stop, KEDA makes one, of its own name.
        """
        spec = args.spec
        assert isinstance(spec, ModelApiSpec)
        return [
            ("deployment", _deployment(spec, args)),
            ("service", _service(spec, args)),
            ("disruption-budget", disruption_budget(spec.name, args.namespace_name, args.identity)),
            *([] if spec.idle else [("autoscaler", _autoscaler(spec, args))]),
        ]


def _probe(spec: ModelApiSpec, failures: int) -> Manifest:
    return {
        "httpGet": {"path": spec.health_path, "port": "http"},
        "periodSeconds": _PROBE_SECONDS,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _pod_template(spec: ModelApiSpec, args: WorkloadArgs) -> Manifest:
    # A pod that stops is still in some routers' lists for a moment: it goes on serving until they have heard
    # (https://kubernetes.io/docs/tutorials/services/pods-and-endpoint-termination-flow/).
    served = container(
        spec,
        ports=[{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        startupProbe=_probe(spec, math.ceil(spec.startup_seconds / _PROBE_SECONDS)),
        readinessProbe=_probe(spec, 2),
        livenessProbe=_probe(spec, 6),
        lifecycle={"preStop": {"sleep": {"seconds": 5}}},
    )
    placement = accelerator_placement(spec.gpu.accelerator) if spec.gpu else {}
    pod = pod_spec(
        served,
        spec.name,
        terminationGracePeriodSeconds=spec.drained_seconds + 5,
        topologySpreadConstraints=spread_over_zones_and_nodes(args.identity.selector()),
        **placement,
    )
    return {"metadata": template_metadata(args.identity, secrets_hash(args)), "spec": pod}


def _strategy(spec: ModelApiSpec) -> Manifest:
    """One pod that goes before its successor comes lets go of its volume too: only Recreate waits for that
    (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment)."""
    if spec.update == "addFirst":
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    if spec.replicas.max == 1:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def _deployment(spec: ModelApiSpec, args: WorkloadArgs) -> Manifest:
    return manifest(
        "apps/v1",
        "Deployment",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        annotations=_deployment_annotations(spec),
        spec={
            "replicas": spec.replicas.min,  # at first; see `handed_over`
            "selector": {"matchLabels": args.identity.selector()},
            "strategy": _strategy(spec),
            "progressDeadlineSeconds": spec.startup_seconds + 600,
            "revisionHistoryLimit": 5,
            "template": _pod_template(spec, args),
        },
    )


def _deployment_annotations(spec: ModelApiSpec) -> dict[str, str]:
    """A GPU node may take longer to come from zero than any sensible wait, and must not hold up other tenants. What is
    stopped has nothing to wait for."""
    if spec.gpu or spec.idle:
        return SKIP_AWAIT
    return {"pulumi.com/timeoutSeconds": str(spec.startup_seconds + 600)}


def _service(spec: ModelApiSpec, args: WorkloadArgs) -> Manifest:
    # Nothing waits for its endpoints, and the engine would for ten seconds each.
    return manifest(
        "v1",
        "Service",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "selector": args.identity.selector(),
            "ports": [{"name": "http", "port": _SERVICE_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    )


def _autoscaler(spec: ModelApiSpec, args: WorkloadArgs) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": spec.replicas.cpu_percent}
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": spec.name},
            "minReplicas": spec.replicas.min,
            "maxReplicas": spec.replicas.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    )
