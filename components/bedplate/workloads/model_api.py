"""A model behind HTTP: replicas that roll without a gap and scale with load.

Owns Deployment, Service, HorizontalPodAutoscaler, PodDisruptionBudget, ServiceAccount and the Secret of `secretEnv`;
the first four once more of a release beside it. It deliberately owns no route: it says what there is to lead to, and is
reachable from inside its tenant only until the front door leads there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.kubernetes import IdleSpec, Manifest, RouteSpec, disruption_budget
from bedplate.labels import Identity
from bedplate.spec import Port, Seconds, UrlPath, mistake
from bedplate.workloads._base import Endpoint, Footprint, Sleeper, Workload, WorkloadArgs, WorkloadSpec, container
from bedplate.workloads._canary import SUFFIX, CanarySpec, args_of_canary, as_canary, refuse_long_name
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
    canary: CanarySpec | None = None
    """A new release that gets a share of the requests by the route; it goes when this goes."""

    @field_validator("canary")
    @classmethod
    def _has_requests_to_share(cls, canary: CanarySpec | None, info: ValidationInfo) -> CanarySpec | None:
        if canary is None:
            return None
        if info.data.get("route", canary) is None:
            raise mistake("only requests by a route are shared, and it has none", "add `route:`, or remove this key")
        if info.data.get("idle"):
            raise mistake("a workload that stops while idle has no release beside it", "remove `idle:` or this key")
        if info.data.get("image") == canary.image:
            raise mistake("is the image that the workload has anyway", "write the new image here, or remove this key")
        if "name" in info.data:
            refuse_long_name(info.data["name"])
        return canary

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
        releases = [(self.replicas.min, self.replicas.max)]
        releases += [self.canary.replicas_of(self.replicas)] if self.canary else []
        more = len(releases) if self.update == "addFirst" else 0
        fewest, most = (sum(bounds) for bounds in zip(*releases, strict=True))
        pods = self.footprint_of_pods(fewest, most + more, of_updates=more)
        return replace(pods, is_autoscaled=self.replicas.min < self.replicas.max)

    def endpoint(self) -> Endpoint | None:
        """Its Service, where a route is asked for."""
        if self.route is None:
            return None
        return Endpoint(
            service=self.name,
            service_port=SERVICE_PORT,
            port=self.port,
            route=self.route,
            canary_percent=self.canary.weight_percent if self.canary else None,
        )

    def more_images(self) -> Mapping[tuple[str, ...], str]:
        """That of the release beside it."""
        return {("canary", "image"): self.canary.image} if self.canary else {}

    def more_names(self) -> Mapping[tuple[str, ...], str]:
        """That of the release beside it."""
        return {("canary",): f"{self.name}{SUFFIX}"} if self.canary else {}

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
        """Deployment, Service, disruption budget and autoscaler, and the same of a release beside it.

        Where all pods may stop, KEDA makes the autoscaler, of its own name.
        """
        spec = args.spec
        assert isinstance(spec, ModelApiSpec)
        replicas = spec.replicas
        # What is stopped has nothing to wait for.
        own = _served(args, (replicas.min, replicas.max), is_awaited=not (spec.gpu or spec.idle))
        parts = [part for part in own if not (spec.idle and part[0] == "autoscaler")]
        if spec.canary is None:
            return parts
        # Requests come to it once it serves, whatever it needs for that.
        of_canary = _served(args_of_canary(args, spec.canary), spec.canary.replicas_of(replicas), is_awaited=True)
        return [*parts, *as_canary(of_canary)]

    def identities(self, args: WorkloadArgs) -> Sequence[Identity]:
        """The workload's, and that of the release beside it."""
        spec = args.spec
        assert isinstance(spec, ModelApiSpec)
        return [args.identity, *([args_of_canary(args, spec.canary).identity] if spec.canary else [])]


def _served(args: WorkloadArgs, replicas: tuple[int, int], *, is_awaited: bool) -> list[tuple[str, Manifest]]:
    spec = args.spec
    assert isinstance(spec, ModelApiSpec)
    program = container(spec, **served(spec.port, probes(spec.health_path, spec.startup_seconds)))
    fewest, most = replicas
    body = deployment(
        args,
        pod_template(args, program, spec.drained_seconds + 5),
        strategy(spec.update == "addFirst", most),
        replicas=fewest,
        startup_seconds=spec.startup_seconds,
        is_awaited=is_awaited,
    )
    return [
        ("deployment", body),
        ("service", service(args)),
        ("disruption-budget", disruption_budget(spec.name, args.namespace_name, args.identity)),
        ("autoscaler", autoscaler(args, fewest, most, spec.replicas.cpu_percent)),
    ]
