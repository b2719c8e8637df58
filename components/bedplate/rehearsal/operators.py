"""The operators of a rehearsal: which of them can run, their start in the place of what the stack would install, what
they did, and their end.

Owns their life together; one process is `running_operator`'s, and what is started says each concern in its
`operators.py`. They run beside the embedded cluster only: on a cluster of somebody's own, two of a kind would be at
odds.
"""

import contextlib
import importlib
import pkgutil
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import bedplate.services
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.objects import Object, ObjectKey, key_of
from bedplate.embedded_cluster.state import StateFolder, state_folder
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.errors import RehearsalError
from bedplate.rehearsal.applying import Starting, manifest_of
from bedplate.rehearsal.cluster_network import cluster_network
from bedplate.rehearsal.definitions import provided_by_others, releases_of
from bedplate.rehearsal.explanation import RehearsalProblem
from bedplate.rehearsal.nodes_seen import NodesWatch
from bedplate.rehearsal.operator_programs import Programs
from bedplate.rehearsal.report import OperatorRan
from bedplate.rehearsal.running_operator import RunningOperator, Setting, address_of
from bedplate.services.operator import GrowingPool, OperatorProgram, Shortfall, Sight, Work
from bedplate.wording import counted

API_SERVER = "kubernetes.default.svc:443"
"""As pods find it."""
_POLL_SECONDS = 0.25
_DELETION_SECONDS = 60.0


def all_operators() -> list[OperatorProgram]:
    """Those of every concern, in the order of their folders."""
    return [operator for module in _said() for operator in module.OPERATORS]


def not_run() -> Mapping[str, str]:
    """Why what else concerns install has no operator that could run, by the release or `namespace/name`, in which `*`
    stands for any text."""
    return {name: reason for module in _said() for name, reason in module.NOT_RUN.items()}


def only_simulated(keys: Iterable[ObjectKey]) -> Mapping[str, str]:
    """What of these does nothing in a rehearsal, and why, as `namespace/name`."""
    reasons = not_run()
    names = {f"{key.namespace}/{key.name}" for key in keys if key.kind in ("Deployment", "StatefulSet", "DaemonSet")}
    return {name: reason for name in sorted(names) for said, reason in reasons.items() if fnmatch(name, said)}


def _said() -> list[Any]:
    """What the concerns say of their operators."""
    folders = sorted(module.name for module in pkgutil.iter_modules(bedplate.services.__path__) if module.ispkg)
    return [importlib.import_module(f"bedplate.services.{name}.operators") for name in folders]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an operator starts: the resource in whose place, and what its chart is told."""

    operator: OperatorProgram
    urn: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    namespace: str = ""


def places_in(recording: Recording, operators: Sequence[OperatorProgram] | None = None) -> list[Place]:
    """Where the operators of a stack start; those of all concerns, unless others are given."""
    places = list[Place]()
    for operator in all_operators() if operators is None else operators:
        if operator.release:
            places += _of_release(operator, recording)
        elif operator.deployment:
            places += [
                Place(operator=operator, urn=resource.urn, namespace=operator.deployment.partition("/")[0])
                for resource in recording.resources
                if _is_deployment(resource, operator.deployment)
            ]
        elif operator.brings_nodes:
            places.append(Place(operator=operator))
    return places


def brings_nodes(programs: Programs) -> bool:
    """Whether one of them can run that brings nodes."""
    return any(operator.brings_nodes and operator.name in programs.paths for operator in all_operators())


@dataclass
class Operators:
    """The operators of one rehearsal. patience_seconds: how long nothing may come of their work before that is taken
    for its end."""

    api: ApiServer
    access: ClusterAccess
    programs: Programs
    pools: Sequence[GrowingPool]
    progress: Callable[[str], None]
    patience_seconds: float = 45.0
    operators: Sequence[OperatorProgram] = field(default_factory=all_operators)
    absent: dict[str, str] = field(init=False, default_factory=dict[str, str])
    """Why an operator of the stack did not run, by its name."""
    _running: list[RunningOperator] = field(init=False, default_factory=list[RunningOperator])
    _nodes: NodesWatch = field(init=False)
    _services: dict[str, str] = field(init=False, default_factory=dict[str, str])
    _hosts: dict[str, str] = field(init=False, default_factory=dict[str, str])
    _works: dict[str, Work] = field(init=False, default_factory=dict[str, Work])
    _dead: set[str] = field(init=False, default_factory=set[str])

    @contextlib.contextmanager
    def living(self, recording: Recording) -> Generator[Mapping[str, Starting]]:
        """Their life, for a stack. Yields what starts in the place of which resource; what starts first has started.

        Raises RehearsalError where that fails. After the block they are gone, and so is what came with them.
        """
        with contextlib.ExitStack() as life:
            folder = life.enter_context(state_folder())
            self._services[API_SERVER] = address_of(self.access)
            setting = Setting(
                api=self.api,
                access=self.access,
                objects=[manifest_of(resource) for resource in recording.resources if resource.is_kubernetes_object],
                folder=folder.path,
                network=life.enter_context(cluster_network(self._services, self._hosts)),
                pools=self.pools,
            )
            self._nodes = life.enter_context(NodesWatch(self.api).watching())
            life.callback(self._stop, folder)
            places = [place for place in places_in(recording, self.operators) if place.urn or self.pools]
            for place in places:
                if not place.urn and (problems := self._start(place, setting)):
                    raise RehearsalError(problems[0].reason, problems[0].fix)
            urns = {place.urn for place in places if place.urn}
            yield {urn: self._starting([place for place in places if place.urn == urn], setting) for urn in urns}

    @property
    def first_definitions(self) -> list[Path]:
        """Folders of what starts first, all of whose kinds must be there, whatever the stack has of them."""
        first = [operator.name for operator in self.operators if operator.brings_nodes]
        there = self.programs.definitions
        return [there[name] for name in first if name in there] if self.pools else []

    def why_not(self, release: str) -> str:
        """Why nothing ran in the place of a release; '' where something did."""
        of_release = [operator.name for operator in self.operators if operator.release == release]
        if of_release:
            died = dict.fromkeys(self._dead, "it ended by itself")
            return next((reason for name in of_release if (reason := {**died, **self.absent}.get(name))), "")
        return not_run().get(release, "no program: its concern names none")

    def examine(self) -> list[RehearsalProblem]:
        """What they have not done, when nothing comes of it any more; and which of them run no more."""
        return self._wait_for([one for one in self._running if not one.operator.brings_nodes])

    def settle(self) -> list[RehearsalProblem]:
        """What those that bring nodes have left to do once the jobs are over."""
        return self._wait_for([one for one in self._running if one.operator.brings_nodes])

    def _wait_for(self, those: Sequence[RunningOperator]) -> list[RehearsalProblem]:
        started, last = time.monotonic(), list[Shortfall]()
        while missing := self._missing([one for one in those if one.failure() is None]):
            if len(missing) != len(last):
                last, started = missing, time.monotonic()
                left = counted(len(missing), "thing")
                self.progress(f"waiting for operators: {left} to come or go, such as {missing[0].object}")
            if time.monotonic() - started > self.patience_seconds:
                break
            time.sleep(_POLL_SECONDS)
        problems = [RehearsalProblem(object=one.object, reason=one.reason, fix=one.fix) for one in missing]
        return [*self.deaths(), *problems]

    def deaths(self) -> list[RehearsalProblem]:
        """Those that ended by themselves and were not told of before, with the end of their logs."""
        failures = [(one.operator.name, one.failure()) for one in self._running if one.operator.name not in self._dead]
        self._dead |= {name for name, failure in failures if failure is not None}
        return [_problem(name, failure) for name, failure in failures if failure is not None]

    def ran(self) -> list[OperatorRan]:
        """What they did: those that ran when it was looked at."""
        return [
            OperatorRan(
                name=one.operator.name,
                program=one.operator.program,
                seconds=one.seconds,
                work=self._works[one.operator.name].text,
                counts=dict(self._works[one.operator.name].counts),
                without=one.operator.without,
            )
            for one in self._running
            if one.operator.name in self._works and one.operator.name not in self._dead
        ]

    def remove_objects(self) -> list[Object]:
        """Deletes what came with them, while they still run; returns what is there after a minute."""
        made = [body for one in self._running[::-1] for body in one.remove_objects()]
        deadline = time.monotonic() + _DELETION_SECONDS
        while (made := [body for body in made if self.api.get(body)]) or self._nodes.now:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        return made

    def _missing(self, those: Sequence[RunningOperator]) -> list[Shortfall]:
        works = {one.operator.name: self._work_of(one) for one in those}
        self._works.update(works)
        return [shortfall for work in works.values() for shortfall in work.missing]

    def _work_of(self, one: RunningOperator) -> Work:
        log = one.log.read_text(encoding="utf-8", errors="replace") if one.log.exists() else ""
        sight = Sight(cluster=self.api, surroundings=one.surroundings, log=log, nodes=self._nodes.seen)
        return one.operator.work(sight)

    def _starting(self, places: Sequence[Place], setting: Setting) -> Starting:
        """Of all that start in the place of one resource."""
        return lambda: [problem for place in places for problem in self._start(place, setting)]

    def _start(self, place: Place, setting: Setting) -> list[RehearsalProblem]:
        operator = place.operator
        program = self.programs.paths.get(operator.name)
        if program is None:
            self.absent[operator.name] = self.programs.reasons[operator.name]
            return []
        one = RunningOperator(operator, program, setting, place.values, place.namespace)
        if reason := operator.absent(one.surroundings):
            self.absent[operator.name] = reason
            return []
        self._running.append(one)
        try:
            one.start()
        except RehearsalError as error:
            self._dead.add(operator.name)
            return [_problem(operator.name, error)]
        except ApiError as error:
            self._dead.add(operator.name)
            fix = "see what refuses it: its objects come with its concern's operators.py"
            return [RehearsalProblem(object=operator.name, reason=f"did not start: {error}", fix=fix)]
        self._hosts.update(operator.passes_on(one.surroundings))
        if operator.service:
            self._services[operator.service] = f"127.0.0.1:{one.surroundings.ports['http']}"
        self.progress(f"{operator.name} runs after {one.seconds:.1f} s")
        return []

    def _stop(self, folder: StateFolder) -> None:
        for one in self._running[::-1]:
            one.stop()
        if self._dead:
            for one in self._running:
                if one.operator.name in self._dead and one.log.exists():
                    one.log.replace(folder.logs / f"{one.operator.name}.log")
            self.progress(f"the logs of operators that ended are kept in {folder.keep_logs()}")


def _of_release(operator: OperatorProgram, recording: Recording) -> list[Place]:
    """Also one that somebody else provides: it starts in the place of its component."""
    ours = [
        Place(
            operator=operator,
            urn=resource.urn,
            values=resource.inputs.get("values", {}),
            namespace=resource.inputs["namespace"],
        )
        for resource, _ in releases_of(recording)
        if resource.inputs["name"] == operator.release
    ]
    provided = {provided["chart"]: provided["namespace"] for provided, _ in provided_by_others(recording)}
    if operator.release in provided:
        urns = [urn for urn, outputs in recording.component_outputs.items() if _provides(outputs, operator.release)]
        ours += [Place(operator=operator, urn=urn, namespace=provided[operator.release]) for urn in urns]
    return ours


def _provides(outputs: Mapping[str, Any], chart: str) -> bool:
    return outputs.get("provided", {}).get("chart") == chart


def _is_deployment(resource: Resource, name: str) -> bool:
    if not resource.is_kubernetes_object or resource.inputs["kind"] != "Deployment":
        return False
    key = key_of(resource.inputs)
    return f"{key.namespace}/{key.name}" == name


def _problem(name: str, error: RehearsalError) -> RehearsalProblem:
    return RehearsalProblem(object=name, reason=error.message, fix=error.fix)
