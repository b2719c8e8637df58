"""What a tenant's Grafana can be told: a real Prometheus that knows two tenants, and a real proxy of one of them.

Whoever uses Grafana can send its source any request, so the proxy is asked itself. Where a falcon is seen, it is the
tenant's own; a heron is the neighbour's.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bedplate.kubernetes import Dashboard
from bedplate.services.monitoring.dashboards import DASHBOARDS
from bedplate.services.monitoring.label_proxy import arguments
from cluster.idle_processes import Prometheus, Running, Sources, running_prometheus
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports, serving
from programs_under_test import program_under_test

pytestmark = pytest.mark.enable_socket

OWN, NEIGHBOUR = "vision", "audio"
BIRDS = {OWN: "falcon", NEIGHBOUR: "heron"}
SHOWN = [dashboard for dashboard in DASHBOARDS if dashboard.audience == "tenant"]
_STARTED = time.time()
_ALL = '{__name__=~".+"}'
_JOBS = {"complete": 'condition="true"', "failed": 'condition="true"', "active": ""}


def told() -> str:
    """Of both tenants, what their dashboards show and more, as OpenMetrics."""
    lines = [line for namespace, bird in BIRDS.items() for line in _of(namespace, bird)]
    counted = time.time() - _STARTED
    lines.append("# TYPE answers counter")
    for namespace, bird in BIRDS.items():
        exemplar = f'# {{trace="{bird}-trace"}} 1 {time.time():.3f}'
        lines.append(f'answers_total{{namespace="{namespace}",pod="{bird}-pod"}} {counted} {exemplar}')
    return "\n".join([*lines, "# EOF", ""])


def _of(namespace: str, bird: str) -> Iterator[str]:
    here = f'namespace="{namespace}"'
    pod = f'{here},pod="{bird}-pod",container="main"'
    yield f'kube_namespace_labels{{{here},label_bedplate_dev_tenant="{namespace}"}} 1'
    for kind, value in (("used", 2), ("hard", 4)):
        yield f'kube_resourcequota{{{here},resourcequota="{bird}-quota",resource="requests.cpu",type="{kind}"}} {value}'
    yield f"container_cpu_usage_seconds_total{{{pod}}} {(time.time() - _STARTED) / 2}"
    yield f"container_memory_working_set_bytes{{{pod}}} 1000"
    for resource in ("cpu", "memory", "nvidia_com_gpu"):
        yield f'kube_pod_container_resource_requests{{{pod},resource="{resource}"}} 1'
    yield f'kube_pod_status_phase{{{here},pod="{bird}-pod",phase="Running"}} 1'
    yield f'kube_pod_container_status_waiting_reason{{{pod},reason="ImagePullBackOff"}} 1'
    for how, condition in _JOBS.items():
        job = f'{here},job_name="{bird}-{how}"'
        yield f'kube_job_labels{{{job},label_bedplate_dev_workload="{bird}-training"}} 1'
        yield f"kube_job_status_start_time{{{job}}} {_STARTED - 100}"
        yield f"kube_job_status_active{{{job}}} {int(how == 'active')}"
        yield f"kube_job_status_failed{{{job}}} {int(how == 'failed')}"
        if condition:
            yield f"kube_job_{how}{{{job},{condition}}} 1"
        if how == "complete":
            yield f"kube_job_status_completion_time{{{job}}} {_STARTED}"
    yield f'seen_{bird}{{{here},of_{bird}="yes"}} 1'


def rules() -> str:
    """An alert of each, which says whose it is, and one that does not."""
    alerts = [
        {"alert": f"{bird}IsSeen", "expr": f"seen_{bird} == 1", "labels": {"namespace": namespace}}
        for namespace, bird in BIRDS.items()
    ]
    return json.dumps({"groups": [{"name": "birds", "interval": "1s", "rules": alerts}]})


@dataclass
class Site:
    prometheus: Prometheus
    proxy: str

    def asks(self, method: str, path: str, query: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The proxy's answer."""
        return asked(self.proxy, method, path, query or {})

    def value(self, expression: str) -> list[dict[str, Any]]:
        """What the proxy answers to a question, by labels."""
        status, text = self.asks("GET", "/api/v1/query", {"query": expression})
        assert status == 200, text
        return ordered(json.loads(text)["data"]["result"])


def ordered(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the time at which they were taken."""
    found = [{"metric": one["metric"], "value": one["value"][1]} for one in samples]
    return sorted(found, key=lambda one: json.dumps(one["metric"], sort_keys=True))


def asked(url: str, method: str, path: str, query: Mapping[str, str]) -> tuple[int, str]:
    text = urlencode(query)
    in_body = method == "POST"
    request = urllib.request.Request(
        f"{url}{path}" if in_body or not text else f"{url}{path}?{text}",
        data=text.encode() if in_body else None,
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = told().encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("tenant-grafana")
    programs = [program_under_test(name) for name in ("prometheus", "prom-label-proxy")]
    with serving(Exporter, "127.0.0.1") as exporter:
        sources = Sources(addresses={"kube-state-metrics": f"127.0.0.1:{exporter}"}, scrape_seconds=1)
        flags = ["--enable-feature=exemplar-storage"]
        with running_prometheus(programs[0], folder / "prometheus", rules(), sources, flags=flags) as prometheus:
            at = f"127.0.0.1:{free_ports('http')['http']}"
            command = [str(programs[1]), *arguments(OWN, prometheus.url, at)]
            proxy = Running("prom-label-proxy", command, folder, f"http://{at}/healthz")
            proxy.start()
            try:
                both = f'count(rate(answers_total[20s])) == 2 and count(ALERTS{{alertstate="firing"}}) == {len(BIRDS)}'
                eventually(lambda: prometheus.query(both), "samples and alerts of both", 60)
                yield Site(prometheus, f"http://{at}")
            finally:
                proxy.stop()


_TIMES = {"start": f"{_STARTED - 3600:.0f}", "end": f"{_STARTED + 3600:.0f}", "step": "60"}
ASKED: dict[str, tuple[str, str, dict[str, str]]] = {
    "a query": ("GET", "/api/v1/query", {"query": _ALL}),
    "a query in the body": ("POST", "/api/v1/query", {"query": _ALL}),
    "a range": ("GET", "/api/v1/query_range", {"query": _ALL, **_TIMES, "step": "300"}),
    "a range in the body": ("POST", "/api/v1/query_range", {"query": _ALL, **_TIMES, "step": "300"}),
    "series": ("GET", "/api/v1/series", {"match[]": _ALL}),
    "series in the body": ("POST", "/api/v1/series", {"match[]": _ALL}),
    "labels": ("GET", "/api/v1/labels", {}),
    "labels of a selector": ("GET", "/api/v1/labels", {"match[]": _ALL}),
    "labels in the body": ("POST", "/api/v1/labels", {"match[]": _ALL}),
    "names of metrics": ("GET", "/api/v1/label/__name__/values", {}),
    "pods": ("GET", "/api/v1/label/pod/values", {}),
    "pods of a selector": ("GET", "/api/v1/label/pod/values", {"match[]": _ALL}),
    "exemplars": ("GET", "/api/v1/query_exemplars", {"query": "answers_total", **_TIMES}),
    "exemplars in the body": ("POST", "/api/v1/query_exemplars", {"query": "answers_total", **_TIMES}),
    "federation": ("GET", "/federate", {"match[]": _ALL}),
    "rules": ("GET", "/api/v1/rules", {}),
    "alerts": ("GET", "/api/v1/alerts", {}),
}


class TestEveryWayToAsk:
    @pytest.mark.parametrize("way", ASKED)
    def test_tells_of_the_own_tenant_alone(self, site: Site, way: str) -> None:
        method, path, query = ASKED[way]
        _, everything = asked(site.prometheus.url, method, path, query)
        assert "heron" in everything, "Prometheus itself would tell of both"
        status, text = site.asks(method, path, query)
        assert status == 200
        assert "falcon" in text
        assert "heron" not in text

    @pytest.mark.parametrize(
        "expression",
        [
            f'answers_total{{namespace="{NEIGHBOUR}"}}',
            f'answers_total{{namespace!="{OWN}"}}',
            f'answers_total{{namespace=~"{NEIGHBOUR}|none"}}',
            f'answers_total or answers_total{{namespace="{NEIGHBOUR}"}}',
            f'max_over_time(rate(answers_total{{namespace="{NEIGHBOUR}"}}[20s])[1m:5s])',
            f'absent(answers_total{{namespace="{NEIGHBOUR}"}})',
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_refuses_to_tell_of_another(self, site: Site, method: str, expression: str) -> None:
        status, text = site.asks(method, "/api/v1/query", {"query": expression})
        assert (status, json.loads(text)["status"]) == (400, "error")
        assert "heron" not in text

    @pytest.mark.parametrize("path", ["/api/v1/series", "/api/v1/labels", "/api/v1/label/pod/values", "/federate"])
    def test_finds_nothing_by_a_selector_of_another(self, site: Site, path: str) -> None:
        status, text = site.asks("GET", path, {"match[]": f'{{namespace="{NEIGHBOUR}"}}'})
        assert (status, json.loads(text)["data"] if text else []) == (200, [])

    @pytest.mark.parametrize(
        "expression",
        [
            "count({})",
            f'count({{namespace=~"{OWN}|{NEIGHBOUR}"}})',
            'sum by (namespace, pod) (answers_total{pod=~".+"} @ end() offset 1s) * 0',
            'count(seen_falcon{namespace=~".+"} or seen_heron or on () vector(0))',
            'label_replace(seen_heron, "namespace", "vision", "", "") or seen_falcon',
            "group by (namespace) (answers_total) and on () group by (job) (answers_total)",
        ],
    )
    def test_counts_the_own_series_alone(self, site: Site, expression: str) -> None:
        """As a Prometheus would that knew no others."""
        if "{}" in expression:
            expression = expression.replace("{}", _ALL)
        found = site.value(expression)
        assert found
        assert "heron" not in json.dumps(found)
        if expression == f"count({_ALL})":
            own = site.prometheus.query(f'count({{__name__=~".+", namespace="{OWN}"}})')
            assert [one["value"] for one in found] == [own[0]["value"][1]]


class TestEverythingElse:
    @pytest.mark.parametrize(
        "path",
        [
            *("/", "/graph", "/metrics", "/targets", "/config", "/flags", "/debug/pprof/", "/version"),
            *("/api/v1/metadata", "/api/v1/targets", "/api/v1/targets/metadata", "/api/v1/alertmanagers"),
            *("/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/tsdb", "/api/v1/status/runtimeinfo"),
            *("/api/v1/format_query?query=up", "/api/v1/parse_query?query=up", "/api/v1/notifications"),
            *("/api/v1/scrape_pools", "/api/v1/status/walreplay", "/api/v2/query", "/api/v1"),
        ],
    )
    def test_is_not_there(self, site: Site, path: str) -> None:
        assert site.asks("GET", path)[0] == 404

    @pytest.mark.parametrize(
        "path",
        [
            *("/-/reload", "/-/quit", "/api/v1/write", "/api/v1/read", "/api/v1/otlp/v1/metrics"),
            *("/api/v1/admin/tsdb/delete_series", "/api/v1/admin/tsdb/snapshot", "/api/v1/admin/tsdb/clean_tombstones"),
        ],
    )
    def test_changes_nothing(self, site: Site, path: str) -> None:
        assert site.asks("POST", path)[0] == 404


class TestADashboardOfTenants:
    @pytest.mark.parametrize(
        ("dashboard", "number"),
        [(dashboard, number) for dashboard in SHOWN for number, _ in enumerate(dashboard.queries())],
        ids=lambda value: value.uid if isinstance(value, Dashboard) else str(value),
    )
    def test_shows_what_is_the_tenants(self, site: Site, dashboard: Dashboard, number: int) -> None:
        expression = list(dashboard.queries())[number].expression.replace("$__rate_interval", "1m")
        everything = site.value(expression.replace("$namespace", ".+"))
        assert [one["metric"] for one in everything] != []
        assert site.value(expression.replace("$namespace", OWN)) != []
        own = ordered(site.prometheus.query(expression.replace("$namespace", OWN)))
        assert [one["metric"] for one in everything] == [one["metric"] for one in own]

    @pytest.mark.parametrize("dashboard", SHOWN, ids=lambda dashboard: dashboard.uid)
    def test_offers_no_other_namespace(self, site: Site, dashboard: Dashboard) -> None:
        """Grafana asks for a variable's values so."""
        for variable in dashboard.variables:
            status, text = site.asks("GET", f"/api/v1/label/{variable.label}/values", {"match[]": variable.selector})
            assert (status, json.loads(text)["data"]) == (200, [OWN])
