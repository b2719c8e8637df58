"""A model behind HTTP: replicas that roll without a gap and scale with load.

Owns Deployment, Service, HorizontalPodAutoscaler, PodDisruptionBudget, ServiceAccount and the Secret of `secretEnv`. It
deliberately owns no route: it says what there is to lead to, and is reachable from inside its tenant only until the
front door leads there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bedplate.kubernetes import IdleSpec, Manifest, RouteSpec, disruption_budget
from bedplate.spec import Port, Seconds, UrlPath
from bedplate.workloads._base import Endpoint, Footprint, Sleeper, Workload, WorkloadArgs, WorkloadSpec, container
from bedplate.workloads._serving import (
    SERVICE_PORT,
    ReplicasSpec,
    autoscaler,
    deployment,
    pod_template,
    probes,
    served,
    service,
    strategy,
)

_DRAIN_SECONDS = 30
_LONGEST_DRAIN_SECONDS = 600


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
        return Endpoint(service=self.name, service_port=SERVICE_PORT, port=self.port, route=self.route)

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

        Where all pods may stop, KEDA makes the autoscaler, of its own name.
        """
        spec = args.spec
        assert isinstance(spec, ModelApiSpec)
        replicas = spec.replicas
        return [
            ("deployment", _deployment(spec, args)),
            ("service", service(args)),
            ("disruption-budget", disruption_budget(spec.name, args.namespace_name, args.identity)),
            *(
                []
                if spec.idle
                else [("autoscaler", autoscaler(args, replicas.min, replicas.max, replicas.cpu_percent))]
            ),
        ]


def _deployment(spec: ModelApiSpec, args: WorkloadArgs) -> Manifest:
    program = container(spec, **served(spec.port, probes(spec.health_path, spec.startup_seconds)))
    return deployment(
        args,
        pod_template(args, program, spec.drained_seconds + 5),
        strategy(spec.update == "addFirst", spec.replicas.max),
        replicas=spec.replicas.min,
        startup_seconds=spec.startup_seconds,
        # What is stopped has nothing to wait for.
        is_awaited=not (spec.gpu or spec.idle),
    )
