"""Many people at once: what the way through Traefik and the login costs, and what happens when it is hurt.

`make benchmark-sessions` prints the tables. Everything is real and on this machine (see `cluster.chain`), so that the
one who asks, the workload and the provider take processor time from those who are measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.services.login.authentication import AuthenticationEndpoints
from cluster.chain import STUDIO, TRACKING, Chain, Programs, route, running_chain, stack
from cluster.login_processes import DOMAIN

UNFILTERED = f"unfiltered-vision.{DOMAIN}"
"""A public route without the request filter."""
_LOAD = Path(__file__).with_name("load.py")
_SETTLE_SECONDS = 2


@dataclass(frozen=True)
class Size:
    """sessions: people. seconds: of each case. away_seconds: that the store is stopped for."""

    sessions: int
    seconds: float = 60
    pause_seconds: float = 2
    away_seconds: float = 5
    times_at_once: int = 10


@dataclass(frozen=True)
class Case:
    """What was measured of a case. cpu_ms: of each process, for each request; rss_mib: at its end."""

    name: str
    sessions: int
    requests: int
    seconds: float
    statuses: dict[int, int]
    latency_ms: dict[str, float]
    cpu_ms: dict[str, float]
    rss_mib: dict[str, float]
    wrong_seconds: float
    """From the first answer that was not 200 to the last."""


@dataclass
class Bench:
    """The chain under load."""

    chain: Chain
    asking: subprocess.Popen[str]
    workload: str
    processes: dict[str, psutil.Process]
    cases: list[Case] = field(default_factory=list[Case])

    def order(self, do: str, **what: Any) -> list[tuple[float, float, int]]:
        """Orders and waits."""
        self.give(do, **what)
        return self.answer()

    def give(self, do: str, **what: Any) -> None:
        assert self.asking.stdin
        self.asking.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.asking.stdin.flush()

    def answer(self) -> list[tuple[float, float, int]]:
        assert self.asking.stdout
        line = self.asking.stdout.readline()
        assert line, "the load generator has ended"
        return json.loads(line)

    def case(self, name: str, sessions: int, do: str, during: Callable[[], None] = lambda: None, **what: Any) -> Case:
        """An order, as a case. during: what happens meanwhile."""
        before, begun = self._cpu_seconds(), time.monotonic()
        self.give(do, **what)
        during()
        rows = self.answer()
        took, after = time.monotonic() - begun, self._cpu_seconds()
        wrong = [when for when, _, status in rows if status != 200]
        found = Case(
            name=name,
            sessions=sessions,
            requests=len(rows),
            seconds=took,
            statuses=dict(Counter(status for *_, status in rows)),
            latency_ms=_percentiles([1000 * seconds for _, seconds, _ in rows]),
            cpu_ms={
                name: 1000 * (used - before.get((name, pid), 0)) / len(rows) for (name, pid), used in after.items()
            },
            rss_mib={each: process.memory_info().rss / 2**20 for each, process in self._running()},
            wrong_seconds=max(wrong) - min(wrong) if wrong else 0,
        )
        self.cases.append(found)
        return found

    def _running(self) -> Iterator[tuple[str, psutil.Process]]:
        """By name; the store is another process after it was started anew."""
        names = {
            self.chain.programs.traefik.name: "traefik",
            Path(self.chain.programs.login.proxy).name: "oauth2-proxy",
            Path(self.chain.programs.login.store).resolve().name: "store",
            Path(self.chain.programs.login.store).name: "store",
        }
        for process in psutil.Process().children(recursive=True):
            name = names.get(process.name())
            if name:
                yield name, process
        yield from self.processes.items()

    def _cpu_seconds(self) -> dict[tuple[str, int], float]:
        return {(name, process.pid): sum(process.cpu_times()[:2]) for name, process in self._running()}


def _percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {f"p{percent}": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95, 99)}


def measure(bench: Bench, size: Size) -> list[Case]:
    """Every case with that many people."""
    sessions, studio = size.sessions, f"https://{STUDIO}/"
    for number in range(sessions):
        person = {"email": f"person-{number}@example.com", "groups": ["ml-vision"]}
        bench.chain.site.tell_provider("PUT", f"/people/person-{number}", person)
    bench.order("come", sessions=sessions, port=bench.chain.traefik.https, certificate=str(bench.chain.certificate))
    first = len(bench.cases)
    bench.case("sign-in, all at once", sessions, "sign_in", url=studio)
    calm = {
        "workload alone": bench.workload,
        "public, no filter": f"https://{UNFILTERED}/",
        "public": f"https://{TRACKING}/",
        "browser": studio,
    }
    for name, url in calm.items():
        bench.order("ask", url=url, seconds=1, pause_seconds=1)  # connections are there
        bench.case(name, sessions, "ask", url=url, seconds=size.seconds, pause_seconds=size.pause_seconds)
    at_once: dict[str, Any] = {"times": size.times_at_once, "pause_seconds": _SETTLE_SECONDS}
    bench.case("public, all at once", sessions, "ask_at_once", url=f"https://{TRACKING}/", **at_once)
    bench.case("browser, all at once", sessions, "ask_at_once", url=studio, **at_once)
    asking: dict[str, Any] = {"url": studio, "seconds": size.seconds, "pause_seconds": size.pause_seconds}
    bench.case("browser, store away", sessions, "ask", during=lambda: _stop_the_store(bench, size), **asking)
    bench.case("browser, afterwards", sessions, "ask_at_once", url=studio, times=1, pause_seconds=0)
    bench.order("leave")
    return bench.cases[first:]


def _stop_the_store(bench: Bench, size: Size) -> None:
    """In the middle."""
    time.sleep(size.seconds / 3)
    bench.chain.site.stop("store")
    time.sleep(size.away_seconds)
    bench.chain.site.start_store()


def without_filter(endpoints: AuthenticationEndpoints) -> list[dict[str, Any]]:
    """The objects of the public route that lacks the filter."""
    parts = route(UNFILTERED, "public", "tracking", endpoints)
    rule = parts["ingress-route"]["spec"]["routes"][0]
    rule["middlewares"] = [name for name in rule["middlewares"] if not name["name"].endswith("-filter")]
    return [parts["concurrency"], parts["ingress-route"]]


@contextmanager
def bench(access: ClusterAccess, programs: Programs, folder: Path) -> Iterator[Bench]:
    """The chain with the sessions of an ordinary stack, a workload, and people to come."""
    python = [sys.executable, str(_LOAD)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    serving: subprocess.Popen[str] = subprocess.Popen([*python, "serve", programs.address], **pipes)
    asking: subprocess.Popen[str] = subprocess.Popen([*python, "ask"], **pipes)
    try:
        assert serving.stdout
        port = int(serving.stdout.readline())
        with running_chain(access, programs, folder, port, stack(sessions={}), without_filter) as chain:
            processes = {"workload": psutil.Process(serving.pid), "generator": psutil.Process(asking.pid)}
            yield Bench(chain, asking, f"http://{programs.address}:{port}/", processes)
    finally:
        for process in (serving, asking):
            process.communicate(timeout=30)


def tables(cases: Sequence[Case]) -> Iterator[Table]:
    """For people."""
    answers = Table(title=f"Answers ({psutil.cpu_count()} processors for everything)", title_justify="left", box=None)
    headings = ("sessions", "case", "requests", "s", "p50 ms", "p95 ms", "p99 ms", "not 200", "for s")
    for heading in headings:
        answers.add_column(heading, justify="left" if heading == "case" else "right", no_wrap=True)
    use = Table(title="CPU, ms for each request; memory in MiB", title_justify="left", box=None)
    names = list(cases[0].rss_mib)
    for heading in ("sessions", "case", *names, *(f"{name} MiB" for name in names[:3])):
        use.add_column(heading, justify="left" if heading == "case" else "right", no_wrap=True)
    for case in cases:
        wrong = ", ".join(f"{count}×{status}" for status, count in sorted(case.statuses.items()) if status != 200)
        latencies = [f"{value:.1f}" for value in case.latency_ms.values()]
        duration = f"{case.wrong_seconds:.1f}" if wrong else ""
        row = [str(case.requests), f"{case.seconds:.1f}", *latencies, wrong or "0", duration]
        answers.add_row(str(case.sessions), case.name, *row)
        memory = [f"{case.rss_mib[name]:.0f}" for name in names[:3]]
        use.add_row(str(case.sessions), case.name, *(f"{case.cpu_ms[name]:.2f}" for name in names), *memory)
    yield from (answers, use)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--away-seconds", type=float, default=5)
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    arguments = parser.parse_args()

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    programs = Programs.found()
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_cluster(progress) as access,
        bench(access, programs, Path(folder)) as running,
    ):
        for sessions in arguments.sessions:
            progress(f"{sessions} sessions")
            measure(running, Size(sessions, arguments.seconds, away_seconds=arguments.away_seconds))
    if arguments.output == "json":
        print(json.dumps([asdict(case) for case in running.cases], indent=1))
    else:
        for table in tables(running.cases):
            Console(width=160).print(table)


if __name__ == "__main__":
    main()
