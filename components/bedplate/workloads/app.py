"""A page for people, written in Python: Streamlit, Gradio or Dash.

Owns Deployment, Service, PodDisruptionBudget, autoscaler, ServiceAccount and the Secret of `secretEnv`. What a
framework must be told to serve behind the front door stands in `FRAMEWORKS`; its program needs to know nothing of that.
It deliberately owns no login and no route: the front door asks who comes, and keeps each visitor at one pod, because
these frameworks hold a session in the memory of the pod that began it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bedplate.kubernetes import IdleSpec, Manifest, RouteSpec, disruption_budget
from bedplate.spec import Port, PositiveCount, Seconds, UrlPath, matching, mistake
from bedplate.workloads._base import Endpoint, Footprint, Sleeper, Workload, WorkloadArgs, WorkloadSpec, container
from bedplate.workloads._code import CODE_FOLDER, CodeSpec, fetching
from bedplate.workloads._serving import (
    SERVICE_PORT,
    autoscaler,
    deployment,
    pod_template,
    probes,
    served,
    service,
    strategy,
)

_DRAIN_SECONDS = 10
_PLACE = "0.0.0.0"


@dataclass(frozen=True, kw_only=True)
class Framework:
    """How a program of a framework is started. FILE and PORT in `command` and `environment` are the workload's.

    port: its own. health_path: answers 200 without a session. polling_paths: what its open pages ask for by themselves.
    """

    port: int
    health_path: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    polling_paths: Sequence[str] = ()


FRAMEWORKS: Mapping[str, Framework] = {
    # https://docs.streamlit.io/develop/api-reference/configuration/config.toml: headless asks for no address by mail.
    "streamlit": Framework(
        port=8501,
        health_path="/_stcore/health",
        command=(
            *("streamlit", "run", "FILE", f"--server.address={_PLACE}", "--server.port=PORT"),
            *("--server.headless=true", "--server.fileWatcherType=none", "--browser.gatherUsageStats=false"),
        ),
        polling_paths=("/_stcore/health$", "/_stcore/host-config$"),
    ),
    # https://www.gradio.app/guides/environment-variables
    "gradio": Framework(
        port=7860,
        health_path="/gradio_api/app_id",
        command=("python", "FILE"),
        environment={
            "GRADIO_SERVER_NAME": _PLACE,
            "GRADIO_SERVER_PORT": "PORT",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": "/tmp/gradio",
        },
        polling_paths=("/gradio_api/app_id$",),
    ),
    # https://dash.plotly.com/reference#app.run
    "dash": Framework(
        port=8050,
        health_path="/",
        command=("python", "FILE"),
        environment={"HOST": _PLACE, "PORT": "PORT", "DASH_DEBUG": "False"},
    ),
}


class AppSpec(WorkloadSpec):
    """A page for people, such as a Streamlit, Gradio or Dash program."""

    kind: Literal["app"] = "app"
    """The template."""
    framework: Literal["streamlit", "gradio", "dash"]
    """What the program is written with; it decides how it is started, its port and its probe."""
    file: Annotated[
        str,
        Field(max_length=200),
        matching(
            r"[A-Za-z0-9_-][A-Za-z0-9_./-]*\.py",
            "must be a Python file by its path in the working directory",
            "write it like `app.py` or `pages/start.py`",
        ),
        AfterValidator(lambda path: _inside(path)),
    ] = "app.py"
    """The program, in the code of `source`, or in the image's working directory."""
    source: CodeSpec | None = None
    """Commit of a git repository with the code; the image's own if absent."""
    port: Annotated[Port, Field(ge=1024)] | None = None
    """Port that the program listens on; the framework's if absent."""
    health_path: UrlPath | None = None
    """Path that answers 200 once the program serves; the framework's if absent."""
    startup_seconds: Annotated[Seconds, Field(le=3600)] = 120
    """Time that a pod may take until it serves; it is restarted after."""
    replicas: Annotated[PositiveCount, Field(le=100)] = 1
    """How many pods serve; each visitor stays at one of them."""
    route: RouteSpec | None = None
    """The way in from outside the cluster; without it there is none."""
    idle: IdleSpec | None = None
    """That all pods stop while nobody uses it, and the first request by its route starts them; without it they stay."""

    @field_validator("source")
    @classmethod
    def _with_its_token(cls, source: CodeSpec | None, info: ValidationInfo) -> CodeSpec | None:
        secrets = info.data.get("secret_env")
        if source and source.token_env and secrets is not None and source.token_env not in secrets:
            raise mistake(
                f"tokenEnv names {source.token_env}, which is no variable of secretEnv",
                f"add `{source.token_env}: <config secret>` to secretEnv, or remove tokenEnv for a public repository",
                allowed=", ".join(secrets),
            )
        return source

    @property
    def served_port(self) -> int:
        """Where the program listens."""
        return self.port or FRAMEWORKS[self.framework].port

    def more_images(self) -> Mapping[tuple[str, ...], str]:
        """What fetches the code."""
        return {("source", "image"): self.source.image} if self.source else {}

    def footprint(self) -> Footprint:
        """All pods, and the one more with which an update begins."""
        return self.footprint_of_pods(self.replicas, self.replicas + 1, of_updates=1)

    def endpoint(self) -> Endpoint | None:
        """Its Service, where a route is asked for."""
        if self.route is None:
            return None
        return Endpoint(
            service=self.name,
            service_port=SERVICE_PORT,
            port=self.served_port,
            route=self.route,
            polling_paths=FRAMEWORKS[self.framework].polling_paths,
        )

    def sleeper(self) -> Sleeper | None:
        """Its Deployment, where that is asked for."""
        if self.idle is None:
            return None
        return Sleeper(kind="Deployment", idle=self.idle, replicas_min=self.replicas, replicas_max=self.replicas)


def _inside(path: str) -> str:
    if ".." in path.split("/"):
        raise mistake("leads out of the code", "write a path without `..`")
    return path


class App(Workload):
    """A page for people."""

    Spec = AppSpec
    title = "App"
    component = "app"
    loses_work = False
    handed_over: ClassVar[Mapping[str, tuple[str, ...]]] = {"Deployment": ("spec.replicas",)}

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """Deployment, Service, disruption budget and, where the pods never all stop, an autoscaler that holds them."""
        spec = args.spec
        assert isinstance(spec, AppSpec)
        return [
            ("deployment", _deployment(spec, args)),
            ("service", service(args)),
            ("disruption-budget", disruption_budget(spec.name, args.namespace_name, args.identity)),
            *([] if spec.idle else [("autoscaler", autoscaler(args, spec.replicas, spec.replicas, 70))]),
        ]


def started(spec: AppSpec) -> AppSpec:
    """The spec with the framework's command and variables, where it says none itself: `args` are the program's own."""
    framework = FRAMEWORKS[spec.framework]
    given = {"FILE": spec.file, "PORT": str(spec.served_port)}

    def filled(text: str) -> str:
        name, equals, value = text.rpartition("=")
        return f"{name}{equals}{given.get(value, value)}"

    environment = {name: filled(value) for name, value in framework.environment.items()}
    environment = {name: value for name, value in environment.items() if name not in spec.secret_env}
    command = spec.command or tuple(filled(part) for part in framework.command)
    separator = ("--",) if spec.args and not spec.command and spec.framework == "streamlit" else ()
    return spec.model_copy(
        update={"command": command, "args": (*separator, *spec.args), "env": {**environment, **spec.env}}
    )


def _deployment(spec: AppSpec, args: WorkloadArgs) -> Manifest:
    health = spec.health_path or FRAMEWORKS[spec.framework].health_path
    extra = served(spec.served_port, probes(health, spec.startup_seconds))
    program = container(started(spec), **extra, **({"workingDir": CODE_FOLDER} if spec.source else {}))
    before = [fetching(spec.source, program)] if spec.source else []
    if spec.source and spec.source.token_env:
        shown = {name: one for name, one in program.secret_environment.items() if name != spec.source.token_env}
        program = replace(program, secret_environment=shown)
    template = pod_template(
        args,
        program,
        _DRAIN_SECONDS + 5,
        spec.source.annotations() if spec.source else None,
        before,
        # Process 1 of a container ignores a signal that it has no handler for, and Gradio has none for SIGTERM: each
        # stop would take the whole grace. Where the pod's processes are together, the program is not process 1
        # (https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/).
        shareProcessNamespace=True,
    )
    return deployment(
        args,
        template,
        strategy(adds_first=True, pods_most=spec.replicas),
        replicas=spec.replicas,
        startup_seconds=spec.startup_seconds,
        is_awaited=not (spec.gpu or spec.idle),
    )
