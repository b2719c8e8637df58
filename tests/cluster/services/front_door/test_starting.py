"""What a workload that sleeps answers by the front door, and how its requests are counted; with a real Traefik."""

import re
import urllib.request

import pytest

from cluster.front_door_under_test import ASLEEP, AWAKE, MEMBER, STUDIO
from cluster.objects_under_test import eventually
from cluster.processes_under_test import Told, Visitor
from cluster.traefik_under_test import RunningTraefik

pytestmark = pytest.mark.enable_socket

Headers = list[tuple[str, str]]
PAGE: Headers = [*MEMBER, ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")]
PAGE += [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "none")]


class TestWhoLooksForAPage:
    def test_is_shown_that_it_starts_and_asks_again_by_itself(self, visitor: Visitor) -> None:
        response, page = visitor.ask(STUDIO, "/lab?x=1", PAGE)
        text = page.decode()
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
        assert f"<h1>Starting {STUDIO}</h1>" in text
        assert '<meta http-equiv="refresh" content="2">' in text
        assert 'role="status"' in text
        assert '<html lang="en">' in text

    def test_is_shown_nothing_of_others_and_nothing_that_stays(self, visitor: Visitor) -> None:
        response, page = visitor.ask(STUDIO, "/lab", PAGE)
        assert not re.search(rb"src=|href=|url\(|<script", page)
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert response.headers["Cache-Control"] == "no-store"

    def test_signs_in_first(self, visitor: Visitor) -> None:
        """Nobody else learns that it sleeps, and the page of the login comes as it is."""
        response, page = visitor.ask(STUDIO, "/lab", PAGE[1:])
        assert response.status == 302
        assert b"Starting" not in page

    def test_of_a_workload_that_always_runs_is_shown_what_there_is(self, visitor: Visitor) -> None:
        response, page = visitor.ask(ASLEEP, "/", PAGE)
        assert (response.status, page) == (503, b"no available server\n")


@pytest.mark.parametrize(
    "asking",
    [
        MEMBER,
        [*MEMBER, ("Accept", "application/json")],
        [*MEMBER, ("Accept", "text/html"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-origin")],
    ],
    ids=["nothing", "json", "a page's script"],
)
def test_programs_are_told_when_to_ask_again(visitor: Visitor, asking: Headers) -> None:
    response, text = visitor.ask(STUDIO, "/predict", asking)
    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"is starting" in text


def test_a_form_that_was_sent_is_not_swallowed_by_a_page(visitor: Visitor) -> None:
    own = [("Origin", f"https://{STUDIO}"), ("Sec-Fetch-Site", "same-origin")]
    response, text = visitor.ask(STUDIO, "/save", [*MEMBER, ("Accept", "text/html"), *own], body=b"x")
    assert response.status == 503
    assert b"<html" not in text


class TestTheWaker:
    @pytest.fixture(autouse=True)
    def _told_of_nothing(self) -> None:
        Told.hosts.clear()

    @pytest.mark.parametrize("asking", [PAGE, MEMBER], ids=["a person", "a program"])
    def test_is_told_of_the_host_that_was_asked_for(self, visitor: Visitor, asking: Headers) -> None:
        assert visitor.ask(STUDIO, "/lab", asking)[0].status == 503
        eventually(lambda: Told.hosts == [STUDIO], "that it is told once", 5)

    def test_is_told_of_nobody_who_may_not_come_in_and_of_nothing_that_pages_ask_by_themselves(
        self, visitor: Visitor
    ) -> None:
        assert visitor.ask(STUDIO, "/lab", PAGE[1:])[0].status == 302
        assert visitor.ask(STUDIO, "/api/status", MEMBER)[0].status == 503
        assert visitor.ask(AWAKE, "/unavailable", PAGE)[0].status == 503
        assert visitor.ask(ASLEEP, "/", PAGE)[0].status == 503
        assert visitor.ask(STUDIO, "/lab", MEMBER)[0].status == 503
        eventually(lambda: Told.hosts, "that it is told of the last one", 5)
        assert Told.hosts == [STUDIO]


class TestAWorkloadThatHasAPod:
    def test_answers_itself(self, visitor: Visitor) -> None:
        response, said = visitor.ask(AWAKE, "/lab", MEMBER)
        assert (response.status, said["path"]) == (200, "/lab")

    def test_echoes_over_websockets(self, visitor: Visitor) -> None:
        said, echo = visitor.opens_websocket(AWAKE, [*MEMBER, ("Origin", f"https://{AWAKE}")])
        assert said.startswith("HTTP/1.1 101")
        assert echo == b"hello"

    def test_streams(self, visitor: Visitor) -> None:
        response, _ = visitor.ask(AWAKE, "/stream", MEMBER, reading=False)
        assert response.readline() == b"data: 0\n"

    def test_keeps_its_own_503(self, visitor: Visitor) -> None:
        response, text = visitor.ask(AWAKE, "/unavailable", PAGE)
        assert (response.status, text) == (503, b"my own")


def counted(traefik: RunningTraefik, route: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{traefik.metrics}/metrics", timeout=15) as answer:
        lines = answer.read().decode().splitlines()
    named = re.compile(rf"traefik_router_requests_total\{{.*router=\"bedplate-front-door[-_]{route}[-_][0-9a-f]+@")
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if named.match(line))


def test_what_open_pages_poll_is_counted_apart(visitor: Visitor, traefik: RunningTraefik) -> None:
    before = counted(traefik, "awake-vision"), counted(traefik, "awake-vision[-.]polling")
    for path in ("/api/status", "/api/status?x=1", "/lab"):
        assert visitor.ask(AWAKE, path, MEMBER)[0].status == 200
    assert counted(traefik, "awake-vision") - before[0] == 1
    assert counted(traefik, "awake-vision[-.]polling") - before[1] == 2
    assert visitor.ask(AWAKE, "/api/status")[0].status == 302, "the login is asked for those too"
