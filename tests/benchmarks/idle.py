"""Workspaces that nobody uses: when they stop, and what deciding it costs, beside the prototype of this design.

`make benchmark-idle` prints the tables. API server, scheduler, kube-state-metrics, KEDA and Prometheus are real and on
this machine; pods, and what nodes, GPUs and the front door tell, are simulated. Both designs run at the same time on
one API server, each with a Prometheus and a KEDA of its own: what else this machine does slows both alike.

Every workspace has a GPU. Of each eight, somebody asks one for something all the time, one computes on its GPU, and of
one the GPU is not measured: none of these may be stopped. The other five are due.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from idle_prototype import prototype_object, prototype_rules

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError, at_once
from bedplate.embedded_cluster.nodes import SimulatedPool
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.kubernetes import RuleGroup
from bedplate.labels import Identity
from bedplate.services.idle.keda import values as keda_values
from bedplate.services.idle.rules import Clock, Thresholds, idle_rules
from bedplate.services.idle.scaled_objects import Target, scaled_object
from bedplate.services.idle.workspace_objects import custom_resource_state
from cluster.idle_processes import (
    IdlePrograms,
    Prometheus,
    Running,
    Sources,
    keda_definitions,
    running_keda,
    running_kube_state_metrics,
    running_prometheus,
)
from cluster.idle_under_test import LABELS, stateful_set
from cluster.processes_under_test import serving
from cluster.simulated_use import SimulatedUse

OURS, PROTOTYPE = "ours", "prototype"
IDLE_MINUTES = 2
"""Of both, so that a run ends."""
_LATE_SECONDS = 60
_TRIES = 5
_KINDS = ("asked", "computing", "unmeasured", "due", "due", "due", "due", "due")
"""What becomes of workspaces when nobody asks for them any more but for the first, over and over."""
_BUSY_GPU_PERCENT = 97.0


@dataclass(frozen=True)
class Design:
    """One way to decide. seconds: between readings, evaluations and polls."""

    name: str
    seconds: int
    rules: Sequence[RuleGroup] | str
    scaled: Callable[[str, str, int], dict[str, Any]]
    router: str
    keda_flags: Sequence[str] = ()
    told: str = ""
    """A series of each workspace that the design reads and nothing else here tells, with `{}` for the name."""


def ours(clock: Clock) -> Design:
    """The platform's, as it is shipped but for the idle time."""

    def scaled(name: str, url: str, gpus: int) -> dict[str, Any]:
        identity = Identity(name="workspace", component="workspace", tenant=OURS, workload=name)
        target = Target(
            kind="StatefulSet",
            name=name,
            namespace=OURS,
            identity=identity,
            after_minutes=IDLE_MINUTES,
            route=f"{name}-{OURS}",
            gpus=gpus,
        )
        return dict(scaled_object(target, url, clock))

    router = f"bedplate-front-door_{{}}-{OURS}_0@kubernetescrd"
    return Design(OURS, clock.interval_seconds, idle_rules(Thresholds(), clock), scaled, router, _shipped_flags())


def _shipped_flags() -> list[str]:
    """What KEDA's chart is told of its load on the API server."""
    told = keda_values()["extraArgs"]["keda"]
    return [f"--{name}={told[name]}" for name in ("kube-api-qps", "kube-api-burst")]


def prototype(seconds: int) -> Design:
    return Design(
        PROTOTYPE,
        seconds,
        prototype_rules(seconds),
        lambda name, url, _: prototype_object(PROTOTYPE, name, url, seconds, IDLE_MINUTES),
        f"{PROTOTYPE}_bpact.{{}}_0@kubernetescrd",
        ["--kube-api-qps=100", "--kube-api-burst=200"],
        f'bedplate_workspace_gpu{{{{namespace="{PROTOTYPE}",workspace="{{}}"}}}} 1',
    )


@dataclass
class Cost:
    """Of one design over some time."""

    design: str
    phase: str
    seconds: float
    keda_cpu_percent: float
    keda_mib: float
    keda_requests: float
    prometheus_cpu_percent: float
    prometheus_mib: float
    queries: float
    query_ms: float
    samples: float


@dataclass
class Stops:
    """What became of the workspaces of a design. late: seconds after the idle time was over."""

    design: str
    workspaces: int
    due: int
    stopped: int
    touched: int
    late: list[float] = field(default_factory=list[float])


@dataclass
class Side:
    """A design that runs."""

    design: Design
    prometheus: Prometheus
    keda: Running
    keda_port: int

    def totals(self) -> dict[str, float]:
        own, keda = read(f"{self.prometheus.url}/metrics"), read(f"http://127.0.0.1:{self.keda_port}/metrics")
        cpu, mib = self.prometheus.figures()
        keda_cpu, keda_mib = self.keda.figures()
        return {
            "at": time.monotonic(),
            "prometheus_cpu": cpu,
            "prometheus_mib": mib,
            "keda_cpu": keda_cpu,
            "keda_mib": keda_mib,
            "keda_requests": total(keda, r"rest_client_requests_total\{"),
            "queries": total(own, r'prometheus_http_requests_total\{.*handler="/api/v1/query"'),
            # Of rules and of whoever asks alike.
            "query_seconds": total(own, r'prometheus_engine_query_duration_seconds_sum\{slice="inner_eval"'),
            "samples": total(own, r"prometheus_engine_query_samples_total "),
        }


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def total(text: str, pattern: str) -> float:
    """Of all series whose line begins like that."""
    named = re.compile(pattern)
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if named.match(line))


@dataclass
class Requests:
    """What the front door would count. asked: which workspaces somebody asks for something all the time."""

    designs: Mapping[str, Design]
    """By name."""
    names: Sequence[str]
    asked: set[str] = field(default_factory=set[str])
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def text(self, design: str) -> str:
        lines, read = [f"process_start_time_seconds {_STARTED}"], self.designs[design]
        lines += [read.told.format(name) for name in self.names if read.told]
        for name in self.names:
            router = read.router.format(name)
            self._counts[router] = self._counts.get(router, 0) + (name in self.asked)
            lines.append(
                f'traefik_router_requests_total{{code="200",method="GET",protocol="http",router="{router}"}} '
                f"{self._counts[router]}"
            )
        return "\n".join([*lines, ""])

    @contextmanager
    def told(self) -> Iterator[int]:
        told = self

        class Exporter(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = told.text(self.path.strip("/")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                pass

        with serving(Exporter, "127.0.0.1") as port:
            yield port


_STARTED = time.time() - 3600


@dataclass
class Bench:
    """Both designs at one size."""

    api: ApiServer
    sides: Sequence[Side]
    names: Sequence[str]
    use: SimulatedUse
    requests: Requests
    progress: Callable[[str], None]
    costs: list[Cost] = field(default_factory=list[Cost])

    def replicas(self, design: str) -> dict[str, int]:
        found = self._read("apps/v1", "StatefulSet", design)
        return {body["metadata"]["name"]: body["spec"]["replicas"] for body in found}

    def _read(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        """On a machine that does much else, an answer may take longer than anybody waits for it."""
        for _ in range(_TRIES):
            try:
                return self.api.objects(api_version, kind, namespace)
            except ApiError as error:
                self.progress(str(error))
        raise TimeoutError(f"no {kind}s of {namespace} after {_TRIES} tries")

    def measures(self, phase: str, seconds: float) -> None:
        with self.measured(phase):
            time.sleep(seconds)

    @contextmanager
    def measured(self, phase: str) -> Iterator[None]:
        before = [side.totals() for side in self.sides]
        yield
        for side, old in zip(self.sides, before, strict=True):
            new = side.totals()
            passed = new["at"] - old["at"]
            rate = {key: (new[key] - old[key]) / passed for key in new}
            self.costs.append(
                Cost(
                    design=side.design.name,
                    phase=phase,
                    seconds=passed,
                    keda_cpu_percent=100 * rate["keda_cpu"],
                    keda_mib=new["keda_mib"],
                    keda_requests=rate["keda_requests"],
                    prometheus_cpu_percent=100 * rate["prometheus_cpu"],
                    prometheus_mib=new["prometheus_mib"],
                    queries=rate["queries"],
                    query_ms=1000 * rate["query_seconds"],
                    samples=rate["samples"],
                )
            )

    def named(self, kind: str) -> set[str]:
        """The workspaces of a kind."""
        return {name for number, name in enumerate(self.names) if _KINDS[number % len(_KINDS)] == kind}

    def settles(self) -> float:
        """Until each design has decided about each workspace, and KEDA has seen it in use: how many seconds."""
        started = time.monotonic()
        ends = started + 600 + len(self.names)
        while True:
            known = [len(side.prometheus.query("bedplate:workspace_active == 1")) for side in self.sides]
            seen = [
                sum("lastActiveTime" in found.get("status", {}) for found in self._scaled(side)) for side in self.sides
            ]
            if all(count >= len(self.names) for count in [*known, *seen]):
                return time.monotonic() - started
            if time.monotonic() > ends:
                raise TimeoutError(f"of {len(self.names)} workspaces are known {known}, seen by KEDA {seen}")
            self.progress(f"of {len(self.names)} workspaces are known {known}, seen by KEDA {seen}")
            time.sleep(5)

    def _scaled(self, side: Side) -> list[dict[str, Any]]:
        return self._read("keda.sh/v1alpha1", "ScaledObject", side.design.name)

    def stops(self, due: set[str]) -> list[Stops]:
        """Nobody uses those that are due any more: until they have stopped, or for the time that they may take."""
        since = time.monotonic()
        at: dict[str, dict[str, float]] = {side.design.name: {} for side in self.sides}
        latest = IDLE_MINUTES * 60 + 2 * _LATE_SECONDS
        while time.monotonic() - since < latest and not all(due <= found.keys() for found in at.values()):
            for name, found in at.items():
                for workspace, count in self.replicas(name).items():
                    if count == 0:
                        found.setdefault(workspace, time.monotonic() - since - IDLE_MINUTES * 60)
            time.sleep(1)
        time.sleep(10)
        return [
            Stops(
                design=name,
                workspaces=len(self.names),
                due=len(due),
                stopped=len(due & found.keys()),
                touched=sum(count == 0 for key, count in self.replicas(name).items() if key not in due),
                late=sorted(found[key] for key in due & found.keys()),
            )
            for name, found in at.items()
        ]


@contextmanager
def running(count: int, designs: Sequence[Design], progress: Callable[[str], None]) -> Iterator[Bench]:
    names = [f"ws-{number:04}" for number in range(count)]
    nodes = len(designs) * count // 200 + 1
    pool = SimulatedPool(name="all", nodes=nodes, cpu=256, memory_gib=1024, pods=250, accelerator="nvidia-l4", gpus=250)
    with ExitStack() as life:
        folder = Path(life.enter_context(tempfile.TemporaryDirectory()))
        access = life.enter_context(embedded_cluster(progress, workloads=len(designs) * count))
        api = ApiServer(access)
        life.enter_context(keda_definitions(api))
        life.enter_context(simulated_cluster(access, [pool], {}, progress))
        for design in designs:
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": design.name}})
        use = SimulatedUse(api, [design.name for design in designs], look_seconds=3 + count / 100)
        for number, name in enumerate(names):
            percent = {"computing": _BUSY_GPU_PERCENT, "unmeasured": None}.get(_KINDS[number % len(_KINDS)], 0.0)
            for design in designs:
                use.of(design.name, name).gpu_percent = percent
        requests = Requests({design.name: design for design in designs}, names, set(names))
        exporter, counted = life.enter_context(use.told()), life.enter_context(requests.told())
        progress(f"making {count} workspaces for each design")
        sets = [stateful_set(name, design.name, 1, "") for design in designs for name in names]
        at_once(api.apply, sets)
        programs = IdlePrograms.found()
        _, metrics = life.enter_context(
            running_kube_state_metrics(
                programs.kube_state_metrics, access, folder / "ksm", [custom_resource_state()], LABELS
            )
        )
        addresses = {
            "kube-state-metrics": f"127.0.0.1:{metrics}",
            "kubelet": f"127.0.0.1:{exporter}/cadvisor",
            "dcgm-exporter": f"127.0.0.1:{exporter}/dcgm",
        }
        sides = list[Side]()
        for design in designs:
            traefik = {"traefik": f"127.0.0.1:{counted}/{design.name}"}
            sides.append(life.enter_context(_side(design, programs, access, folder, {**addresses, **traefik})))
        for side in sides:
            bodies = [side.design.scaled(name, side.prometheus.url, 1) for name in names]
            at_once(api.apply, bodies)
        yield Bench(api, sides, names, use, requests, progress)


@contextmanager
def _side(
    design: Design, programs: IdlePrograms, access: ClusterAccess, folder: Path, addresses: Mapping[str, str]
) -> Iterator[Side]:
    sources = Sources(addresses=addresses, scrape_seconds=design.seconds, namespace=design.name)
    here = folder / design.name
    with (
        running_prometheus(programs.prometheus, here / "prometheus", design.rules, sources) as prometheus,
        running_keda(programs.keda, access, here / "keda", [design.name], design.keda_flags) as (keda, port),
    ):
        yield Side(design, prometheus, keda, port)


def measured(count: int, designs: Sequence[Design], progress: Callable[[str], None]) -> tuple[list[Cost], list[Stops]]:
    """Everybody works; then five of eight stop working; then most are stopped."""
    with running(count, designs, progress) as bench:
        progress(f"all are in use, and known to be after {bench.settles():.0f} s")
        bench.measures("all in use", 60)
        due = bench.named("due")
        bench.requests.asked &= bench.named("asked")
        progress(f"nobody uses {len(due)} of them any more")
        with bench.measured("becoming idle"):
            stops = bench.stops(due)
        progress("they are stopped")
        bench.measures("five of eight stopped", 60)
        return bench.costs, stops


def tables(costs: Sequence[Cost], stops: Sequence[Stops]) -> Iterator[Table]:
    """For people."""
    table = Table(title=f"Stopped after {IDLE_MINUTES} minutes without use; s after their time", box=None)
    for heading in ("design", "workspaces", "due", "stopped", "others touched", "first", "median", "last"):
        table.add_column(heading, justify="right")
    for one in stops:
        spread = [one.late[0], statistics.median(one.late), one.late[-1]] if one.late else []
        figures = [one.workspaces, one.due, one.stopped, one.touched]
        table.add_row(one.design, *map(str, figures), *(f"{value:.0f}" for value in spread))
    yield table
    table = Table(title="Cost, each second; memory in MiB", box=None)
    headings = (
        "phase",
        "design",
        "KEDA CPU %",
        "MiB",
        "API/s",
        "Prometheus CPU %",
        "MiB",
        "queries/s",
        "query ms",
        "samples",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in costs:
        values = (one.keda_cpu_percent, one.keda_mib, one.keda_requests, one.prometheus_cpu_percent, one.prometheus_mib)
        more = (one.queries, one.query_ms, one.samples)
        table.add_row(one.phase, one.design, *(f"{value:.1f}" for value in (*values, *more)))
    yield table
    if len({one.design for one in costs}) == 1:
        return
    table = Table(title="Ours / prototype", box=None)
    for heading in ("phase", "KEDA CPU", "Prometheus CPU", "query time", "samples"):
        table.add_column(heading, justify="right")
    for phase in dict.fromkeys(one.phase for one in costs):
        own, other = (
            next(one for one in costs if (one.phase, one.design) == (phase, name)) for name in (OURS, PROTOTYPE)
        )
        names = ("keda_cpu_percent", "prometheus_cpu_percent", "query_ms", "samples")
        table.add_row(phase, *(f"{getattr(own, name) / max(getattr(other, name), 1e-9):.2f}" for name in names))
    yield table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--prototype-seconds", type=int, default=5, help="between its readings and polls; it had 5")
    parser.add_argument("--alone", action="store_true", help="without the prototype beside it")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    console, found = Console(width=160), list[dict[str, Any]]()
    for count in options.workspaces:
        designs = [ours(Clock()), *([] if options.alone else [prototype(options.prototype_seconds)])]
        costs, stops = measured(count, designs, lambda line: print(line, file=sys.stderr, flush=True))
        for table in tables(costs, stops):
            console.print(table)
        found.append({"costs": [asdict(one) for one in costs], "stops": [asdict(one) for one in stops]})
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
