"""The result of a rehearsal as data, with the stable names that programs read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bedplate.rehearsal.explanation import RehearsalProblem


@dataclass
class PodCount:
    """Pods that should run, that got a node, and that became ready or finished."""

    expected: int = 0
    scheduled: int = 0
    ready: int = 0


@dataclass
class RolloutCount:
    """Workloads that got a changed image, and those of which the last pod of before was replaced."""

    workloads: int = 0
    complete: int = 0


@dataclass(frozen=True, kw_only=True)
class OperatorNotRun:
    """A chart that a rehearsal does not install, with the definitions of its kinds by where they came from.

    stand_ins: made up, admitting any object; real: as upstream has them; found: the cluster had them. provided:
    whether the stack leaves the operator to whoever owns the cluster. reason: why its operator did not run, where
    operators were asked for.
    """

    release: str
    chart: str
    version: str
    namespace: str
    stand_ins: int = 0
    real: int = 0
    found: int = 0
    provided: bool = False
    reason: str = ""

    def shown(self) -> Mapping[str, Any]:
        """The operator as `bedplate rehearse -o json` prints it."""
        return {
            "release": self.release,
            "chart": self.chart,
            "version": self.version,
            "namespace": self.namespace,
            "ran": False,
            "provided": self.provided,
            "reason": self.reason,
            "definitions": {"standIns": self.stand_ins, "real": self.real, "found": self.found},
        }


@dataclass(frozen=True, kw_only=True)
class OperatorRan:
    """An operator that ran beside the API server.

    program: by which it ran. seconds: until it was ready. work: what it did, for people; counts: the same by names that
    stay. without: what of it did not run.
    """

    name: str
    program: str
    seconds: float
    work: str
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    without: str = ""

    def shown(self) -> Mapping[str, Any]:
        """The operator as `bedplate rehearse -o json` prints it."""
        return {
            "name": self.name,
            "program": self.program,
            "seconds": round(self.seconds, 1),
            "work": self.work,
            "counts": dict(self.counts),
            "without": self.without,
        }


@dataclass
class RehearsalReport:
    """What was shown, and what fell short.

    applied: objects the API server accepted. definitions: of kinds, which the stack registers itself and the API server
    accepted. changed: objects that a second run of the same program altered. rollout:
    of changed images. unmeasured_autoscalers: those that the cluster serves no metrics for, so that they keep their
    least pods. removed, others_changed: objects that went with one tenant, and objects of others that changed with it.
    left: objects that teardown left behind; retained: disks it left because the stack says so. operators: charts that
    were not installed and whose operators did not run. ran: operators that did.
    only_simulated: what else of the platform would do something, and why it did not, by `namespace/name`. seconds: by
    step.
    """

    stack: str
    cluster_version: str
    cluster_source: str
    applied: int = 0
    definitions: int = 0
    pods: PodCount = field(default_factory=PodCount)
    changed: int = 0
    rollout: RolloutCount = field(default_factory=RolloutCount)
    autoscalers: int = 0
    unmeasured_autoscalers: int = 0
    removed_tenant: str = ""
    removed: int = 0
    others_changed: int = 0
    left: int = 0
    retained: Sequence[str] = ()
    operators: Sequence[OperatorNotRun] = ()
    ran: Sequence[OperatorRan] = ()
    only_simulated: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])

    @property
    def is_well(self) -> bool:
        """Whether nothing fell short."""
        return not self.problems

    def shown(self) -> Mapping[str, Any]:
        """The report as `bedplate rehearse -o json` prints it."""
        return {
            "ok": self.is_well,
            "stack": self.stack,
            "cluster": {"version": self.cluster_version, "source": self.cluster_source},
            "applied": self.applied,
            "definitions": self.definitions,
            "pods": asdict(self.pods),
            "secondRun": {"changed": self.changed},
            "rollout": asdict(self.rollout),
            "autoscalers": {"count": self.autoscalers, "unmeasured": self.unmeasured_autoscalers},
            "tenantRemoval": {
                "tenant": self.removed_tenant,
                "removed": self.removed,
                "othersChanged": self.others_changed,
            },
            "teardown": {"left": self.left, "retained": list(self.retained)},
            "operators": [operator.shown() for operator in self.operators],
            "operatorsRan": [operator.shown() for operator in self.ran],
            "onlySimulated": dict(self.only_simulated),
            "seconds": {step: round(seconds, 1) for step, seconds in self.seconds.items()},
            "problems": [asdict(problem) for problem in self.problems],
        }
