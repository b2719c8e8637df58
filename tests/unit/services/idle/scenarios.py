"""What happens to a workspace, as the series that Prometheus would read and the answers that the rules must give.

Times are in minutes from the beginning; a sample stands for every fifteen seconds. Every workspace of a scenario runs
from the beginning and is idle after 30 minutes, unless it says something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STEP_SECONDS = 15
A_MINUTE = 60 // STEP_SECONDS
NAMESPACE = "vision"
ROUTERS = {
    "safe": "bedplate-front-door_{route}_0@kubernetescrd",
    "legacy": "bedplate-front-door-{route}-0123456789abcdef0123@kubernetescrd",
}


def steady(value: float, minutes: float) -> str:
    return f"{value}x{round(minutes * A_MINUTE) - 1}"


def growing(per_second: float, minutes: float, start: float = 0) -> str:
    return f"{start}+{per_second * STEP_SECONDS}x{round(minutes * A_MINUTE) - 1}"


def missing(minutes: float) -> str:
    return f"_x{round(minutes * A_MINUTE)}"


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{written}}}", "values": values}


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """cpu_cores, bytes_per_second, gpu_percent: values over time of what its pod uses; None where nobody tells.
    requests: of its router's counter. replicas: as kube-state-metrics tells. recorded: what the rules themselves had
    recorded of it, by their series: what a Prometheus finds that was down."""

    name: str = "alice"
    idle_after: int = 30
    known: str | None = None
    kind: str = "statefulset"
    replicas: str = steady(1, 600)
    cpu_cores: str | None = growing(0.02, 600)
    bytes_per_second: str | None = growing(100, 600)
    sent_bytes_per_second: str | None = None
    gpus: int = 0
    gpu_percent: str | None = None
    requests: str | None = None
    router: str = ROUTERS["safe"]
    protocol: str = "http"
    code: str = "200"
    kept_until: str | None = None
    started_at: str | None = None
    stopped: str | None = None
    tells: Mapping[str, str] = field(default_factory=dict[str, str])
    recorded: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def labels(self) -> dict[str, str]:
        return {"namespace": NAMESPACE, "workspace": self.name}

    def all_series(self) -> list[dict[str, str]]:
        route = f"{self.name}-{NAMESPACE}"
        pod = {"namespace": NAMESPACE, "pod": f"{self.name}-0"}
        of_person = {**self.labels, "route": route, "tenant": NAMESPACE, "owner": f"{self.name}@example.com"}
        of_gpu = {**of_person, "accelerator": ACCELERATOR}
        interface = {"interface": "eth0"}
        found = [
            series("bedplate_workspace_idle_after_minutes", self.known or steady(self.idle_after, 600), **of_person),
            series(REPLICAS[self.kind], self.replicas, **{"namespace": NAMESPACE, self.kind: self.name}),
            series("kube_pod_status_phase", steady(1, 600), **pod, phase="Running"),
            series("kube_pod_labels", steady(1, 600), **pod, label_bedplate_dev_workload=self.name),
            series("kube_pod_container_resource_requests", steady(1, 600), **pod, container="main", resource="cpu"),
            *(series(name, values, **pod) for name, values in self.tells.items()),
            *(series(name, values, **self.labels) for name, values in self.recorded.items()),
        ]
        counted = {"router": self.router.format(route=route), "protocol": self.protocol, "code": self.code}
        told = [
            ("container_cpu_usage_seconds_total", self.cpu_cores, {**pod, "container": "main"}),
            ("container_network_receive_bytes_total", self.bytes_per_second, {**pod, **interface}),
            (
                "container_network_transmit_bytes_total",
                self.sent_bytes_per_second or self.bytes_per_second,
                {**pod, **interface},
            ),
            ("DCGM_FI_DEV_GPU_UTIL", self.gpu_percent, {**pod, "gpu": "0"}),
            ("bedplate_workspace_gpus", steady(self.gpus, 600) if self.gpus else None, of_gpu),
            ("bedplate_workspace_keep_until_seconds", self.kept_until, of_person),
            ("bedplate_workspace_start_at_seconds", self.started_at, of_person),
            ("bedplate_workspace_paused_replicas", self.stopped, of_person),
            ("traefik_router_requests_total", self.requests, {"job": "traefik", "instance": "t", **counted}),
        ]
        return found + [series(name, values, **labels) for name, values, labels in told if values is not None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """at: by minute, each answer that is expected of `bedplate:workspace_wanted`, by workspace; None for no sample.
    signals: by minute, the reasons that are given of the first workspace. alerts: by minute and name, whom of.
    besides: other series.
    evaluated_from: the minute in which the rules are evaluated for the first time, with what had been recorded before;
    from the beginning if none."""

    name: str
    workspaces: Sequence[Workspace] = (Workspace(),)
    at: Mapping[float, Mapping[str, float | None]]
    signals: Mapping[float, Sequence[str]] = field(default_factory=dict[float, Sequence[str]])
    alerts: Mapping[float, Mapping[str, Sequence[str]]] = field(
        default_factory=dict[float, Mapping[str, Sequence[str]]]
    )
    stopped_gpus: Mapping[float, float] = field(default_factory=dict[float, float])
    saved_hourly: Mapping[float, float] = field(default_factory=dict[float, float])
    traefik_up: str = steady(1, 600)
    traefik_start: str = steady(-3600, 600)
    front_door_recorded: str | None = None
    evaluated_from: float = 0
    keda: str = steady(2, 600)
    besides: Sequence[Mapping[str, str]] = ()

    def test(self) -> dict[str, Any]:
        """As promtool has it."""
        traefik = {"job": "traefik", "instance": "t"}
        read = [
            series("up", self.traefik_up, **traefik),
            series("process_start_time_seconds", self.traefik_start, **traefik),
            series("kube_deployment_status_replicas_available", self.keda, **KEDA),
            series("bedplate:gpu_price_hourly", steady(1.75, 600), accelerator=ACCELERATOR),
            *([series("bedplate:front_door_read", self.front_door_recorded)] if self.front_door_recorded else []),
        ]
        return {
            "name": self.name,
            "interval": f"{STEP_SECONDS}s",
            "input_series": read
            + [*self.besides]
            + [one for workspace in self.workspaces for one in workspace.all_series()],
            "promql_expr_test": [*self._answers(), *self._reasons(), *self._alerts(), *self._savings()],
        }

    def _answers(self) -> list[dict[str, Any]]:
        return [
            {
                "expr": f'last_over_time(bedplate:workspace_wanted{{namespace="{NAMESPACE}",workspace="{name}"}}[45s])',
                "eval_time": f"{round(minute * 60)}s",
                "exp_samples": []
                if value is None
                else [
                    {
                        "labels": f'bedplate:workspace_wanted{{namespace="{NAMESPACE}",workspace="{name}"}}',
                        "value": value,
                    }
                ],
            }
            for minute, answers in self.at.items()
            for name, value in answers.items()
        ]

    def _reasons(self) -> list[dict[str, Any]]:
        first = self.workspaces[0].name
        return [
            {
                "expr": f'bedplate:workspace_signal{{workspace="{first}"}}',
                "eval_time": f"{round(minute * 60)}s",
                "exp_samples": [
                    {
                        "labels": f'bedplate:workspace_signal{{namespace="{NAMESPACE}",workspace="{first}",'
                        f'signal="{signal}"}}',
                        "value": 1,
                    }
                    for signal in signals
                ],
            }
            for minute, signals in self.signals.items()
        ]

    def _alerts(self) -> list[dict[str, Any]]:
        return [
            {
                "expr": f'group by (alertname, workspace) (ALERTS{{alertname="{name}", alertstate="firing"}})',
                "eval_time": f"{round(minute * 60)}s",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"' + (f',workspace="{one}"' if one else "") + "}", "value": 1}
                    for one in whose
                ],
            }
            for minute, alerts in self.alerts.items()
            for name, whose in alerts.items()
        ]

    def _savings(self) -> list[dict[str, Any]]:
        asked = {
            "sum(bedplate:workspace_stopped_gpus)": self.stopped_gpus,
            'bedplate:saved_gpus{owner="alice@example.com"}': self.stopped_gpus,
            'bedplate:saved_cost_hourly{owner="alice@example.com"}': self.saved_hourly,
        }
        return [
            {
                "expr": f"sum({expression})",
                "eval_time": f"{round(minute * 60)}s",
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            for expression, values in asked.items()
            for minute, value in values.items()
        ]


ACCELERATOR = "nvidia-a100-80gb"
UP, DOWN, UNKNOWN = {"alice": 1.0}, {"alice": 0.0}, {"alice": None}
SOON, BLIND, UNDECIDED = "BedplateWorkspaceStopsSoon", "BedplateIdleBlind", "BedplateIdleNotDeciding"
WITHOUT_END = "BedplateGpuWithoutEnd"
UNHEEDED, KEDA_DOWN = "BedplateIdleNotFollowed", "BedplateKedaDown"
KEDA = {"namespace": "bedplate-idle", "deployment": "keda-operator"}
REPLICAS = {"statefulset": "kube_statefulset_replicas", "deployment": "kube_deployment_spec_replicas"}
IDLE_GPU = f"{steady(97, 60)} {steady(0, 540)}"
BACK_AT = 31.5
"""The minute in which a Prometheus is back that went down in minute 29."""
RECORDED = {
    **dict.fromkeys(("bedplate:workspace_replicas", "bedplate:workspace_measured"), steady(1, 29)),
    **dict.fromkeys(("bedplate:workspace_cpu_percent", "bedplate:workspace_gpu_percent"), steady(0, 29)),
    "bedplate:workspace_network_bytes_per_second": steady(200, 29),
    "bedplate:workspace_last_active_seconds": steady(0, 29),
    "bedplate:workspace_active": steady(0, 29),
    "bedplate:workspace_limit_seconds": steady(1800, 29),
    "bedplate:workspace_idle_seconds": growing(1, 29),
    "bedplate:workspace_stops_in_seconds": f"1800-{STEP_SECONDS}x{29 * A_MINUTE - 1}",
    "bedplate:workspace_wanted": steady(1, 29),
}
"""What the rules had recorded until then of one that nobody had used from the beginning."""
STOPPED = {
    **dict.fromkeys(("bedplate:workspace_replicas", "bedplate:workspace_active"), steady(0, 29)),
    "bedplate:workspace_wanted": steady(0, 29),
}


def interrupted(value: float, then: float) -> str:
    """A gauge that is not read while Prometheus is down."""
    return f"{steady(value, 29)} {missing(BACK_AT - 29)} {steady(then, 500)}"


def counting(per_second: float) -> str:
    """The same of a counter."""
    before, after = growing(per_second, 29), growing(per_second, 500, start=per_second * BACK_AT * 60)
    return f"{before} {missing(BACK_AT - 29)} {after}"


def after_outage(**changed: Any) -> Workspace:
    """One that nobody uses, of which Prometheus reads all as before when it is back."""
    read = {
        "replicas": interrupted(1, 1),
        "cpu_cores": counting(0.02),
        "bytes_per_second": counting(100),
        "recorded": RECORDED,
    }
    return Workspace(**{**read, **changed})


def holding(pod: str, kind: str, owner: str, namespace: str = NAMESPACE, resource: str = "nvidia_com_gpu") -> list[Any]:
    """What is told of a pod of two containers, one of which asks for two of something."""
    whose = {"namespace": namespace, "pod": pod}
    return [
        series("kube_pod_owner", steady(1, 60), **whose, owner_kind=kind, owner_name=owner),
        series("kube_pod_container_resource_requests", steady(2, 60), **whose, container="main", resource=resource),
        series("kube_pod_container_resource_requests", steady(1, 60), **whose, container="other", resource="cpu"),
    ]


def scaled(name: str) -> dict[str, str]:
    """An autoscaler of a Deployment."""
    labels = {"namespace": NAMESPACE, "horizontalpodautoscaler": f"hpa-{name}", "scaletargetref_name": name}
    return series("kube_horizontalpodautoscaler_info", steady(1, 60), **labels)


SCENARIOS = (
    Scenario(
        name="GPUs that nothing stops are told, whatever holds them",
        workspaces=[Workspace(gpus=4, gpu_percent=steady(50, 60))],
        besides=[
            series("kube_namespace_labels", steady(1, 60), namespace=NAMESPACE, label_bedplate_dev_tenant="vision"),
            series("kube_namespace_labels", steady(1, 60), namespace="bedplate-gpu"),
            *holding("alice-0", "StatefulSet", "alice"),
            *holding("kept-0", "StatefulSet", "kept"),
            *holding("by-hand-5d9f-x2", "ReplicaSet", "by-hand-5d9f"),
            *holding("by-hand-5d9f-x3", "ReplicaSet", "by-hand-5d9f"),
            *holding("ranker-77c4-x2", "ReplicaSet", "ranker-77c4"),
            *holding("nightly-x2", "Job", "nightly"),
            *holding("web-0", "StatefulSet", "web", resource="memory"),
            *holding("plugin-x2", "DaemonSet", "plugin", "bedplate-gpu"),
            scaled("ranker"),
        ],
        at={},
        alerts={14: {WITHOUT_END: []}, 16: {WITHOUT_END: ["kept", "by-hand"]}},
    ),
    Scenario(
        name="IDLE-1: four idle A100s overnight stop",
        workspaces=[
            Workspace(gpus=4, gpu_percent=IDLE_GPU),
            Workspace(name="bob", gpus=1, gpu_percent=steady(80, 600)),
        ],
        at={59: {**UP, "bob": 1}, 89.5: {**UP, "bob": 1}, 93: {**DOWN, "bob": 1}, 100: {**DOWN, "bob": 1}},
        signals={59: ["gpu"], 70: []},
        alerts={
            74: {SOON: []},
            76: {SOON: ["alice"], UNHEEDED: []},
            89: {SOON: ["alice"], BLIND: [], UNDECIDED: []},
            93: {SOON: [], UNHEEDED: []},
            97: {UNHEEDED: ["alice"]},
        },
    ),
    Scenario(
        name="IDLE-2 and 3: below 5 percent of CPU and no traffic for 30 minutes",
        workspaces=[
            Workspace(cpu_cores=f"{growing(0.06, 60)} {growing(0.04, 540, start=216)}"),
            Workspace(name="bob", cpu_cores=growing(0.06, 600)),
        ],
        at={59: UP, 88: {**UP, "bob": 1}, 92: {**DOWN, "bob": 1}},
        signals={59: ["cpu"], 70: []},
    ),
    Scenario(
        name="IDLE-6: training keeps a GPU busy at 2 percent of CPU",
        workspaces=[Workspace(gpus=1, gpu_percent=steady(98, 600))],
        at={10: UP, 120: UP},
        signals={120: ["gpu"]},
    ),
    Scenario(
        name="IDLE-7: a reader with an open tab lives for the idle time and then stops",
        workspaces=[Workspace(requests=f"{steady(1, 20)} {growing(0.1, 10, start=1)} {steady(61, 570)}")],
        at={29: UP, 59.5: UP, 62: DOWN},
        signals={29: ["requests"], 40: []},
    ),
    Scenario(
        name="IDLE-8: a long download lives",
        workspaces=[Workspace(bytes_per_second=f"{growing(5e6, 120)} {growing(10, 480, start=3.6e10)}")],
        at={30: UP, 119: UP, 149.5: UP, 152.5: DOWN},
        signals={60: ["network"]},
    ),
    Scenario(
        name="IDLE-9: an open SSH session and busy kernels count, and a hidden tab that polls does not",
        workspaces=[
            Workspace(
                requests=growing(1, 600),
                router="bedplate-front-door_{route}.polling_0@kubernetescrd",
                tells={"bedplate_workspace_ssh_sessions": f"{steady(1, 60)} {steady(0, 540)}"},
            ),
            Workspace(name="bob", tells={"bedplate_workspace_busy_kernels": steady(2, 600)}),
            Workspace(
                name="carol",
                requests=growing(1, 600),
                router="bedplate-front-door-{route}-polling-0123456789abcdef0123@kubernetescrd",
            ),
            Workspace(name="dave", requests=growing(1, 600), protocol="websocket"),
        ],
        at={
            59: {**UP, "carol": 0, "dave": 0},
            89.5: {**UP, "bob": 1},
            93: {**DOWN, "bob": 1, "carol": 0, "dave": 0},
        },
        signals={59: ["ssh"]},
    ),
    Scenario(
        name="sessions by SSH that nobody counts any more keep who is reached by SSH, and nobody else",
        workspaces=[
            Workspace(tells={"bedplate_workspace_ssh_sessions": f"{steady(0, 20)} {missing(580)}"}),
            Workspace(name="bob", tells={"bedplate_workspace_ssh_sessions": steady(0, 600)}),
            Workspace(name="carol"),
        ],
        at={29: UP, 35: {**UP, "bob": 0, "carol": 0}, 120: {**UP, "bob": 0, "carol": 0}},
        signals={35: ["unmeasured"]},
    ),
    Scenario(
        name="missing DCGM keeps a running GPU workspace, and stops nobody else being stopped",
        workspaces=[Workspace(gpus=1), Workspace(name="bob"), Workspace(name="carol", gpus=1, replicas=steady(0, 600))],
        at={5: {**UP, "carol": 0}, 60: {**UP, "bob": 0, "carol": 0}, 90: {**UP, "bob": 0, "carol": 0}},
        signals={60: ["unmeasured"]},
        alerts={14: {BLIND: []}, 16: {BLIND: ["alice"]}, 90: {BLIND: ["alice"], UNDECIDED: []}},
    ),
    Scenario(
        name="a GPU that is missing for an hour begins the idle time anew",
        workspaces=[Workspace(gpus=1, gpu_percent=f"{steady(0, 25)} stale {missing(60)} {steady(0, 500)}")],
        at={24: UP, 60: UP, 114: UP, 119: DOWN},
    ),
    Scenario(
        name="missing CPU or network figures keep it",
        workspaces=[Workspace(cpu_cores=None), Workspace(name="bob", bytes_per_second=None)],
        at={60: {**UP, "bob": 1}, 90: {**UP, "bob": 1}},
        signals={60: ["unmeasured"]},
    ),
    Scenario(
        name="Traefik not scraped: what runs is kept, what is stopped stays as it is",
        workspaces=[Workspace(), Workspace(name="bob", replicas=steady(0, 600))],
        traefik_up=f"{steady(1, 20)} {steady(0, 60)} {steady(1, 520)}",
        at={19: {**UP, "bob": 0}, 50: {**UP, "bob": None}, 85: {**UP, "bob": 0}, 110: UP, 115: DOWN},
        alerts={29: {UNDECIDED: []}, 31: {UNDECIDED: [""]}, 79: {UNDECIDED: [""], BLIND: []}, 85: {UNDECIDED: []}},
    ),
    Scenario(
        name="Prometheus just back: nothing stops by what it knew, and nothing that is stopped wakes",
        workspaces=[
            Workspace(
                replicas=f"{steady(1, 29)} {missing(4)} {steady(1, 500)}",
                cpu_cores=f"{growing(0.02, 29)} {missing(4)} {growing(0.02, 500, start=39.6)}",
                bytes_per_second=f"{growing(100, 29)} {missing(4)} {growing(100, 500, start=198000)}",
            ),
            Workspace(name="bob", replicas=f"{steady(0, 29)} {missing(4)} {steady(0, 500)}"),
        ],
        traefik_up=f"{steady(1, 29)} {missing(4)} {steady(1, 500)}",
        at={
            28: {**UP, "bob": 0},
            33: {**UP, "bob": None},
            34: {**UP, "bob": 0},
            62: {**UP, "bob": 0},
            67: {**DOWN, "bob": 0},
        },
    ),
    Scenario(
        name="Prometheus was down itself: what it had recorded stops nothing, and nobody is warned by it",
        workspaces=[
            after_outage(gpus=1, gpu_percent=interrupted(0, 0)),
            after_outage(name="bob", replicas=interrupted(0, 0), recorded=STOPPED),
        ],
        traefik_up=interrupted(1, 1),
        front_door_recorded=steady(1, 29),
        evaluated_from=BACK_AT,
        at={
            **{minute: {**UP, "bob": None} for minute in (31.5, 31.75)},
            **{minute: {**UP, "bob": 0} for minute in (32, 33, 34, 60)},
            67: {**DOWN, "bob": 0},
        },
        signals={31.5: ["unmeasured"], 32: ["unmeasured"], 32.5: ["unmeasured"], 35: []},
        alerts={31.5: {SOON: []}, 32: {SOON: []}, 33: {SOON: []}, 60: {SOON: ["alice"]}},
    ),
    *(
        Scenario(
            name=f"Prometheus was down itself, and {what} stays away: its last figures hide nothing",
            workspaces=[after_outage(**gone)],
            traefik_up=interrupted(1, 1),
            front_door_recorded=steady(1, 29),
            evaluated_from=BACK_AT,
            at={31.5: UP, 33: UP, 70: UP},
            signals={minute: ["unmeasured"] for minute in (32, 32.75, 33, 33.5, 34.5)},
        )
        for what, gone in (
            ("the GPU", {"gpus": 1, "gpu_percent": steady(0, 29)}),
            ("CPU", {"cpu_cores": growing(0.02, 29)}),
            ("traffic", {"bytes_per_second": growing(100, 29)}),
        )
    ),
    Scenario(
        name="Prometheus was down itself, and Traefik is not read: nothing stops, and nothing is known of what stands",
        workspaces=[
            after_outage(),
            after_outage(name="bob", replicas=interrupted(0, 0), recorded=STOPPED),
        ],
        traefik_up=interrupted(1, 0),
        front_door_recorded=steady(1, 29),
        evaluated_from=BACK_AT,
        at={minute: {**UP, "bob": None} for minute in (32, 33, 33.75, 36, 70)},
        signals={minute: ["unmeasured"] for minute in (32, 33, 33.5, 36)},
    ),
    Scenario(
        name="the first 503 wakes, whatever Traefik calls its routers",
        workspaces=[
            Workspace(replicas=steady(0, 600), requests=f"{missing(20)} {steady(1, 500)}"),
            Workspace(name="a-b", replicas=steady(0, 600), requests=f"{missing(20)} 1x2000", router=ROUTERS["legacy"]),
        ],
        alerts={24: {UNHEEDED: []}},
        at={19.75: {**DOWN, "a-b": 0}, 20: {**UP, "a-b": 1}, 21.75: {**UP, "a-b": 1}, 22.5: {**DOWN, "a-b": 0}},
        signals={20: ["requests"]},
    ),
    Scenario(
        name="who is not let in neither wakes nor keeps it",
        workspaces=[
            Workspace(replicas=steady(0, 600), requests=growing(1, 600), code="401"),
            Workspace(name="bob", requests=growing(1, 600), code="302"),
            Workspace(name="carol", requests=growing(1, 600), code="403"),
            Workspace(name="dave", requests=growing(1, 600), code="429"),
        ],
        at={20: DOWN, 60: {**DOWN, "bob": 0, "carol": 0, "dave": 0}},
    ),
    Scenario(
        name="the series of a Traefik that has just started count, those of one that was not read do not",
        workspaces=[Workspace(replicas=steady(0, 600), requests=f"{missing(20)} {steady(7, 500)}")],
        traefik_up=f"{missing(20)} {steady(1, 500)}",
        at={20: UNKNOWN, 20.5: DOWN, 25: DOWN},
    ),
    Scenario(
        name="a Traefik that has just started is asked",
        workspaces=[Workspace(replicas=steady(0, 600), requests=f"{missing(20)} {steady(1, 500)}")],
        traefik_up=f"{missing(20)} {steady(1, 500)}",
        traefik_start=f"{missing(20)} {steady(1190, 500)}",
        at={20: UP, 21: UP, 25: DOWN},
    ),
    Scenario(
        name="keep-alive until its time, and no longer than anything may be kept",
        workspaces=[
            Workspace(kept_until=steady(7200, 600)),
            Workspace(name="bob", kept_until=steady(1e9, 600)),
            Workspace(name="carol", kept_until=steady(600, 600)),
        ],
        at={
            29.5: {**UP, "bob": 1, "carol": 1},
            32: {**UP, "bob": 1, "carol": 0},
            119.5: {**UP, "bob": 1},
            120.5: {**DOWN, "bob": 1},
            239: {"bob": 1},
            244: {"bob": 0},
        },
    ),
    Scenario(
        name="somebody starts it, and it has its idle time",
        workspaces=[
            Workspace(replicas=f"{steady(0, 21)} {steady(1, 500)}", started_at=f"{missing(19.5)} {steady(1200, 500)}")
        ],
        at={19: DOWN, 20: UP, 20.75: UP, 50: UP, 56: DOWN},
    ),
    Scenario(
        name="a woken one that KEDA leaves down is told of, one that somebody stopped is not",
        workspaces=[
            Workspace(replicas=steady(0, 600), requests=growing(0.1, 600)),
            Workspace(name="bob", replicas=steady(0, 600), requests=growing(0.1, 600), stopped=steady(0, 600)),
        ],
        at={20: {**UP, "bob": 1}},
        alerts={20: {UNHEEDED: ["alice"]}},
    ),
    Scenario(
        name="a Deployment",
        workspaces=[Workspace(kind="deployment")],
        at={29: UP, 34: DOWN},
    ),
    Scenario(
        name="one way is enough traffic, whichever it is",
        workspaces=[
            Workspace(bytes_per_second=growing(100, 600), sent_bytes_per_second=growing(3000, 600)),
            Workspace(name="bob", bytes_per_second=growing(3000, 600), sent_bytes_per_second=growing(100, 600)),
            Workspace(name="carol", bytes_per_second=growing(1500, 600), sent_bytes_per_second=growing(0, 600)),
            Workspace(name="dave", bytes_per_second=growing(0, 600), sent_bytes_per_second=growing(1500, 600)),
        ],
        at={34: {**UP, "bob": 1, "carol": 0, "dave": 0}},
    ),
    Scenario(
        name="a part of a GPU",
        workspaces=[Workspace(gpus=1, tells={"DCGM_FI_PROF_GR_ENGINE_ACTIVE": steady(0.5, 600)})],
        at={34: UP},
        signals={34: ["gpu"]},
    ),
    Scenario(
        name="a GPU that works now and then, and four of which one does",
        workspaces=[Workspace(gpus=1, gpu_percent=" ".join(["90 0x4"] * 60))],
        at={34: UP},
        signals={34: ["gpu"]},
    ),
    Scenario(
        name="one minute without Prometheus, in which somebody came back",
        workspaces=[
            Workspace(
                replicas=f"{steady(1, 29)} {missing(0.75)} {steady(1, 500)}",
                requests=f"{steady(1, 29)} {missing(1.25)} {steady(2, 500)}",
            )
        ],
        traefik_up=f"{steady(1, 29)} {missing(1.25)} {steady(1, 500)}",
        at={29: UP, 29.75: UP, 31: UP, 33: UP, 55: UP},
    ),
    Scenario(
        name="somebody says a time to come",
        workspaces=[Workspace(replicas=steady(0, 600), started_at=steady(3600, 600))],
        at={30: DOWN, 60: UP, 63: DOWN},
    ),
    Scenario(
        name="a stopped one that KEDA has just started is left to start",
        workspaces=[
            Workspace(
                replicas=f"{steady(0, 20.25)} {steady(1, 500)}",
                requests=f"{missing(20)} {steady(1, 500)}",
                cpu_cores=f"{missing(30)} {growing(0.02, 500)}",
                bytes_per_second=f"{missing(30)} {growing(100, 500)}",
            )
        ],
        at={19: DOWN, 20: UP, 25: UP, 45: UP, 59: UP, 64: DOWN},
    ),
    Scenario(
        name="what somebody scales down stays down",
        workspaces=[Workspace(replicas=f"{steady(1, 12)} {steady(0, 500)}")],
        at={11: UP, 20: DOWN},
    ),
    Scenario(
        name="what a stopped one saves",
        workspaces=[
            Workspace(gpus=4, replicas=steady(0, 600)),
            Workspace(name="bob", gpus=2, gpu_percent=steady(0, 600)),
        ],
        at={10: {**DOWN, "bob": 1}},
        stopped_gpus={10: 4},
        saved_hourly={10: 7},
    ),
    Scenario(
        name="KEDA down",
        at={},
        keda=f"{steady(1, 20)} {steady(0, 20)} stale",
        alerts={24: {KEDA_DOWN: []}, 26: {KEDA_DOWN: [""]}, 60: {KEDA_DOWN: [""]}},
    ),
    Scenario(
        name="kube-state-metrics away for some minutes: a request still wakes",
        workspaces=[
            Workspace(
                replicas=f"{steady(0, 20)} stale {missing(10)}",
                known=f"{steady(30, 20)} stale {missing(10)}",
                requests=f"{steady(1, 22)} {steady(2, 500)}",
            )
        ],
        at={19: DOWN, 21: UNKNOWN, 23: UP},
    ),
)
