"""A language model behind an OpenAI-compatible API, served by vLLM.

Owns Deployment, Service, PodDisruptionBudget, ServiceAccount, the Secret of `secretEnv`, and the Job that fetches the
weights where that is asked for. What a model needs stands in `_models`, where its weights come from in `_weights`. It
deliberately checks no keys of callers, which is the route's, and makes no autoscaler of its own: pods are added by what
waits in vLLM's queue, which the platform reads (ADR 0036).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bedplate.kubernetes import Manifest, RouteSpec, disruption_budget
from bedplate.kubernetes.pods import Container
from bedplate.spec import Cpu, Gib, PositiveCount, Seconds, Spec, mistake, not_below_min
from bedplate.workloads._base import (
    Endpoint,
    Footprint,
    GpuSpec,
    Queued,
    Workload,
    WorkloadArgs,
    WorkloadSpec,
    container,
)
from bedplate.workloads._models import LEAST_CONTEXT_TOKENS, MODELS, Demand, Model
from bedplate.workloads._serving import (
    SERVICE_PORT,
    autoscaler,
    deployment,
    pod_template,
    probes,
    served,
    service,
    strategy,
    written_out,
)
from bedplate.workloads._weights import FOLDER, Preload, WeightsSpec, preloading

_PORT = 8000
_PROBE_SECONDS = 10
_HEARD_SECONDS = 15
"""Until routers have heard that a pod stops."""
_LEFT_SECONDS = 10
"""Between the end of vLLM's own time and the pod's."""
_WAITING_PER_POD = 5
_RUNNING_SHARE = 0.7
if TYPE_CHECKING:
    ModelName = str
else:
    ModelName = Literal[tuple(MODELS)]


class LlmReplicasSpec(Spec):
    """How many pods serve, each with all of `gpu`; equal bounds mean a fixed number."""

    min: Annotated[PositiveCount, Field(le=100)] = 1
    """Fewest pods."""
    max: Annotated[PositiveCount, Field(le=100, validate_default=True)] = 1
    """Most pods: more are added while requests wait, or while those there are near `runningRequests`."""

    _not_below_min = field_validator("max")(not_below_min)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, given: object) -> object:
        return written_out(given)


class LlmSpec(WorkloadSpec):
    """A language model behind an OpenAI-compatible API."""

    kind: Literal["llm"] = "llm"
    """The template."""
    model: ModelName
    """Which model; it decides vLLM's flags, and with contextTokens and fullRequests how much memory its GPUs need."""
    weights: WeightsSpec
    """Where the model's weights come from."""
    gpu: GpuSpec  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
    """GPUs of each pod, all on one node, which share the model."""
    cpu: Cpu = 4
    """Cores requested by each pod; it may use twice as much where the node has it."""
    memory_gib: Gib = 24
    """Memory of each pod in GiB, request and limit at once, half of it shared between the processes of its GPUs."""
    scratch_gib: Gib = 10
    """Size of the writable /tmp in GiB, where what vLLM compiles is kept; the rest of the file system is read-only."""
    context_tokens: Annotated[PositiveCount, Field(ge=LEAST_CONTEXT_TOKENS, le=1_048_576)] = 8192
    """Longest text of one request, question and answer together, in tokens."""
    full_requests: Annotated[PositiveCount, Field(le=10_000)] = 4
    """Requests of that length that must find room in memory at once; many more of shorter ones do."""
    running_requests: Annotated[PositiveCount, Field(le=10_000)] = 64
    """Most requests that one pod works on at once; what is more waits."""
    cache_type: Literal["auto", "fp8"] = "auto"
    """How the cache of tokens is kept: as the model says, in two bytes a number, or in one, which halves it and costs
    some accuracy."""
    memory_share: Annotated[float, Field(strict=True, ge=0.5, le=0.98)] = 0.92
    """Part of the GPUs' memory that vLLM takes."""
    startup_seconds: Annotated[Seconds, Field(le=7200)] = 1800
    """Time that a pod may take to load the model; no request reaches it before, and it is restarted after."""
    drain_seconds: Annotated[Seconds, Field(le=600)] = 120
    """Time for answers under way when a pod stops."""
    replicas: LlmReplicasSpec = LlmReplicasSpec()
    """How many pods serve."""
    update: Literal["addFirst", "removeFirst"] = "removeFirst"
    """How a new release comes. addFirst: a pod more starts before an old one goes, for which there must be GPUs;
    removeFirst: an old one goes first, and one pod alone leaves a gap until its successor has loaded the model."""
    route: RouteSpec | None = None
    """The way in from outside the cluster; without it there is none."""

    @field_validator("context_tokens")
    @classmethod
    def _within_the_model(cls, tokens: int, info: ValidationInfo) -> int:
        known = MODELS.get(info.data.get("model", ""))
        if known and tokens > known.context_tokens:
            raise mistake(
                f"{info.data['model']} was made for {known.context_tokens} tokens",
                f"write `contextTokens: {known.context_tokens}`",
                allowed=f"at most {known.context_tokens}",
            )
        return tokens

    @property
    def preset(self) -> Model:
        """What is known of the model."""
        return MODELS[self.model]

    @property
    def demand(self) -> Demand:
        """What it needs of its GPUs."""
        return Demand(
            model=self.preset,
            tokens=self.context_tokens * self.full_requests,
            cache_bytes=1 if self.cache_type == "fp8" else 2,
        )

    def footprint(self) -> Footprint:
        """All pods, and the one more where an update begins with it; what fetches the weights comes beside them."""
        more = 1 if self.update == "addFirst" else 0
        pods = self.footprint_of_pods(self.replicas.min, self.replicas.max + more, of_updates=more)
        return replace(pods, beside=preloading(pods)) if self.weights.preload else pods

    def volumes_mounted(self) -> Mapping[tuple[str | int, ...], str]:
        """Also that of the weights."""
        weights = {("weights", "volume"): self.weights.volume} if self.weights.volume else {}
        return {**super().volumes_mounted(), **weights}

    def own_paths(self) -> Mapping[str, str]:
        """The weights, where they are on a volume or in an image."""
        return {FOLDER: "the weights"} if self.weights.volume or self.weights.image else {}

    def more_images(self) -> Mapping[tuple[str, ...], str]:
        """That of the weights."""
        return {("weights", "image"): self.weights.image} if self.weights.image else {}

    def endpoint(self) -> Endpoint | None:
        """Its Service, where a route is asked for."""
        if self.route is None:
            return None
        return Endpoint(service=self.name, service_port=SERVICE_PORT, port=_PORT, route=self.route)

    def queued(self) -> Queued | None:
        """vLLM's own queue, where the number of pods is not fixed
        (https://docs.vllm.ai/en/stable/usage/metrics)."""
        if self.replicas.min == self.replicas.max:
            return None
        return Queued(
            replicas_min=self.replicas.min,
            replicas_max=self.replicas.max,
            per_pod={
                "vllm:num_requests_waiting": _WAITING_PER_POD,
                "vllm:num_requests_running": max(1, round(_RUNNING_SHARE * self.running_requests)),
            },
        )


class Llm(Workload):
    """A language model."""

    Spec = LlmSpec
    title = "Language model"
    component = "llm"
    loses_work = False
    handed_over: ClassVar[Mapping[str, tuple[str, ...]]] = {"Deployment": ("spec.replicas",)}

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """Deployment, Service, disruption budget; the Job that fetches the weights; an autoscaler of a fixed number."""
        spec = args.spec
        assert isinstance(spec, LlmSpec)
        server = _server(spec)
        preload = _preload(spec, server)
        pods = spec.replicas
        return [
            ("deployment", _deployment(spec, args, server, preload)),
            ("service", service(args)),
            ("disruption-budget", disruption_budget(spec.name, args.namespace_name, args.identity)),
            *([("preload", preload.job(args))] if preload else []),
            *([] if spec.queued() else [("autoscaler", autoscaler(args, pods.min, pods.max, 70))]),
        ]


def flags_of(spec: LlmSpec) -> tuple[str, ...]:
    """What vLLM is told: all of it stands in the list of its flags, see tests/data."""
    model = spec.preset
    tools = ("--enable-auto-tool-choice", f"--tool-call-parser={model.tool_parser}") if model.tool_parser else ()
    return (
        spec.weights.address,
        f"--served-model-name={spec.model}",
        f"--port={_PORT}",
        f"--tensor-parallel-size={spec.gpu.count}",
        f"--max-model-len={spec.context_tokens}",
        f"--max-num-seqs={spec.running_requests}",
        f"--gpu-memory-utilization={spec.memory_share:g}",
        f"--kv-cache-dtype={spec.cache_type}",
        # Otherwise it ends the answers under way with the first signal.
        f"--shutdown-timeout={spec.drain_seconds}",
        *spec.weights.flags(),
        *model.flags,
        *tools,
        *((f"--reasoning-parser={model.reasoning_parser}",) if model.reasoning_parser else ()),
    )


def _server(spec: LlmSpec) -> Container:
    environment = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CACHE_ROOT": "/tmp/vllm",
        **spec.env,
    }
    environment = {name: value for name, value in environment.items() if name not in spec.secret_env}
    command = spec.command or ("vllm", "serve")
    # Later flags win: `args` are for what has no key here.
    arguments = spec.args if spec.command else (*flags_of(spec), *spec.args)
    told = spec.model_copy(update={"env": environment, "command": command, "args": arguments})
    extra = served(_PORT, probes("/health", spec.startup_seconds, _PROBE_SECONDS), _HEARD_SECONDS)
    server = container(told, **extra)
    if spec.weights.image:
        return replace(server, image_mounts={FOLDER: spec.weights.image})
    if spec.weights.volume:
        return replace(server, volume_mounts={**server.volume_mounts, FOLDER: spec.weights.volume})
    return server


def _preload(spec: LlmSpec, server: Container) -> Preload | None:
    if spec.weights.preload is None:
        return None
    repository = spec.weights.preload.repository or spec.preset.repository
    return Preload(weights=spec.weights, repository=repository, server=server)


def _deployment(spec: LlmSpec, args: WorkloadArgs, server: Container, preload: Preload | None) -> Manifest:
    grace = _HEARD_SECONDS + spec.drain_seconds + _LEFT_SECONDS
    before = [preload.waiting()] if preload else []
    return deployment(
        args,
        pod_template(args, server, grace, before=before),
        strategy(spec.update == "addFirst", spec.replicas.max),
        replicas=spec.replicas.min,
        startup_seconds=spec.startup_seconds,
        is_awaited=False,
    )
