"""How long a stopped workspace takes to be usable again, beside JupyterHub, which starts a new server of its image.

`make benchmark-spawn` prints the tables. Both sides run on one cluster of this machine in one run: API server,
scheduler, controllers, Traefik, Prometheus, kube-state-metrics and KEDA with the platform's intervals, JupyterHub with
KubeSpawner and its proxy, and JupyterLab itself are real. Simulated, alike for both: the node, what pulling an image
takes where the node does not have it, what a sandbox takes, volumes, and the sign-in, which has happened before.

Usable means that the page of JupyterLab answers. A visitor of ours waits as the starting page has it; one of
JupyterHub's listens, as its waiting page does.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spawn_jupyterhub import NAMESPACE, Hub, running_hub, version
from spawn_kubelet import Kubelet, Simulated

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.embedded_cluster.volumes import simulated_volumes
from bedplate.labels import STOPPED, Identity, host_label
from bedplate.offers import Sleep
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.services.front_door.routes import provider_tokens
from bedplate.services.idle.rules import Clock, Thresholds, idle_rules
from bedplate.services.idle.scaled_objects import Target, scaled_object
from bedplate.services.idle.workspace_objects import custom_resource_state
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.workloads._interfaces import INTERFACES
from cluster.front_door_under_test import DOMAIN, TOKENS, route, the_platforms_part
from cluster.idle_processes import (
    IdlePrograms,
    Prometheus,
    Sources,
    keda_definitions,
    running_keda,
    running_kube_state_metrics,
    running_prometheus,
)
from cluster.idle_under_test import LABELS, MEMBER
from cluster.objects_under_test import eventually
from cluster.processes_under_test import PROVIDER, Login, Visitor, own_address, serving
from cluster.simulated_use import SimulatedUse
from cluster.traefik_under_test import certificate, running_traefik, wildcard_secret
from cluster.waker_under_test import at_waker, rights, running_waker
from harness import LOGIN, objects, platform, record, tenant
from programs_under_test import program_under_test

TENANT, IMAGE, STORAGE = "vision", "ghcr.io/acme/lab:1.0.0", "retained"
CACHE = Path.home() / ".cache" / "bedplate"
PAGE = [*MEMBER, ("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
OURS, HUB = "stopped workspace", "JupyterHub"
_KINDS = {"StatefulSet", "Service", "PersistentVolumeClaim", "ConfigMap", "ServiceAccount"}
_LATEST_SECONDS = 300
HELD_SECONDS = 180


@dataclass(frozen=True)
class Start:
    """One start, in seconds from the request. asked: until there was a pod; ready: until it was ready; usable: until
    there was a page."""

    side: str
    has_image: bool
    asked: float
    ready: float
    usable: float


@dataclass(frozen=True)
class Bench:
    """All that runs."""

    api: ApiServer
    kubelet: Kubelet
    prometheus: Prometheus
    visitor: Visitor
    hub: Hub
    progress: Callable[[str], None]

    def wakes(self, name: str, *, has_image: bool) -> Start:
        """A person opens the page of a workspace that is stopped."""
        self._node(has_image=has_image)
        began = time.monotonic()
        while (answer := self.visitor.ask(f"{host_label(TENANT, name)}.{DOMAIN}", "/lab", PAGE)[0]).status != 200:
            if answer.status != 503 or time.monotonic() - began > _LATEST_SECONDS:
                raise RuntimeError(f"{name} answers {answer.status} after {time.monotonic() - began:.0f} s")
            time.sleep(float(answer.headers["Retry-After"]))
        start = self._start(OURS, f"{name}-0", began, time.monotonic() - began, has_image=has_image)
        paused = _scaled(name, self.prometheus.url)
        paused["metadata"]["annotations"][STOPPED] = "0"
        self.api.apply(paused)
        self._is_gone(f"{name}-0")
        return start

    def spawns(self, name: str, *, has_image: bool) -> Start:
        """A person who has signed in at JupyterHub starts her server for the first time."""
        person = self.hub.visitor(name)
        self._node(has_image=has_image)
        began = time.monotonic()
        usable = person.spawns()
        pod = next(pod for pod in self.kubelet.pods if pod.startswith(f"jupyter-{name}"))
        start = self._start(HUB, pod, began, usable, has_image=has_image)
        person.stops()
        self._is_gone(pod)
        return start

    def _node(self, *, has_image: bool) -> None:
        self.kubelet.images = {IMAGE} if has_image else set()
        # Whoever asks comes at no particular time of the intervals.
        time.sleep(random.uniform(0, Clock().interval_seconds))

    def _start(self, side: str, pod: str, began: float, usable: float, *, has_image: bool) -> Start:
        found = self.kubelet.pods[pod]
        start = Start(side, has_image, found.bound - began, found.ready - began, usable)
        self.progress(f"{start}")
        return start

    def _is_gone(self, pod: str) -> None:
        # Every pod of this node has the same address and port.
        started = self.kubelet.pods[pod].process
        eventually(lambda: started is None or started.poll() is not None, f"the end of {pod}", 60)


def _scaled(name: str, url: str) -> dict[str, Any]:
    identity = Identity(name="workspace", component="workspace", tenant=TENANT, workload=name)
    target = Target(
        kind="StatefulSet",
        name=name,
        namespace=TENANT,
        identity=identity,
        after_minutes=30,
        route=host_label(TENANT, name),
        host=f"{host_label(TENANT, name)}.{DOMAIN}",
    )
    return dict(scaled_object(target, url))


def workspaces(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """As the program registers them, but that they are stopped."""
    each = {"kind": "workspace", "owner": "ines@example.com", "image": IMAGE}
    team = tenant(TENANT, *({**each, "name": name, "alwaysOn": True} for name in names))
    recording = record(platform(team, login=LOGIN, certificates={"issuer": "internal"}))
    for resource in objects(recording):
        body = manifest_of(resource)
        if body["metadata"].get("namespace") != TENANT or body["kind"] not in _KINDS:
            continue
        if body["kind"] == "StatefulSet":
            body["spec"]["replicas"] = 0
        if body["kind"] == "PersistentVolumeClaim":
            body["spec"]["storageClassName"] = STORAGE
        yield body


@contextmanager
def running(
    names: Sequence[str],
    programs: Path,
    proxy: Path,
    simulated: Simulated,
    progress: Callable[[str], None],
    *,
    is_told: bool,
) -> Iterator[Bench]:
    with ExitStack() as life:
        folder, address = Path(life.enter_context(tempfile.TemporaryDirectory())), own_address()
        access = life.enter_context(embedded_cluster(progress))
        api, calls = ApiServer(access), ClusterApi(access.kubeconfig, access.context)
        Definitions(api).create(record(platform(certificates={"issuer": "internal"})))
        life.enter_context(keda_definitions(api))
        life.enter_context(simulated_volumes(calls, {STORAGE: "Retain"}, bool))
        kubelet = Kubelet(calls, folder / "pods", programs, address, simulated)
        life.enter_context(kubelet.running())
        login_port = life.enter_context(serving(Login, "127.0.0.1"))
        proxy_url = f"http://127.0.0.1:{login_port}"
        login = AuthenticationEndpoints(domain=DOMAIN, issuer=PROVIDER, tokens=TOKENS, proxy=proxy_url)
        for body in rights():
            api.apply(body)
        waker = life.enter_context(running_waker(access, api, folder / "waker", HELD_SECONDS))[1] if is_told else ""
        found = certificate(folder, f"*.{DOMAIN}")
        sleep = Sleep(polling_paths=INTERFACES["jupyterlab"].polling_paths)
        for body in [
            *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (TENANT, NAMESPACE)),
            *(at_waker(body, waker) for body in the_platforms_part()),
            provider_tokens(login),
            wildcard_secret(*found),
            *workspaces(names),
            *(part for name in names for part in route(name, "browser", login, TENANT, sleep=sleep)),
        ]:
            api.apply(body)
        traefik = life.enter_context(running_traefik(program_under_test("traefik"), access, api, folder / "traefik"))
        prometheus = _watching(access, api, names, folder, traefik.metrics, life)
        hub = life.enter_context(running_hub(access, folder / "hub", programs, proxy, address, IMAGE, STORAGE))
        visitor = Visitor(traefik.https, found[0])
        progress("waiting until all workspaces are known to be stopped")
        wanted = "count(bedplate:workspace_wanted == 0)"
        eventually(lambda: prometheus.value(wanted) == len(names), "what Prometheus decides", _LATEST_SECONDS)
        yield Bench(api, kubelet, prometheus, visitor, hub, progress)


def _watching(
    access: ClusterAccess, api: ApiServer, names: Sequence[str], folder: Path, traefik: int, life: ExitStack
) -> Prometheus:
    """Prometheus and KEDA as they are shipped."""
    programs, clock = IdlePrograms.found(), Clock()
    exporter = life.enter_context(SimulatedUse(api, [TENANT], look_seconds=5).told())
    state = [custom_resource_state()]
    _, metrics = life.enter_context(
        running_kube_state_metrics(programs.kube_state_metrics, access, folder / "ksm", state, LABELS)
    )
    addresses = {
        "traefik": f"127.0.0.1:{traefik}",
        "kube-state-metrics": f"127.0.0.1:{metrics}",
        "kubelet": f"127.0.0.1:{exporter}/cadvisor",
    }
    sources = Sources(addresses=addresses, scrape_seconds=clock.interval_seconds)
    rules = idle_rules(Thresholds(), clock)
    prometheus = life.enter_context(running_prometheus(programs.prometheus, folder / "prometheus", rules, sources))
    for name in names:
        api.apply(_scaled(name, prometheus.url))
    life.enter_context(running_keda(programs.keda, access, folder / "keda"))
    return prometheus


def measured(bench: Bench, rounds: int) -> Iterator[Start]:
    """In turns."""
    for number in range(rounds):
        yield bench.spawns(f"cold-{number}", has_image=False)
        yield bench.wakes(f"back-{number}", has_image=True)
        yield bench.spawns(f"warm-{number}", has_image=True)
        yield bench.wakes(f"away-{number}", has_image=False)


def tables(starts: Sequence[Start], simulated: Simulated) -> Iterator[Table]:
    """For people."""
    table = Table(title=f"Seconds from the request; a pull takes {simulated.pull_seconds:.0f}", box=None)
    for heading in ("what", "image on the node", "a pod is there", "it is ready", "usable: median", "least", "most"):
        table.add_column(heading, justify="right")
    medians = dict[tuple[str, bool], float]()
    for has_image in (False, True):
        for side in (HUB, OURS):
            own = [one for one in starts if (one.side, one.has_image) == (side, has_image)]
            middle = [statistics.median(getattr(one, name) for one in own) for name in ("asked", "ready", "usable")]
            medians[side, has_image] = middle[2]
            ends = [min(one.usable for one in own), max(one.usable for one in own)]
            table.add_row(side, "yes" if has_image else "no", *(f"{value:.1f}" for value in (*middle, *ends)))
    yield table
    table = Table(title="Ours / JupyterHub, medians", box=None)
    for heading in ("stopped workspace", "JupyterHub", "ratio"):
        table.add_column(heading)
    places = {True: "on a node that has the image", False: "on a node without the image"}
    for ours, hub in ((True, False), (True, True), (False, False)):
        table.add_row(places[ours], places[hub], f"{medians[OURS, ours] / medians[HUB, hub]:.2f}")
    yield table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pull-seconds", type=float, default=30, help="of the image: about 3 GB at 100 MB a second")
    parser.add_argument("--sandbox-seconds", type=float, default=1)
    parser.add_argument("--programs", type=Path, default=CACHE / "interfaces" / "jupyterhub")
    parser.add_argument("--without-waker", action="store_true", help="as it is where somebody else runs KEDA")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    proxy = options.programs / "node_modules" / ".bin" / "configurable-http-proxy"
    simulated = Simulated(pull_seconds=options.pull_seconds, sandbox_seconds=options.sandbox_seconds)
    names = [f"{kind}-{number}" for kind in ("back", "away") for number in range(options.rounds)]
    console = Console(width=140)
    with running(
        names,
        options.programs,
        proxy,
        simulated,
        lambda line: print(line, file=sys.stderr),
        is_told=not options.without_waker,
    ) as bench:
        starts = list(measured(bench, options.rounds))
    console.print(version(options.programs, proxy))
    for table in tables(starts, simulated):
        console.print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in starts], indent=1))


if __name__ == "__main__":
    main()
