"""The embedded engine: runs the real program inside this process, in place of the Pulumi engine.

It serves previews, rehearsals, tests and benchmarks. It is no deployment tool: it keeps no state and calls no cloud;
production is `pulumi up`. It owns the program's event loop and uses one thread, so that nothing depends on how threads
take turns (https://github.com/pulumi/pulumi/issues/7663); resources come after what they depend on.
"""

import asyncio
import contextvars
import json
import os
import runpy
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import mocks, rpc_manager, set_all_config, settings
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.stack import run_in_stack

from bedplate.engine.aliases import former_urns
from bedplate.engine.options import recorded_options, refusal
from bedplate.engine.outputs import synthesised_answer, synthesised_outputs
from bedplate.engine.resources import STACK_TYPE, Resource, inputs_of, urn_of
from bedplate.engine.unused_parts import without_stack_traces
from bedplate.errors import RehearsalError

_ASK_NOBODY = "take the value from the stack file or from a resource that the program makes"
_CHANGE_THEM = "write it where the resources are made"

_Result = TypeVar("_Result")


class Backend(Protocol):
    """What becomes of a resource once the program has registered it."""

    def create(self, resource: Resource) -> None:
        """Called for each custom resource, after all that it depends on."""


class RecordingBackend:
    """Keeps resources in the recording and does nothing with them."""

    def create(self, resource: Resource) -> None:
        """Nothing: the recording has it."""


@dataclass
class Recording:
    """What a run of the program registered, in order."""

    resources: list[Resource] = field(default_factory=list[Resource])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the stack exports."""
    component_outputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What each component registered as its outputs, by URN."""
    warnings: list[str] = field(default_factory=list[str])

    def by_urn(self) -> dict[str, Resource]:
        """The resources by URN."""
        return {resource.urn: resource for resource in self.resources}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program and what the engine tells it. config: plain values by full key; secrets: config secrets by full
    key, for which the program gets placeholders."""

    root: Path
    folder: Path
    project: str
    stack: str
    config: Mapping[str, Any]
    secrets: frozenset[str] = frozenset()


Outputs = Callable[[Resource], tuple[str, Mapping[str, Any]]]
"""From a resource to its id and what its provider computes; what is missing is unknown to a preview."""


def run(program: Program, backend: Backend, *, is_preview: bool, outputs: Outputs = synthesised_outputs) -> Recording:
    """Runs the program and returns what it registered.

    Raises RehearsalError with the program's own message where it refuses its configuration, or with the error that
    stopped it.
    """
    return contextvars.copy_context().run(_run, program, backend, is_preview, outputs)


def _run(program: Program, backend: Backend, is_preview: bool, outputs: Outputs) -> Recording:
    recording = Recording()
    loop, executor = asyncio.new_event_loop(), _InlineExecutor()
    loop.set_default_executor(executor)
    asyncio.set_event_loop(loop)
    here = Path.cwd()
    try:
        _configure(program, _Monitor(program, backend, recording, outputs), recording, is_preview)
        os.chdir(program.folder)
        with without_stack_traces():
            loop.run_until_complete(run_in_stack(partial(_run_program, program.folder)))
    except pulumi.RunError as error:
        raise RehearsalError(str(error), "correct the stack file") from None
    finally:
        os.chdir(here)
        _abandon(loop)
        asyncio.set_event_loop(None)
        loop.close()
    return recording


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what an error or an interruption left going, so that nothing is registered any more."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


async def _run_program(folder: Path) -> None:
    """Runs the program as Pulumi's language host does, and waits for all that it set going.

    The SDK waits as well, but for the first of all tasks at a time, which takes time with the square of their number.
    """
    runpy.run_path(str(folder), run_name="__main__")
    tasks: set[asyncio.Task[Any]] = cast(Any, settings.SETTINGS).outputs
    while pending := [task for task in tasks if not task.done()]:
        await asyncio.wait(pending)


def _configure(program: Program, monitor: "_Monitor", recording: Recording, is_preview: bool) -> None:
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in program.config.items()}
    secrets = {key: f"placeholder for the config secret {key.partition(':')[2]}" for key in program.secrets}
    set_all_config({**values, **secrets}, list(secrets))
    settings.set_root_resource(None)  # pyright: ignore[reportArgumentType] - None is what a new program finds
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            engine=_EngineLog(recording),
            project=program.project,
            stack=program.stack,
            root_directory=str(program.root),
            organization="organization",
            dry_run=is_preview,
            parallel=1,
            legacy_apply_enabled=False,
            rpc_manager=rpc_manager.RPCManager(),
            outputs=set(),
            lock=threading.Lock(),
            monitor_features=set(),
            package_refs={},
            base_providers_by_ref={},
            callbacks=None,
        )
    )


class _InlineExecutor(ThreadPoolExecutor):
    """Runs a call where it stands, instead of in a thread."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> "Future[_Result]":
        future: Future[_Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _EngineLog:
    """The engine's log service; keeps warnings and errors."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802 - name of the RPC
        if request.severity in (engine_pb2.WARNING, engine_pb2.ERROR):
            self._recording.warnings.append(request.message)
        return empty_pb2.Empty()


class _Monitor(mocks.MockMonitor):
    """The resource monitor: turns registrations into `Resource`s and hands them to the backend.

    What it does not implement (transforms, remote components, hooks, reading what exists) it refuses.
    """

    def __init__(self, program: Program, backend: Backend, recording: Recording, outputs: Outputs) -> None:
        super().__init__(mocks=None)  # pyright: ignore[reportArgumentType] - only this class's methods are called
        self._program, self._backend, self._recording, self._outputs = program, backend, recording, outputs
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._makers: dict[tuple[str, ...], str] = {}

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        if request.remote:
            raise RehearsalError(
                f"'{request.name}' ({request.type}) is built by a plugin, which the embedded engine does not run",
                "use resources that the program itself registers",
            )
        urn = urn_of(self._program.stack, self._program.project, request.parent, request.type, request.name)
        if urn in self._aliases:
            raise RehearsalError(f"two resources have the URN {urn}", "give one of them another name")
        self._aliases[urn] = former_urns(
            self._program.stack, self._program.project, request, self._aliases.get(request.parent, ())
        )
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            provider=request.provider.rpartition("::")[0],
            dependencies=tuple(sorted(request.dependencies)),
            aliases=self._aliases[urn],
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            ignore_changes=tuple(request.ignoreChanges),
            options=recorded_options(request),
            inputs=inputs_of(request.object),
        )
        self._refuse_second(resource)
        self._recording.resources.append(resource)
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)
        identifier = ""
        if request.custom:
            self._backend.create(resource)
            identifier, computed = self._outputs(resource.as_first_made())
            outputs.update(computed)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=outputs)

    def _refuse_second(self, resource: Resource) -> None:
        """Of two resources with one object the last writer would win, whosever the object is."""
        named = resource.object_named
        if named is None:
            return
        first = self._makers.setdefault(named, resource.urn)
        if first != resource.urn:
            *_, kind, namespace, name = named
            place = f"{namespace}/{name}" if namespace else name
            raise RehearsalError(
                f"two resources are the {kind} {place}: {first} and {resource.urn}", "give one of them another name"
            )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        outputs = inputs_of(request.outputs)
        if request.urn.split("::")[2] == STACK_TYPE:
            self._recording.outputs = outputs
        elif request.urn in self._recording.component_outputs:
            raise RehearsalError(f"{request.urn} registered its outputs twice", "call register_outputs once, last")
        else:
            self._recording.component_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        answer = struct_pb2.Struct()
        answer.update(synthesised_answer(request.tok, inputs_of(request.args)))
        fields: dict[str, Any] = {"return": answer}  # a word of Python
        return resource_pb2.ResourceInvokeResponse(**fields)

    def Call(self, request: Any) -> Any:  # noqa: N802
        raise refusal(f"the program calls the method {request.tok} of a resource", _ASK_NOBODY)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        raise refusal(f"the program reads '{request.name}' ({request.type}) from its provider", _ASK_NOBODY)

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        raise refusal("the program registers a transform of all its resources", _CHANGE_THEM)

    def RegisterStackInvokeTransform(self, request: Any) -> Any:  # noqa: N802
        raise refusal("the program registers a transform of all its calls of functions", _CHANGE_THEM)

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802
        raise refusal(f"the program uses the parameterized package {request.name}", _CHANGE_THEM)
