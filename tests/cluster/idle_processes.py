"""What decides about workloads that nobody uses, as real processes of this machine, on the API server under test.

Prometheus, Alertmanager, kube-state-metrics and the operator of KEDA run as the platform runs them, but for addresses
and how often they look. What nodes and GPUs would tell is told by this process (`simulated_use`).
"""

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest
from ruamel.yaml import YAML

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.errors import RehearsalError
from bedplate.kubernetes import RuleGroup, rules_file
from bedplate.programs import definitions
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports, serving
from cluster.traefik_under_test import certificate
from programs_under_test import program_under_test

_READY_SECONDS = 60
_NAMESPACE = "bedplate-idle"


@dataclass(frozen=True)
class IdlePrograms:
    """Paths of all of them."""

    keda: Path
    prometheus: Path
    alertmanager: Path
    kube_state_metrics: Path

    @classmethod
    def found(cls) -> "IdlePrograms":
        """Skips the test where one is missing."""
        return cls(
            keda=program_under_test("keda"),
            prometheus=program_under_test("prometheus"),
            alertmanager=program_under_test("alertmanager"),
            kube_state_metrics=program_under_test("kube-state-metrics"),
        )


@dataclass
class Running:
    """A process that may end and begin again, as a pod of its would."""

    name: str
    arguments: Sequence[str]
    folder: Path
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    _process: BackgroundProcess | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        environment = {"PATH": os.defpath, "HOME": str(self.folder), **self.environment}
        self._process = BackgroundProcess(
            self.name, guarded(self.arguments), log=self.log, folder=self.folder, environment=environment
        )
        eventually(lambda: answers(self.ready), f"an answer of {self.name}, whose log is {self.log}", _READY_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            stop([self._process])
            self._process = None

    def figures(self) -> tuple[float, float]:
        """Seconds of processor time so far, and MiB of memory now."""
        for process in psutil.Process().children(recursive=True):
            if process.cmdline() == list(self.arguments):
                return sum(process.cpu_times()[:2]), process.memory_info().rss / 2**20
        raise LookupError(f"{self.name} does not run")


def answers(url: str) -> bool:
    """Whether it does, with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class Prometheus(Running):
    """Prometheus, and what it knows."""

    @property
    def url(self) -> str:
        return self.ready.removesuffix("/-/ready")

    def query(self, expression: str, at_seconds: int | None = None) -> list[dict[str, Any]]:
        """Samples of an expression, now or at a time: `metric` and `value`."""
        asked = {"query": expression} | ({} if at_seconds is None else {"time": at_seconds})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urlencode(asked)}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def value(self, expression: str) -> float | None:
        """Of its one sample; None where there is none."""
        return _one(self.query(expression))

    def value_for_keda(self, expression: str) -> float | None:
        """The same as KEDA sees it, which asks for the last whole second and not for now
        (https://github.com/kedacore/keda/blob/v2.21.0/pkg/scalers/prometheus_scaler.go)."""
        return _one(self.query(expression, at_seconds=int(time.time())))


def _one(found: list[dict[str, Any]]) -> float | None:
    return float(found[0]["value"][1]) if found else None


@dataclass
class Watching:
    """Prometheus with its surroundings, and KEDA. prometheus: what KEDA asks."""

    prometheus: Prometheus
    keda: Running
    kube_state_metrics: Running
    alertmanager: Running
    alerts: list[dict[str, Any]]
    """What the receiver of alerts got."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where Prometheus reads, as `host:port/path`, by the names of the platform's scrape jobs. lookback_seconds: how
    old a sample may be that it answers with; it has 300 where it reads every 30. namespace: whose series it keeps of
    those that have one; all if empty."""

    addresses: Mapping[str, str]
    scrape_seconds: int
    lookback_seconds: int = 300
    namespace: str = ""


@contextmanager
def running_prometheus(
    program: Path,
    folder: Path,
    rules: Sequence[RuleGroup] | str,
    sources: Sources,
    alertmanager: str = "",
    flags: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Prometheus with these rules."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_ports("http")["http"]
    (folder / "rules.yml").write_text(rules if isinstance(rules, str) else rules_file(rules))
    with (folder / "prometheus.yml").open("w") as file:
        YAML(typ="safe").dump(_scraping(sources, port, alertmanager), file)
    command = [str(program), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=1d"]
    command += [f"--query.lookback-delta={sources.lookback_seconds}s", *flags]
    running = Prometheus("prometheus", command, folder, f"http://127.0.0.1:{port}/-/ready")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _scraping(sources: Sources, port: int, alertmanager: str) -> dict[str, Any]:
    seconds = f"{sources.scrape_seconds}s"
    kept = [{"source_labels": ["namespace"], "regex": f"({sources.namespace})?", "action": "keep"}]
    jobs = [
        {
            "job_name": job,
            "honor_labels": job in ("kube-state-metrics", "kubelet", "dcgm-exporter"),
            "metrics_path": f"/{address.partition('/')[2] or 'metrics'}",
            "static_configs": [{"targets": [address.partition("/")[0]]}],
            **({"metric_relabel_configs": kept} if sources.namespace else {}),
        }
        for job, address in {**sources.addresses, "prometheus": f"127.0.0.1:{port}"}.items()
    ]
    return {
        "global": {"scrape_interval": seconds, "scrape_timeout": seconds, "evaluation_interval": seconds},
        "rule_files": ["rules.yml"],
        "scrape_configs": jobs,
        **(
            {"alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}} if alertmanager else {}
        ),
    }


@contextmanager
def running_kube_state_metrics(
    program: Path, access: ClusterAccess, folder: Path, custom_resources: Sequence[Mapping[str, Any]], labels: str
) -> Iterator[tuple[Running, int]]:
    """With the port of its metrics. labels: its flag --metric-labels-allowlist."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_ports("metrics", "own")
    state = {"kind": "CustomResourceStateMetrics", "spec": {"resources": list(custom_resources)}}
    (folder / "custom-resources.json").write_text(json.dumps(state))
    command = [str(program), f"--kubeconfig={access.kubeconfig}", "--host=127.0.0.1", "--telemetry-host=127.0.0.1"]
    command += [f"--port={ports['metrics']}", f"--telemetry-port={ports['own']}"]
    command += ["--resources=pods,statefulsets,deployments,namespaces,persistentvolumeclaims"]
    command += [f"--metric-labels-allowlist={labels}"]
    command += [f"--custom-resource-state-config-file={folder}/custom-resources.json"] if custom_resources else []
    running = Running("kube-state-metrics", command, folder, f"http://127.0.0.1:{ports['metrics']}/healthz")
    running.start()
    try:
        yield running, ports["metrics"]
    finally:
        running.stop()


@contextmanager
def running_keda(
    program: Path, access: ClusterAccess, folder: Path, namespaces: Sequence[str] = (), flags: Sequence[str] = ()
) -> Iterator[tuple[Running, int]]:
    """The operator, with the port of its metrics. namespaces: those that it watches; all if none."""
    folder.mkdir(parents=True, exist_ok=True)
    found, key = certificate(folder, "keda-operator.bedplate-idle.svc")
    for name, file in (("ca.crt", found), ("tls.crt", found), ("tls.key", key)):
        (folder / name).write_text(file.read_text())
    ports = free_ports("metrics", "health", "service")
    command = [str(program), f"--metrics-bind-address=127.0.0.1:{ports['metrics']}", f"--cert-dir={folder}"]
    command += [f"--health-probe-bind-address=127.0.0.1:{ports['health']}"]
    command += [f"--metrics-service-bind-address=127.0.0.1:{ports['service']}"]
    command += ["--enable-cert-rotation=false", "--leader-elect=false", "--zap-log-level=error", *flags]
    environment = {
        "KUBECONFIG": str(access.kubeconfig),
        "WATCH_NAMESPACE": ",".join(namespaces),
        "POD_NAMESPACE": _NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": _NAMESPACE,
        "POD_NAME": "keda-operator",
        "KEDA_HTTP_DEFAULT_TIMEOUT": "3000",
    }
    running = Running("keda", command, folder, f"http://127.0.0.1:{ports['health']}/readyz", environment)
    running.start()
    try:
        yield running, ports["metrics"]
    finally:
        running.stop()


@contextmanager
def keda_definitions(api: ApiServer) -> Iterator[None]:
    """Of KEDA's kinds, while the block lasts."""
    try:
        folder = definitions("keda", lambda _: None)
    except RehearsalError as error:
        pytest.skip(f"the definitions of KEDA are missing: {error}")
    bodies = [YAML(typ="safe").load(file) for file in sorted(folder.iterdir())]
    for body in bodies:
        api.apply(body)
    eventually(lambda: api.knows("keda.sh/v1alpha1", "ScaledObject"), "KEDA's kinds")
    try:
        yield
    finally:
        for body in bodies:
            api.delete(body)


@contextmanager
def running_alertmanager(program: Path, folder: Path) -> Iterator[tuple[Running, str, list[dict[str, Any]]]]:
    """With where it listens, and what its one receiver, a server of this process, gets: `at` says when."""
    folder.mkdir(parents=True, exist_ok=True)
    got = list[dict[str, Any]]()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
            got.extend({**alert, "at": time.monotonic()} for alert in told)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with serving(Receiver, "127.0.0.1") as receiver:
        port = free_ports("http")["http"]
        route = {"receiver": "all", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
        receivers = [{"name": "all", "webhook_configs": [{"url": f"http://127.0.0.1:{receiver}/"}]}]
        (folder / "alertmanager.yml").write_text(json.dumps({"route": route, "receivers": receivers}))
        command = [str(program), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
        command += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"]
        running = Running("alertmanager", command, folder, f"http://127.0.0.1:{port}/-/ready")
        running.start()
        try:
            yield running, f"127.0.0.1:{port}", got
        finally:
            running.stop()
