"""A session is no credential for another host's page: what a browser says of who asks, at the real front door."""

import pytest

from cluster.front_door_under_test import API, BROWSER, DOMAIN, KEYED, MEMBER, PUBLIC, SHOP
from cluster.processes_under_test import INES, Login, Visitor

pytestmark = pytest.mark.enable_socket

SIBLING = f"https://evil-audio.{DOMAIN}"
Headers = list[tuple[str, str]]


def by(site: str, mode: str = "cors", destination: str = "empty", origin: str | None = None) -> Headers:
    """What a browser says of a page's request."""
    said = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", destination)]
    return [*said, *([("Origin", origin)] if origin else [])]


def of_others(host: str) -> dict[str, Headers]:
    """What says that another page asks, or does not say that the host's own does."""
    own = f"https://{host}"
    return {
        "a sibling's page": by("same-site", origin=SIBLING),
        "another site's page": by("cross-site", origin="https://example.org"),
        "a sibling's form": by("same-site", "navigate", "document", SIBLING),
        "an older browser at a sibling's page": [("Origin", SIBLING)],
        "a page of its own host at another port": [("Origin", f"{own}:8443")],
        "a page of its own host without TLS": [("Origin", f"http://{host}")],
        "a host that begins alike": [("Origin", f"{own}.example.org")],
        "a host that ends alike": [("Origin", f"https://x{host}")],
        "an origin that nobody knows": [("Origin", "null")],
        "such a page, in a newer browser": by("cross-site", origin="null"),
        "two origins": [("Origin", own), ("Origin", SIBLING)],
        "two words on the site": [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-site"), ("Origin", own)],
        "its own origin and another site": by("same-site", origin=own),
        "the address bar, without an origin": by("none", "navigate", "document"),
        "nobody": [],
    }


def of_its_own(host: str) -> dict[str, Headers]:
    own = f"https://{host}"
    return {
        "its page": by("same-origin", origin=own),
        "its page in an older browser": [("Origin", own)],
        "its page in capitals": [("Origin", own.upper())],
        "its page, whose policy is to say nothing": by("same-origin", "navigate", "document", "null"),
        "its page without an origin": by("same-origin"),
    }


@pytest.mark.parametrize("host", [BROWSER, API])
class TestWhatChangesSomething:
    @pytest.mark.parametrize("asking", of_others(BROWSER))
    def test_is_refused_to_others(self, visitor: Visitor, host: str, asking: str) -> None:
        Login.asked.clear()
        response, said = visitor.ask(host, headers=[*MEMBER, *of_others(host)[asking]], body=b"x")
        assert response.status == 403
        assert b"another host" in said
        assert Login.asked == []

    @pytest.mark.parametrize("asking", of_its_own(BROWSER))
    def test_is_open_to_its_own_pages(self, visitor: Visitor, host: str, asking: str) -> None:
        response, said = visitor.ask(host, headers=[*MEMBER, *of_its_own(host)[asking]], body=b"x")
        assert (response.status, said["headers"]["x-auth-request-user"]) == (200, "ines")

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
    def test_is_every_method_that_does_not_only_ask(self, visitor: Visitor, host: str, method: str) -> None:
        def status(asking: Headers) -> int:
            return visitor.ask(host, headers=[*MEMBER, *asking], method=method)[0].status

        for asking in (by("same-site", origin=SIBLING), by("same-site", "navigate", "document"), []):
            assert status(asking) == 403
        assert status(by("same-origin", origin=f"https://{host}")) == 501, "the workload itself does not know it"


class TestAWebsocket:
    @pytest.mark.parametrize("asking", of_others(BROWSER))
    def test_is_refused_to_others(self, visitor: Visitor, asking: str) -> None:
        for host in (BROWSER, API):
            said, _ = visitor.opens_websocket(host, [*MEMBER, *of_others(host)[asking]])
            assert said.startswith("HTTP/1.1 403"), said

    @pytest.mark.parametrize("asking", of_its_own(BROWSER))
    def test_is_open_to_its_own_pages(self, visitor: Visitor, asking: str) -> None:
        assert visitor.opens_websocket(BROWSER, [*MEMBER, *of_its_own(BROWSER)[asking]])[1] == b"hello"

    def test_is_known_by_any_upgrade(self, visitor: Visitor) -> None:
        link = by("same-site", "navigate", "document")
        upgrade = [("Connection", "upgrade"), ("Upgrade", "something")]
        assert visitor.ask(BROWSER, headers=[*MEMBER, *link, *upgrade])[0].status == 403


class TestWhatOnlyAsks:
    @pytest.mark.parametrize("site", ["same-site", "cross-site"])
    def test_is_open_to_a_link(self, visitor: Visitor, site: str) -> None:
        link = [*MEMBER, *by(site, "navigate", "document")]
        assert visitor.ask(BROWSER, "/page?x=1", headers=link)[0].status == 200
        # What a form was sent to may lead here; some browsers then say null.
        assert visitor.ask(BROWSER, "/page?x=1", headers=[*link, ("Origin", "null")])[0].status == 200

    @pytest.mark.parametrize("asking", [by("none", "navigate", "document"), by("same-origin", "no-cors", "image"), []])
    def test_is_open_to_the_address_bar_to_its_own_pages_and_to_programs(
        self, visitor: Visitor, asking: Headers
    ) -> None:
        assert visitor.ask(BROWSER, headers=[*MEMBER, *asking])[0].status == 200

    @pytest.mark.parametrize(
        ("mode", "destination"),
        [
            ("navigate", "iframe"),
            ("navigate", "frame"),
            ("navigate", "embed"),
            ("navigate", "object"),
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("no-cors", "empty"),
            ("cors", "empty"),
            ("cors", "document"),
            ("navigate", ""),
        ],
    )
    def test_is_closed_to_what_a_siblings_page_holds(self, visitor: Visitor, mode: str, destination: str) -> None:
        for site in ("same-site", "cross-site", "same-something"):
            assert visitor.ask(BROWSER, headers=[*MEMBER, *by(site, mode, destination)])[0].status == 403

    @pytest.mark.parametrize("origin", [SIBLING, "null"])
    def test_is_closed_to_an_older_browsers_script(self, visitor: Visitor, origin: str) -> None:
        assert visitor.ask(BROWSER, headers=[*MEMBER, ("Origin", origin)])[0].status == 403


class TestAnotherCredential:
    def test_counts_wherever_it_is_shown_from(self, visitor: Visitor) -> None:
        bearer, key = (("Authorization", shown) for shown in (INES, f"Bearer {SHOP.key}"))
        for asking in ([], [("Origin", SIBLING)]):
            assert visitor.ask(API, headers=[bearer, *asking], body=b"x")[0].status == 200
            assert visitor.ask(KEYED, headers=[key, *asking], body=b"x")[0].status == 200

    def test_beside_the_session_makes_no_difference(self, visitor: Visitor) -> None:
        """A page can have a browser send a name and a password of its choice, in the address."""
        for shown in ("Basic bWFsbG9yeTo=", INES):
            asking = [*MEMBER, ("Authorization", shown), *by("same-site", origin=SIBLING)]
            assert visitor.ask(API, headers=asking, body=b"x")[0].status == 403

    @pytest.mark.parametrize("cookie", ["__http-bedplate=ines", "a=1;__Http-bedplate=ines", '"__Http-bedplate"=ines'])
    def test_is_no_session_in_another_spelling(self, visitor: Visitor, cookie: str) -> None:
        asking = [("Cookie", "a=1"), ("Cookie", cookie), *by("same-site", origin=SIBLING)]
        assert visitor.ask(BROWSER, headers=asking, body=b"x")[0].status == 403


def test_a_public_route_is_open_to_every_page_and_knows_no_session(visitor: Visitor) -> None:
    response, said = visitor.ask(PUBLIC, headers=[*MEMBER, *by("same-site", origin=SIBLING)], body=b"x")
    assert response.status == 200
    assert "ines" not in str(said)
