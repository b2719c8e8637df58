"""Whether each workspace is in use, as series that Prometheus computes.

Owns the rules. They deliberately decide on what is known only: a workspace is idle where every source tells that it is.
What runs and is not measured counts as in use, with the signal `unmeasured`; of what does not run, nothing is recorded
while Traefik is not read. So a workspace's clock begins anew after every outage, and nothing stops by an old sample: a
Prometheus that was down itself finds, for five minutes, what its rules recorded before, so they look at the time too.

- `bedplate:workspace`: those that there are, with their tenant, owner and route; the value is their idle minutes.
- `bedplate:workspace_signal{signal}`: 1 for each reason that it is in use.
- `bedplate:workspace_active`: 1 in use, 0 not in use; without a sample nobody knows.
- `bedplate:saved_gpus`, `bedplate:saved_cost_hourly`: GPUs of what is stopped, and their price where there is one.
- `bedplate:workspace_wanted`: what KEDA reads, 1 up and 0 down; the idle time has been counted in.

The sources: https://doc.traefik.io/traefik/reference/install-configuration/observability/metrics/,
https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md,
https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/dcp-metrics-included.csv, and `workspace_objects`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bedplate.kubernetes import RecordingRule, RuleGroup
from bedplate.labels import FRONT_DOOR_NAMESPACE
from bedplate.services.cost.rules import GPU_PRICE
from bedplate.services.idle.workspace_objects import GPU_COUNT, IDLE_AFTER, KEPT_UNTIL, STARTED_AT, STOPPED_BY_HAND

SSH_SESSIONS = "bedplate_workspace_ssh_sessions"
"""Open sessions, by namespace and pod; whoever runs the gateway tells it."""
BUSY_KERNELS = "bedplate_workspace_busy_kernels"
"""Kernels that compute, by namespace and pod, for workspaces that tell it. Jupyter Server's own metrics count kernels
that are there, busy or not (https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/prometheus/metrics.py)."""
SAVED_GPUS, SAVED_HOURLY = "bedplate:saved_gpus", "bedplate:saved_cost_hourly"
"""GPUs of what is stopped, and what they would cost in an hour, by whose they are."""
SIGNALS = ("requests", "network", "cpu", "gpu", "kernels", "ssh", "started", "unmeasured")
_MEASURED, _READ = "bedplate:workspace_measured", "bedplate:front_door_read"
_BY = "by (namespace, workspace)"
_ON = "on (namespace, workspace)"
_POD = "on (namespace, pod) group_left (workspace) bedplate:workspace_pod"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What counts as use: above so many percent of the CPU that the pods request, percent of a GPU, and bytes a second
    that come and go. max_minutes: the longest that anything is kept without use."""

    cpu_percent: float = 5
    gpu_percent: float = 5
    network_bytes_per_second: int = 2000
    max_minutes: int = 240


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How often the rules are evaluated, and how far back a signal looks: at least four times as far as its source is
    read, so that three samples tell that it was."""

    interval_seconds: int = 15
    window_seconds: int = 120

    @property
    def settled_seconds(self) -> int:
        """By how much a use is seen too long: it must never be seen too short."""
        return self.window_seconds - 2 * self.interval_seconds

    @property
    def fresh_seconds(self) -> int:
        """How old a sample may be by which somebody decides."""
        return 3 * self.interval_seconds

    def recorded(self, series: str, ago_seconds: int = 0) -> str:
        """PromQL: what the rules recorded of a series just now, or so long ago; its values are times.

        A Prometheus that was down for less than five minutes finds its last samples from before, and no mark that they
        have ended (https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness)."""
        offset = f" offset {ago_seconds}s" if ago_seconds else ""
        return f"(timestamp({series}{offset}) >= time() - {ago_seconds + self.fresh_seconds})"


def idle_rules(thresholds: Thresholds, clock: Clock | None = None) -> tuple[RuleGroup, ...]:
    """One group, because each rule sees what those before it recorded."""
    clock = clock or Clock()
    rules = [
        *_workspaces(clock),
        *_measured(clock),
        *_signals(thresholds, clock),
        *_decisions(thresholds, clock),
        *_savings(),
    ]
    return (RuleGroup(name="bedplate-idle", rules=rules, interval_seconds=clock.interval_seconds),)


def _rule(name: str, expression: str) -> RecordingRule:
    return RecordingRule(name=f"bedplate:workspace{name}", expression=expression)


def _workspaces(clock: Clock) -> Iterator[RecordingRule]:
    """Those that there are, which of them are to run, and their pods.

    They are remembered while kube-state-metrics restarts: without that nothing could be woken.
    """
    labels = "namespace, workspace, route, tenant, project, owner, accelerator"
    yield _rule("", f"max by ({labels}) (last_over_time({IDLE_AFTER}[5m]))")
    replicas = " or ".join(
        f'label_replace(kube_{kind}{"_spec" if kind == "deployment" else ""}_replicas, "workspace", "$1", "{kind}",'
        ' "(.+)")'
        for kind in ("statefulset", "deployment")
    )
    yield _rule("_replicas", f"max {_BY} ({replicas}) and {_ON} bedplate:workspace")
    pods = 'label_replace(kube_pod_labels{label_bedplate_dev_workload!=""}, "workspace", "$1",'
    pods = f'{pods} "label_bedplate_dev_workload", "(.+)")'
    yield _rule("_pod", f"max by (namespace, workspace, pod) ({pods}) and {_ON} bedplate:workspace")
    asked, fresh = 'up{job="traefik"}', clock.fresh_seconds
    window = f"[{clock.window_seconds}s]"
    # Read all the time, and just now: what came in while nobody read it is then in the counters' increase.
    yield RecordingRule(
        name=_READ,
        expression=(
            f"min(min_over_time({asked}{window})) == 1 and min(count_over_time({asked}{window})) >= 3"
            f" and min(timestamp({asked})) >= time() - {fresh}"
        ),
    )


def _measured(clock: Clock) -> Iterator[RecordingRule]:
    """What the pods use, and of which running workspaces everything is known."""
    now = clock.recorded
    window = f"[{clock.window_seconds}s]"
    traffic = " + ".join(f"rate(container_network_{way}_bytes_total{window})" for way in ("receive", "transmit"))
    yield _rule("_network_bytes_per_second", f"sum {_BY} (({traffic}) * {_POD})")
    used = f'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{container!=""}}{window}))'
    asked = 'sum by (namespace, pod) (kube_pod_container_resource_requests{resource="cpu"})'
    yield _rule("_cpu_percent", f"100 * max {_BY} ({used} / {asked} * {_POD})")
    # Of a part of a GPU only the second one is measured.
    gpu = " or ".join(
        f'max by (namespace, pod) ({factor}max_over_time({series}{{pod!=""}}{window}))'
        for factor, series in (("", "DCGM_FI_DEV_GPU_UTIL"), ("100 * ", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"))
    )
    yield _rule("_gpu_percent", f"max {_BY} (({gpu}) * {_POD})")
    # Of a workspace that is reached by SSH, of which nothing is told any more.
    told = f"max by (namespace, pod) (last_over_time({SSH_SESSIONS}{{}}))"
    untold = f"({told.format('[2h]')} unless {told.format(window)}) * {_POD}"
    yield _rule(
        "_measured",
        f"bedplate:workspace_replicas > 0 and {_ON} {now('bedplate:workspace_network_bytes_per_second')}"
        f" and {_ON} {now('bedplate:workspace_cpu_percent')}"
        f" unless {_ON} ({GPU_COUNT} > 0 unless {_ON} {now('bedplate:workspace_gpu_percent')})"
        f" unless {_ON} ({untold})"
        f" and on () {now(_READ)}",
    )


def _signals(thresholds: Thresholds, clock: Clock) -> Iterator[RecordingRule]:
    """Each is 1 or has no sample."""
    seconds = clock.window_seconds
    requests = f"max by (route) ({_requests(clock)})"
    told = f"max by (namespace, pod) (max_over_time({{}}[{seconds}s])) > 0"
    expressions = {
        "requests": f"bedplate:workspace * on (route) group_left () ({requests})",
        "network": f"bedplate:workspace_network_bytes_per_second > {thresholds.network_bytes_per_second}",
        "cpu": f"bedplate:workspace_cpu_percent > {thresholds.cpu_percent}",
        "gpu": f"bedplate:workspace_gpu_percent > {thresholds.gpu_percent}",
        "kernels": f"({told.format(BUSY_KERNELS)}) * {_POD}",
        "ssh": f"({told.format(SSH_SESSIONS)}) * {_POD}",
        "started": f"{STARTED_AT} > time() - {seconds} <= time()",
        # What was not measured a moment ago has just come, or nobody knows what it did meanwhile.
        "unmeasured": (
            f"bedplate:workspace_replicas > 0 unless {_ON} ({_MEASURED} and {clock.recorded(_MEASURED, seconds // 2)})"
        ),
    }
    for signal, expression in expressions.items():
        yield RecordingRule(
            name="bedplate:workspace_signal", expression=f"max {_BY} ({expression}) ^ 0", labels={"signal": signal}
        )


def _requests(clock: Clock) -> str:
    """The routes of workspaces that somebody asked for something, by the names of their IngressRoutes.

    Whoever is not let in, or sent to the login, is nobody who uses it. Paths that pages ask by themselves have a route
    of their own, which is no workspace's.
    A route's first request makes a series that begins with 1, which no increase shows. It is one where Traefik was read
    before, or has just started. A websocket is counted when it is closed, which stopping does: it is left out.
    Traefik's names of routers: with safeNaming and without it
    (https://doc.traefik.io/traefik/reference/install-configuration/providers/kubernetes/kubernetes-crd/).
    """
    seconds = clock.window_seconds
    place = f"{FRONT_DOOR_NAMESPACE}[_-]"
    counted = (
        f'traefik_router_requests_total{{router=~"{place}.+@kubernetescrd", protocol="http", code!~"302|401|403|429"}}'
    )
    read_before = f'up{{job="traefik"}} offset {seconds}s == 1'
    just_started = f'time() - process_start_time_seconds{{job="traefik"}} < {seconds}'
    first = (
        f"(({counted} unless {counted} offset {seconds}s) and on (instance) "
        f"({read_before} or on (instance) {just_started}))"
    )
    asked = f"max by (router) (increase({counted}[{seconds}s]) > 0 or {first})"
    return f'label_replace({asked}, "route", "$1", "router", "{place}(.+)[_-](?:[0-9a-f]{{20}}|[0-9]+)@kubernetescrd")'


def _decisions(thresholds: Thresholds, clock: Clock) -> Iterator[RecordingRule]:
    yield _rule(
        "_active",
        f"max {_BY} (bedplate:workspace_signal)"
        f" or {_MEASURED} * 0"
        f" or ((bedplate:workspace_replicas == 0) and on () {clock.recorded(_READ)})",
    )
    # Its own last value, as long as the workspace runs.
    yield _rule(
        "_last_active_seconds",
        f"(bedplate:workspace_active == 1) * 0 + time() - {clock.settled_seconds}"
        f" or (bedplate:workspace_last_active_seconds and {_ON} (bedplate:workspace_replicas > 0))",
    )
    # Only of what is known not to be in use.
    idle = f"time() - bedplate:workspace_last_active_seconds and {_ON} bedplate:workspace_active == 0"
    yield _rule("_idle_seconds", idle)
    limit = f"max {_BY} (bedplate:workspace) * 60"
    kept = f"max {_BY} ({KEPT_UNTIL}) - {_ON} bedplate:workspace_last_active_seconds"
    bound = f"clamp_max({kept}, {thresholds.max_minutes * 60})"
    yield _rule("_limit_seconds", f"({bound} > {_ON} {limit}) or {_ON} {limit}")
    left = f"bedplate:workspace_limit_seconds - {_ON} bedplate:workspace_idle_seconds"
    yield _rule("_stops_in_seconds", f"{left} and {_ON} bedplate:workspace_active == 0")
    yield _rule(
        "_wanted",
        f"bedplate:workspace_active == 1 or bedplate:workspace_stops_in_seconds > bool 0"
        f" or ({clock.recorded('bedplate:workspace_active')} * 0 and {_ON} (bedplate:workspace_replicas == 0))",
    )


def _savings() -> Iterator[RecordingRule]:
    """GPUs that nobody pays for because their workspace is stopped; a sum over time makes hours of them."""
    known = f"max by (namespace, workspace, tenant, project, owner, accelerator) ({GPU_COUNT})"
    yield _rule("_stopped_gpus", f"{known} and {_ON} bedplate:workspace_replicas == 0")
    whose = "by (tenant, project, owner, accelerator)"
    yield RecordingRule(name=SAVED_GPUS, expression=f"sum {whose} (bedplate:workspace_stopped_gpus)")
    # No samples where nothing has a price.
    price = f"on (accelerator) group_left () max by (accelerator) ({GPU_PRICE})"
    yield RecordingRule(name=SAVED_HOURLY, expression=f"{SAVED_GPUS} * {price}")
    yield _rule("_stopped_by_hand", f"(max {_BY} ({STOPPED_BY_HAND}) == 0) + 1")
