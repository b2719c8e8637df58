"""Workloads that sleep, the way to them and what decides about them, on a real API server with simulated nodes.

Everything is as the platform makes it, but for times: the rules look every two seconds, and the idle time is a part of
a minute, which no stack file can say.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.nodes import SimulatedPool
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.kubernetes import RuleGroup
from bedplate.labels import IDLE_NAMESPACE, IDLE_TIMEOUT_MINUTES, OWNER_EMAIL, WORKLOAD, Identity, host_label
from bedplate.offers import Sleep
from bedplate.rehearsal.definitions import Definitions
from bedplate.services.front_door.routes import provider_tokens
from bedplate.services.idle.alerts import idle_alerts
from bedplate.services.idle.rules import Clock, Thresholds, idle_rules
from bedplate.services.idle.scaled_objects import Target, scaled_object
from bedplate.services.idle.workspace_objects import custom_resource_state
from bedplate.services.login.authentication import AuthenticationEndpoints
from cluster.front_door_under_test import DOMAIN, TOKENS, route, the_platforms_part
from cluster.idle_processes import (
    IdlePrograms,
    Running,
    Sources,
    Watching,
    keda_definitions,
    running_alertmanager,
    running_keda,
    running_kube_state_metrics,
    running_prometheus,
)
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.pages import Pages
from cluster.processes_under_test import PROVIDER, SESSION, Login, Visitor, own_address, serving
from cluster.simulated_use import SimulatedUse
from cluster.traefik_under_test import RunningTraefik, certificate, running_traefik, wildcard_secret
from cluster.waker_under_test import at_waker, rights, running_waker
from harness import platform, record
from programs_under_test import program_under_test

TENANT = "vision"
CLOCK = Clock(interval_seconds=2, window_seconds=10)
IDLE_SECONDS, WARN_SECONDS = 24, 12
_LOOKBACK_SECONDS = 25
"""As much longer than the rules' window as the five minutes that Prometheus is shipped with."""
OWNER = "ines@example.com"
WOKEN = "erin"
"""A workspace that is stopped, and the one that the waker knows; requests start the others by what is counted."""
HELD_SECONDS, WOKEN_POLLED_SECONDS = 12, 30
MEMBER = [("Cookie", f"{SESSION}=ines")]
POLLED = "/api/status"
POOLS = (SimulatedPool(name="l4", nodes=1, cpu=16, memory_gib=64, accelerator="nvidia-l4", gpus=8),)
_STORAGE = "bedplate-idle-test"
LABELS = "pods=[bedplate.dev/workload,bedplate.dev/tenant],persistentvolumeclaims=[bedplate.dev/workload]"


@dataclass
class Site:
    """All that runs. times: what was measured, by what it is."""

    api: ApiServer
    watching: Watching
    use: SimulatedUse
    traefik: RunningTraefik
    waker: Running
    certificate: Path
    times: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.traefik.https, self.certificate)

    def replicas(self, name: str) -> int:
        """That the workload is to have."""
        found = self.api.get(stateful_set(name))
        assert found is not None
        return found["spec"]["replicas"]

    def waits_for(self, replicas: int, name: str, seconds: float) -> float:
        """Until the workload is to have as many; the seconds that this took."""
        started = time.monotonic()
        what = f"{replicas} replicas of {name}; logs in {self.watching.keda.folder}"
        eventually(lambda: self.replicas(name) == replicas, what, seconds)
        return time.monotonic() - started


def host(name: str) -> str:
    return f"{host_label(TENANT, name)}.{DOMAIN}"


def identity(name: str) -> Identity:
    return Identity(name="workspace", component="workspace", owner=OWNER, tenant=TENANT, workload=name)


def stateful_set(name: str, namespace: str = TENANT, gpus: int = 1, storage: str = _STORAGE) -> dict[str, Any]:
    """As the template of a workspace will make it. storage: class of the home volume; none if empty."""
    who = Identity(name="workspace", component="workspace", owner=OWNER, tenant=namespace, workload=name)
    resources = {"cpu": "100m", "memory": "64Mi", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    container = {"name": "main", "image": "example.com/workspace:1", "resources": {"requests": resources}}
    if gpus:
        container["resources"]["limits"] = {"nvidia.com/gpu": str(gpus)}
    claim = {
        "metadata": {"name": "home", "labels": {WORKLOAD: name}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage,
            "resources": {"requests": {"storage": "5Gi"}},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace, "labels": who.labels()},
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": who.selector()},
            "template": {
                "metadata": {"labels": who.labels()},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
                    "containers": [container],
                },
            },
            "volumeClaimTemplates": [claim] if storage else [],
        },
    }


def scaled(name: str, url: str, gpus: int = 1) -> dict[str, Any]:
    """Its ScaledObject, with the short idle time."""
    target = Target(
        kind="StatefulSet",
        name=name,
        namespace=TENANT,
        identity=identity(name),
        after_minutes=1,
        route=host_label(TENANT, name),
        host=host(name) if name == WOKEN else "",
        gpus=gpus,
    )
    body: dict[str, Any] = dict(scaled_object(target, url, CLOCK))
    if name == WOKEN:
        # It is not by its own next look that KEDA starts it.
        body["spec"]["pollingInterval"] = WOKEN_POLLED_SECONDS
    body["metadata"]["annotations"] |= {IDLE_TIMEOUT_MINUTES: f"{IDLE_SECONDS / 60}", OWNER_EMAIL: OWNER}
    return body


def way_to(name: str, login: AuthenticationEndpoints) -> list[dict[str, Any]]:
    """Service and route of a workspace; nobody answers yet."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": TENANT},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }
    return [
        service,
        endpoint_slice(name, TENANT, None, 8080),
        *route(name, "browser", login, TENANT, sleep=Sleep(polling_paths=[POLLED])),
    ]


@contextmanager
def running_site(access: ClusterAccess, folder: Path, names: Sequence[str]) -> Iterator[Site]:
    """The workspaces, all running, and everything beside them; skips the test where something is missing."""
    if not access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    programs, traefik_program, address = IdlePrograms.found(), program_under_test("traefik"), own_address()
    api, found = ApiServer(access), certificate(folder, f"*.{DOMAIN}")
    front_door = Definitions(api)
    front_door.create(record(platform(certificates={"issuer": "internal"})))
    with ExitStack() as life:
        life.callback(front_door.remove)
        life.enter_context(keda_definitions(api))
        life.enter_context(simulated_cluster(access, POOLS, {_STORAGE: "Delete"}, lambda _: None))
        workload, login_port = (life.enter_context(serving(*it)) for it in ((Pages, address), (Login, "127.0.0.1")))
        login = AuthenticationEndpoints(
            domain=DOMAIN, issuer=PROVIDER, tokens=TOKENS, proxy=f"http://127.0.0.1:{login_port}"
        )
        use = SimulatedUse(api, [TENANT], (address, workload))
        granted = rights()
        life.callback(_remove, api, granted)
        for body in granted:
            api.apply(body)
        waker, waker_url = life.enter_context(running_waker(access, api, folder / "waker", HELD_SECONDS))
        stopped = {**stateful_set(WOKEN), "spec": {**stateful_set(WOKEN)["spec"], "replicas": 0}}
        applied = [
            *(at_waker(body, waker_url) for body in the_platforms_part()),
            provider_tokens(login),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT}},
            wildcard_secret(*found),
            *(part for name in names for part in (*way_to(name, login), stateful_set(name))),
            *way_to(WOKEN, login),
            stopped,
        ]
        life.callback(_remove, api, applied)
        for body in applied:
            api.apply(body)
        exporter = life.enter_context(use.told())
        traefik = life.enter_context(running_traefik(traefik_program, access, api, folder / "traefik"))
        watching = life.enter_context(_watching(programs, access, folder, traefik.metrics, exporter))
        for name in (*names, WOKEN):
            use.of(TENANT, name).gpu_percent = 0.0
            api.apply(scaled(name, watching.prometheus.url))
        life.callback(_remove, api, [scaled(name, watching.prometheus.url) for name in (*names, WOKEN)])
        yield Site(api, watching, use, traefik, waker, found[0])


@contextmanager
def _watching(
    programs: IdlePrograms, access: ClusterAccess, folder: Path, traefik: int, exporter: int
) -> Iterator[Watching]:
    with ExitStack() as life:
        state = [custom_resource_state()]
        alertmanager, alerting, got = life.enter_context(
            running_alertmanager(programs.alertmanager, folder / "alertmanager")
        )
        metrics, metrics_port = life.enter_context(
            running_kube_state_metrics(programs.kube_state_metrics, access, folder / "ksm", state, LABELS)
        )
        keda, keda_port = life.enter_context(running_keda(programs.keda, access, folder / "keda"))
        sources = Sources(
            addresses={
                "traefik": f"127.0.0.1:{traefik}",
                "kube-state-metrics": f"127.0.0.1:{metrics_port}",
                "kubelet": f"127.0.0.1:{exporter}/cadvisor",
                "dcgm-exporter": f"127.0.0.1:{exporter}/dcgm",
                "keda-operator": f"127.0.0.1:{keda_port}",
            },
            scrape_seconds=CLOCK.interval_seconds,
            lookback_seconds=_LOOKBACK_SECONDS,
        )
        alerts = idle_alerts(cast(int, WARN_SECONDS / 60), IDLE_NAMESPACE)
        told = RuleGroup(name="bedplate-idle-alerts", rules=alerts, interval_seconds=CLOCK.interval_seconds)
        rules = [*idle_rules(Thresholds(), CLOCK), told]
        prometheus = life.enter_context(
            running_prometheus(programs.prometheus, folder / "prometheus", rules, sources, alerting)
        )
        yield Watching(prometheus, keda, metrics, alertmanager, got)


def _remove(api: ApiServer, applied: Sequence[dict[str, Any]]) -> None:
    for body in reversed(applied):
        api.delete(body)

    def is_gone(body: dict[str, Any]) -> bool:
        try:
            return api.get(body) is None
        except ApiError:
            return False

    waited = [body for body in applied if body["kind"] in ("Namespace", "ScaledObject")]
    eventually(lambda: all(is_gone(body) for body in waited), "the end of namespaces and ScaledObjects", seconds=90)
