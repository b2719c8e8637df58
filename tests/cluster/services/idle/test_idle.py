"""A workspace that nobody uses is stopped, and comes back when somebody asks for it: with real processes.

The tests stand in the order in which they run: each takes the site as the one before it left it. What was measured is
printed at the end.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Table

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.labels import FORCED, STOPPED, WOKEN_AT
from cluster.browsers import Person, chromium_program, running_chromium
from cluster.idle_under_test import (
    CLOCK,
    HELD_SECONDS,
    IDLE_SECONDS,
    MEMBER,
    OWNER,
    POLLED,
    TENANT,
    WARN_SECONDS,
    WOKEN,
    WOKEN_POLLED_SECONDS,
    Site,
    host,
    running_site,
    scaled,
)
from cluster.objects_under_test import eventually
from cluster.processes_under_test import SESSION

pytestmark = pytest.mark.enable_socket

IDLE, TRAINING, POLLING, BLIND = "alice", "bob", "carol", "dave"
"""Nobody uses it; its GPU computes; a hidden tab polls it; its GPU is not measured."""
ALL = (IDLE, TRAINING, POLLING, BLIND)
LATE_SECONDS = 3 * CLOCK.interval_seconds
"""Reading, deciding and asking once each."""
LATEST_SECONDS = IDLE_SECONDS + CLOCK.window_seconds + LATE_SECONDS + 30
"""With what a busy machine may add; the table says how long it was."""


@pytest.fixture(scope="module")
def site(
    cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Site]:
    with running_site(cluster_access, tmp_path_factory.mktemp("idle"), ALL) as running:
        running.use.of(TENANT, TRAINING).gpu_percent = 97
        running.use.of(TENANT, BLIND).gpu_percent = None
        yield running
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        Console().print(table(running.times))


def table(times: dict[str, float]) -> Table:
    made = Table(title=f"An idle time of {IDLE_SECONDS} s, looked at every {CLOCK.interval_seconds} s", box=None)
    for heading in ("what", "s"):
        made.add_column(heading)
    for what, seconds in times.items():
        made.add_row(what, f"{seconds:.1f}")
    return made


def claim(site: Site, name: str) -> str:
    """The uid of its home volume's claim."""
    found = site.api.objects("v1", "PersistentVolumeClaim", TENANT)
    return next(body["metadata"]["uid"] for body in found if body["metadata"]["name"] == f"home-{name}-0")


def signals(site: Site, name: str) -> set[str]:
    """Why it counts as used now."""
    found = site.watching.prometheus.query(f'bedplate:workspace_signal{{workspace="{name}"}}')
    return {sample["metric"]["signal"] for sample in found}


def is_idle(site: Site, name: str) -> bool:
    return site.watching.prometheus.value(f'bedplate:workspace_active{{workspace="{name}"}}') == 0


def warnings(site: Site, name: str) -> list[dict[str, Any]]:
    """What the receiver of alerts was told of its stop."""
    labels = {"alertname": "BedplateWorkspaceStopsSoon", "workspace": name}
    return [alert for alert in site.watching.alerts if labels.items() <= alert["labels"].items()]


def becomes_idle(site: Site, name: str, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not is_idle(site, name):
        assert time.monotonic() < ends, f"still counts as used: {signals(site, name)}"
        time.sleep(0.2)


def meanwhile(seconds: float, holds: Callable[[], bool], also: Callable[[], object] = lambda: None) -> None:
    """Something holds all that time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        also()
        assert holds()
        time.sleep(0.5)


def asks(site: Site, name: str, path: str = "/lab") -> int:
    return site.visitor.ask(host(name), path, MEMBER)[0].status


def test_everybody_is_used_until_all_is_known(site: Site) -> None:
    eventually(lambda: signals(site, IDLE) == {"unmeasured"}, "that it is not measured yet")
    becomes_idle(site, IDLE)
    assert signals(site, TRAINING) == {"gpu"}
    assert signals(site, BLIND) == {"unmeasured"}
    assert [site.replicas(name) for name in ALL] == [1, 1, 1, 1]


def test_the_idle_one_stops_in_time_although_a_tab_polls(site: Site) -> None:
    """What computes lives, and so does what nobody can see. The clock is set by a last request to both."""
    claims = {name: claim(site, name) for name in ALL}
    assert asks(site, IDLE) == asks(site, POLLING) == 200
    used = time.monotonic()
    eventually(lambda: signals(site, IDLE) == {"requests"}, "that the request counts")
    stopped = dict[str, float]()
    while len(stopped) < 2:
        asks(site, POLLING, POLLED)
        for name in {IDLE, POLLING} - stopped.keys():
            if site.replicas(name) == 0:
                stopped[name] = time.monotonic() - used
        assert [site.replicas(TRAINING), site.replicas(BLIND)] == [1, 1]
        assert time.monotonic() - used < LATEST_SECONDS, stopped
        time.sleep(0.5)
    site.times["last request to stop"] = stopped[IDLE]
    site.times["the same, while a tab polls"] = stopped[POLLING]
    assert min(stopped.values()) >= IDLE_SECONDS
    assert {name: claim(site, name) for name in ALL} == claims
    warned = warnings(site, IDLE)[0]
    site.times["warning before the stop"] = used + stopped[IDLE] - warned["at"]
    assert site.times["warning before the stop"] > WARN_SECONDS / 2
    assert warned["labels"] | {"owner": OWNER, "namespace": TENANT, "tenant": TENANT} == warned["labels"]
    assert re.search(r"vision/alice: it stops in 1?\ds$", warned["annotations"]["summary"])
    assert not [*warnings(site, TRAINING), *warnings(site, BLIND)]


class TestAStoppedOne:
    def test_is_not_woken_by_a_tab_that_polls(self, site: Site) -> None:
        meanwhile(
            CLOCK.window_seconds + LATE_SECONDS,
            lambda: site.replicas(POLLING) == 0,
            lambda: asks(site, POLLING, POLLED),
        )
        assert asks(site, POLLING, POLLED) == 503

    def test_is_not_woken_by_somebody_who_may_not_come_in(self, site: Site) -> None:
        assert site.visitor.ask(host(POLLING), "/lab")[0].status == 302
        meanwhile(CLOCK.window_seconds, lambda: site.replicas(POLLING) == 0)

    def test_shows_a_person_that_it_starts_and_opens_by_itself(self, site: Site) -> None:
        before, chromium = claim(site, IDLE), chromium_program()
        with running_chromium(chromium, site.traefik.https, site.certificate) as browser:
            person = visitor(browser)
            started = time.monotonic()
            assert person.opens(f"https://{host(IDLE)}/lab") == 503
            assert person.tab.get_by_role("heading").inner_text() == f"Starting {host(IDLE)}"
            assert person.tab.get_by_role("progressbar").is_visible()
            person.keeps_picture("starting")
            site.times["request to start"] = site.waits_for(1, IDLE, 60)
            person.tab.get_by_role("heading", name=host(IDLE), exact=True).wait_for()
            site.times["request to the page of the workspace"] = time.monotonic() - started
            person.leaves()
        assert claim(site, IDLE) == before
        assert site.replicas(POLLING) == 0


def visitor(browser: Browser) -> Person:
    person = Person("ines", browser)
    cookie: Any = {"name": SESSION, "value": "ines", "url": f"https://{host(IDLE)}/", "secure": True, "httpOnly": True}
    person.context.add_cookies([cookie])
    return person


class TestAnOutageOfPrometheus:
    def test_stops_nothing_and_starts_nothing(self, site: Site) -> None:
        before = [site.replicas(name) for name in ALL]
        assert before == [1, 1, 0, 1]
        site.watching.prometheus.stop()
        meanwhile(IDLE_SECONDS + LATE_SECONDS, lambda: [site.replicas(name) for name in ALL] == before)
        assert asks(site, POLLING) == 503
        site.watching.prometheus.start()
        back = time.monotonic()
        # The page asks again by itself.
        eventually(lambda: asks(site, POLLING) and site.replicas(POLLING) == 1, "the start of what is asked for", 60)
        site.times["return of Prometheus to the start of what is asked for"] = time.monotonic() - back

    def test_begins_the_idle_time_anew(self, site: Site) -> None:
        becomes_idle(site, IDLE)
        assert site.replicas(IDLE) == 1


class TestAnOutageOfKeda:
    def test_stops_nothing_early(self, site: Site) -> None:
        """The workspace becomes idle meanwhile, and somebody comes back."""
        becomes_idle(site, IDLE)
        site.watching.keda.stop()
        wanted = f'bedplate:workspace_wanted{{workspace="{IDLE}"}}'
        try:
            eventually(lambda: site.watching.prometheus.value(wanted) == 0, "that it is to stop", LATEST_SECONDS)
            assert site.replicas(IDLE) == 1
            assert asks(site, IDLE) == 200
            back = time.monotonic()
            eventually(lambda: site.watching.prometheus.value(wanted) == 1, "that it is to stay")
            eventually(lambda: site.watching.prometheus.value_for_keda(wanted) == 1, "that KEDA sees it")
        finally:
            site.watching.keda.start()
        site.waits_for(0, IDLE, LATEST_SECONDS)
        stopped = time.monotonic() - back
        assert stopped >= IDLE_SECONDS
        site.times["last request to stop, KEDA restarted"] = stopped
        assert [site.replicas(TRAINING), site.replicas(BLIND)] == [1, 1]


def annotations(site: Site, name: str) -> dict[str, str]:
    """Of its ScaledObject."""
    found = site.api.get(scaled(name, site.watching.prometheus.url))
    assert found is not None
    return found["metadata"]["annotations"]


def is_stopped_by_hand(site: Site, name: str, *, stopped: bool) -> None:
    """From now on."""
    body = scaled(name, site.watching.prometheus.url)
    if stopped:
        body["metadata"]["annotations"][STOPPED] = "0"
    site.api.apply(body)


class TestWhoWakesAtOnce:
    """The one that the waker knows; the others above were started by what is counted."""

    def test_leaves_what_is_stopped_by_hand(self, site: Site) -> None:
        is_stopped_by_hand(site, WOKEN, stopped=True)
        assert asks(site, WOKEN) == 503
        meanwhile(3, lambda: site.replicas(WOKEN) == 0 and FORCED not in annotations(site, WOKEN))
        is_stopped_by_hand(site, WOKEN, stopped=False)

    def test_starts_what_is_asked_for_before_anybody_has_counted(self, site: Site) -> None:
        site.watching.prometheus.stop()
        try:
            # It looks for a host once in half a minute.
            eventually(lambda: asks(site, WOKEN) and FORCED in annotations(site, WOKEN), "that it is forced", 40)
            site.times["the waker told to the start"] = site.waits_for(1, WOKEN, 5)
        finally:
            site.watching.prometheus.start()

    def test_takes_it_back_and_what_is_used_goes_on(self, site: Site) -> None:
        """Another one than the one that forced it."""
        site.waker.stop()
        site.waker.start()
        assert asks(site, WOKEN) in (200, 503)
        eventually(lambda: FORCED not in annotations(site, WOKEN), "that it is taken back", 3 * HELD_SECONDS)
        assert WOKEN_AT not in annotations(site, WOKEN)
        meanwhile(LATE_SECONDS, lambda: site.replicas(WOKEN) == 1)

    def test_keeps_nothing_that_nobody_uses(self, site: Site) -> None:
        site.waits_for(0, WOKEN, LATEST_SECONDS + WOKEN_POLLED_SECONDS)
