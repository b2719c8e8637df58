"""What a workload may answer: nothing that is the login's or speaks for the whole domain, wherever it says it."""

import re
import time
from urllib.parse import urlencode

import pytest

from cluster.front_door_under_test import API, BROWSER, DOMAIN, KEYS_ONLY, MEMBER, PUBLIC, SHOP
from cluster.processes_under_test import INES, SESSION, Visitor

pytestmark = pytest.mark.enable_socket

Headers = list[tuple[str, str]]
PATHS = ["/answers", "/early", "/late", "/unannounced"]
"""Where the headers are: in the answer, in one before it, behind the body, and there without a word before."""
OWN_PAGE = [*MEMBER, ("Origin", f"https://{BROWSER}")]
BEARER, KEY = [("Authorization", INES)], [("Authorization", f"Bearer {SHOP.key}")]
ROUTES = [(PUBLIC, []), (BROWSER, OWN_PAGE), (API, BEARER), (KEYS_ONLY, KEY)]
PLANTED = [
    f"{SESSION}=evil; Domain=.{DOMAIN}; Path=/; Secure; HttpOnly",
    f"{SESSION}=; Max-Age=0",
    f"{SESSION}_csrf_7=evil; Secure",
    f"{SESSION.lower()}=evil",
    f"  {SESSION} =evil",
    f"={SESSION}=evil",
    f"= {SESSION}=evil",
    f'"{SESSION}"=evil',
    SESSION,
    "__Secure-bedplate=evil; Domain=.example.com; Secure",
]


NAMES = [
    *("Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "Set-Cookie2", "X-Auth-Request-User", "X-Auth-Zzz"),
    *("Sec-Session-Registration", "Sec-Session-Zzz", "Secure-Session-Registration", "Secure-Session-Zzz"),
]


def cookies(answer: str) -> list[str]:
    """Without the front door's own, by which a visitor stays with one pod."""
    return re.findall(r"(?im)^set-cookie: (?!bedplate-pod=)(.*?)\r?$", answer)


def asking(path: str, headers: Headers) -> str:
    return f"{path}?{urlencode(headers)}"


@pytest.mark.parametrize(("host", "shown"), ROUTES)
class TestTheLoginsCookie:
    @pytest.mark.parametrize("path", PATHS)
    def test_is_not_the_workloads_to_set_or_to_clear(
        self, visitor: Visitor, host: str, shown: Headers, path: str
    ) -> None:
        answer = visitor.hears(host, asking(path, [("Set-Cookie", cookie) for cookie in PLANTED]), shown)
        assert "200 OK" in answer
        assert "ok" in answer
        assert "evil" not in answer
        assert not [cookie for cookie in cookies(answer) if "bedplate" in cookie and "refreshed" not in cookie]

    def test_is_not_either_where_a_websocket_begins(self, visitor: Visitor, host: str, shown: Headers) -> None:
        wanted = asking("/ws", [("Set-Cookie", cookie) for cookie in [*PLANTED, "theme=dark; Domain=example.com"]])
        said, echoed = visitor.opens_websocket(host, shown, wanted)
        assert echoed == b"hello"
        assert cookies(said) == ["theme=dark"]
        assert "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in said


class TestTheLogin:
    @pytest.mark.parametrize(("host", "shown"), [(BROWSER, OWN_PAGE), (API, BEARER)])
    def test_renews_its_cookie_whatever_the_workload_answers(self, visitor: Visitor, host: str, shown: Headers) -> None:
        renewed = f"{SESSION}=refreshed; Domain=ml.example.com; HttpOnly; Secure"
        for planted in ([], PLANTED):
            answer = visitor.hears(host, asking("/answers", [("Set-Cookie", cookie) for cookie in planted]), shown)
            assert [cookie for cookie in cookies(answer) if SESSION in cookie] == [renewed]


class TestAWorkloadsOwnCookie:
    @pytest.mark.parametrize(
        "cookie",
        [
            "theme=dark",
            "theme=dark; Path=/app; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Secure; HttpOnly; SameSite=Lax",
            "__Host-theme=dark; Path=/; Secure",
            "my__Http-bedplate=1",
            "theme=domain; Path=/domain",
        ],
    )
    def test_arrives_as_it_was(self, visitor: Visitor, cookie: str) -> None:
        assert cookie in cookies(visitor.hears(PUBLIC, asking("/answers", [("Set-Cookie", cookie)])))

    @pytest.mark.parametrize(
        "domain", [f"Domain=.{DOMAIN}", f"domain={PUBLIC}", "DOMAIN = example.com", " \t Domain=example.com", "Domain"]
    )
    def test_is_of_its_host_alone(self, visitor: Visitor, domain: str) -> None:
        cookie = f"theme=dark;{domain}; Path=/; Secure"
        found = cookies(visitor.hears(PUBLIC, asking("/answers", [("Set-Cookie", cookie), ("Set-Cookie", "b=2")])))
        assert found == ["theme=dark; Path=/; Secure", "b=2"]


class TestWhatSpeaksForThePlatform:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(("host", "shown"), ROUTES)
    def test_is_not_answered(self, visitor: Visitor, host: str, shown: Headers, path: str) -> None:
        wanted = [(name, "evil") for name in NAMES]
        answer = visitor.hears(host, asking(path, [*wanted, ("X-Own", "seen")]), shown)
        assert "evil" not in answer
        for alone in wanted[:3]:
            assert "evil" not in visitor.hears(host, asking(path, [alone]), shown)
        assert not [name for name in NAMES if re.search(rf"(?i)^trailer: .*{name}", answer, re.MULTILINE)]
        assert "X-Own: seen" in answer

    def test_is_not_answered_where_a_websocket_begins(self, visitor: Visitor) -> None:
        wanted = [(name, "evil") for name in NAMES]
        said, _ = visitor.opens_websocket(PUBLIC, [], asking("/ws", [*wanted, ("X-Own", "seen")]))
        assert "evil" not in said
        assert "X-Own: seen" in said

    def test_is_said_once_and_by_the_platform(self, visitor: Visitor) -> None:
        wanted = asking("/answers", [("Strict-Transport-Security", "max-age=0")])
        response, _ = visitor.ask(PUBLIC, wanted)
        assert response.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]


@pytest.mark.parametrize(("host", "shown"), ROUTES)
class TestABody:
    def test_that_goes_on_is_not_held_back(self, visitor: Visitor, host: str, shown: Headers) -> None:
        begun = time.monotonic()
        response, _ = visitor.ask(host, "/stream", headers=shown, reading=False)
        assert response.read1(64) == b"data: 0\n\n"
        assert time.monotonic() - begun < 1.4
        assert response.read() == b"data: 1\n\n"

    def test_is_not_waited_for(self, visitor: Visitor, host: str, shown: Headers) -> None:
        """What asks for events wants to know that they will come."""
        begun = time.monotonic()
        response, _ = visitor.ask(host, "/stream/later", headers=shown, reading=False)
        assert (response.status, time.monotonic() - begun < 1.4) == (200, True)
        assert response.read() == b""


class TestALongBody:
    def test_of_known_length_is_not_held_back_either(self, visitor: Visitor) -> None:
        begun = time.monotonic()
        response, _ = visitor.ask(PUBLIC, "/halves", reading=False)
        assert response.read1(64) == b"first"
        assert time.monotonic() - begun < 1.4
        assert response.read() == b"other"

    def test_that_is_large_arrives_whole(self, visitor: Visitor) -> None:
        assert len(visitor.ask(PUBLIC, "/large")[1]) == 64 * 2**20
