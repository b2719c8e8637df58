"""Signing in as people see it: Chromium, through our Traefik and the real login, at workloads of two tenants.

Pictures of the main steps are kept in `.bedplate/screenshots`, or in the folder that BEDPLATE_SCREENSHOTS names.
"""

import time
from collections.abc import Callable, Generator
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.kubernetes import new_api_key
from bedplate.labels import SESSION_COOKIE
from cluster.browsers import Person, chromium_program, running_chromium
from cluster.chain import (
    ACCOUNT,
    OTHERS,
    REPORTS,
    SCORER,
    SHOP,
    STUDIO,
    TRACKING,
    Chain,
    Programs,
    running_chain,
    stack,
)
from cluster.login_processes import DOMAIN
from cluster.pages import Pages
from cluster.processes_under_test import Visitor, serving

pytestmark = pytest.mark.enable_socket

OPENED = """url => new Promise(tell => {
    const socket = new WebSocket(url);
    socket.onopen = () => tell("open");
    socket.onerror = () => tell("refused");
})"""
PAGE = f"https://{STUDIO}/some/page?x=1"
_REFRESH_SECONDS = 60
"""`refreshMinutes: 1`, the shortest that a stack file may say."""


@pytest.fixture(scope="module")
def chain(cluster_access: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Generator[Chain]:
    chromium_program()
    programs, folder = Programs.found(), tmp_path_factory.mktemp("chain")
    with (
        serving(Pages, programs.address) as port,
        running_chain(cluster_access, programs, folder, port, stack()) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def chromium(chain: Chain) -> Generator[Browser]:
    with running_chromium(chromium_program(), chain.traefik.https, chain.certificate) as browser:
        yield browser


@pytest.fixture
def person(chain: Chain, chromium: Browser) -> Generator[Callable[[str], Person]]:
    """Somebody of ml-vision who has not signed in."""
    made: list[Person] = []

    def make(name: str) -> Person:
        chain.site.tell_provider("PUT", f"/people/{name}", {"email": f"{name}@example.com", "groups": ["ml-vision"]})
        made.append(Person(name, chromium))
        return made[-1]

    yield make
    for each in made:
        each.leaves()


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    return person("ada")


@pytest.fixture
def signed_in(ada: Person) -> Person:
    ada.signs_in(PAGE)
    return ada


@pytest.fixture
def program(chain: Chain) -> Visitor:
    return chain.visitor()


class TestSomebodyWhoOpensAPage:
    def test_signs_in_at_the_provider_and_is_then_where_she_wanted_to_be(self, ada: Person) -> None:
        assert ada.opens(PAGE) == 200
        assert ada.tab.url.startswith("http://127.0.0.1:")
        ada.keeps_picture("1-the-provider-asks")
        ada.says_who_she_is()
        assert ada.tab.url == PAGE
        ada.keeps_picture("2-the-page-she-wanted")

    def test_is_known_to_the_workload(self, signed_in: Person) -> None:
        shown = [signed_in.tab.locator(f"#{name}").inner_text() for name in ("user", "email", "groups")]
        assert shown == ["ada", "ada@example.com", "ml-vision"]

    def test_needs_no_second_login_for_another_workload_of_her_tenant(self, signed_in: Person) -> None:
        assert signed_in.opens(f"https://{REPORTS}/") == 200
        assert signed_in.tab.url == f"https://{REPORTS}/"
        assert signed_in.tab.locator("#user").inner_text() == "ada"

    def test_gets_403_at_another_tenants_workload(self, signed_in: Person) -> None:
        assert signed_in.opens(f"https://{OTHERS}/") == 403
        signed_in.keeps_picture("3-another-tenants-workload")
        assert not [asked for asked in Pages.reached if asked.startswith(OTHERS)]

    def test_ends_in_every_tab_where_she_wanted_to_be(self, ada: Person) -> None:
        """She opened them all before she signed in, and signs in with the last one first."""
        wanted = [f"https://{host}/tab?number={number}" for number, host in enumerate([STUDIO, REPORTS] * 3)]
        tabs = [ada.context.new_page() for _ in wanted]
        for tab, url in zip(tabs, wanted, strict=True):
            tab.goto(url)
        for tab in reversed(tabs):
            ada.says_who_she_is(tab)
        assert [tab.url for tab in tabs] == wanted


class TestAWebsocket:
    def test_of_her_page_passes_both_ways(self, signed_in: Person) -> None:
        signed_in.tab.locator("#echo", has_text="hello from the page").wait_for()
        signed_in.keeps_picture("4-a-websocket")

    def test_is_closed_to_a_page_without_a_session(self, ada: Person) -> None:
        ada.opens(f"https://{TRACKING}/")
        ada.tab.locator("#echo", has_text="hello").wait_for()
        Pages.reached.clear()
        assert ada.tab.evaluate(OPENED, f"wss://{TRACKING}/socket") == "open"
        assert ada.tab.evaluate(OPENED, f"wss://{STUDIO}/socket") == "refused"
        assert Pages.reached == [f"{TRACKING}/socket"]


class TestAnotherHostsPage:
    """A page at the public host of the tenant, in the browser of somebody who is signed in."""

    @pytest.fixture
    def evil(self, signed_in: Person) -> Person:
        assert signed_in.opens(f"https://{TRACKING}/") == 200
        signed_in.tab.locator("#echo", has_text="hello").wait_for()
        Pages.reached.clear()
        return signed_in

    def evaluates(self, person: Person, script: str, *given: str) -> Any:
        return person.tab.evaluate(f"async ([url, other]) => {{ {script} }}", [*given, ""][:2])

    @pytest.mark.parametrize("host", [STUDIO, SCORER])
    def test_changes_nothing_by_a_script(self, evil: Person, host: str) -> None:
        posted = "await fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: 'x'})"
        self.evaluates(evil, posted, f"https://{host}/changed")
        assert Pages.reached == []

    def test_changes_nothing_by_a_form(self, evil: Person) -> None:
        form = "const form = document.createElement('form'); form.method = 'POST'; form.action = url;"
        with evil.tab.expect_navigation():
            self.evaluates(evil, f"{form} document.body.append(form); form.submit()", f"https://{STUDIO}/changed")
        assert "a page of another host" in evil.tab.inner_text("body")
        evil.keeps_picture("9-another-hosts-form")
        assert Pages.reached == []

    def test_opens_no_websocket(self, evil: Person) -> None:
        assert evil.tab.evaluate(OPENED, f"wss://{TRACKING}/socket") == "open"
        for host in (STUDIO, SCORER):
            assert evil.tab.evaluate(OPENED, f"wss://{host}/socket") == "refused"
        assert Pages.reached == [f"{TRACKING}/socket"]

    def test_holds_nothing_of_it(self, evil: Person) -> None:
        fetched = "await fetch(url, {mode: 'no-cors', credentials: 'include'})"
        self.evaluates(evil, fetched, f"https://{STUDIO}/fetched")
        held = "const held = document.createElement(other); held.src = held.data = url; document.body.append(held);"
        ended = "await new Promise(tell => { held.onload = held.onerror = tell; setTimeout(tell, 3000) })"
        for kind in ("img", "script", "iframe", "embed"):
            self.evaluates(evil, f"{held} {ended}", f"https://{STUDIO}/{kind}", kind)
        assert Pages.reached == []

    def test_links_to_it(self, evil: Person) -> None:
        link = "const link = document.createElement('a'); link.href = url; link.id = 'link'; link.innerText = 'there';"
        self.evaluates(evil, f"{link} document.body.prepend(link)", PAGE)
        evil.tab.locator("#link").click()
        evil.tab.wait_for_url(PAGE)
        assert evil.tab.locator("#user").inner_text() == "ada"
        evil.tab.locator("#echo", has_text="hello").wait_for()

    def test_of_ones_own_does_all_of_it(self, signed_in: Person) -> None:
        posted = "const answer = await fetch(url, {method: 'POST', body: 'x'}); return (await answer.json()).headers"
        said = self.evaluates(signed_in, posted, f"https://{STUDIO}/changed")
        assert said["x-auth-request-user"] == "ada"
        assert signed_in.tab.evaluate(OPENED, f"wss://{STUDIO}/socket") == "open"


class TestAWorkloadThatWantsTheSession:
    @pytest.fixture
    def planted(self) -> list[tuple[str, str]]:
        names = (SESSION_COOKIE, f"{SESSION_COOKIE}_csrf_1")
        kinds = (f"evil; Domain=.{DOMAIN}; Path=/", f"evil; Domain=.{DOMAIN}; Path=/some", "; Max-Age=0; Path=/")
        return [("Set-Cookie", f"{name}={kind}; Secure; HttpOnly") for name in names for kind in kinds]

    def stays(self, person: Person, session: str) -> None:
        held = [cookie for cookie in person.context.cookies() if "bedplate" in str(cookie.get("name"))]
        assert "evil" not in str(held)
        assert person.cookie(SESSION_COOKIE) == session
        assert person.opens(PAGE) == 200
        assert (person.tab.url, person.tab.locator("#user").inner_text()) == (PAGE, "ada")

    def test_neither_plants_one_nor_ends_it_by_what_it_answers(
        self, signed_in: Person, planted: list[tuple[str, str]]
    ) -> None:
        session = signed_in.cookie(SESSION_COOKIE)
        wanted = urlencode([*planted, ("Clear-Site-Data", '"cookies", "*"')])
        for host, way in ((TRACKING, "answers"), (TRACKING, "early"), (TRACKING, "late"), (REPORTS, "answers")):
            assert signed_in.opens(f"https://{host}/{way}?{wanted}") == 200
        signed_in.opens(f"https://{TRACKING}/")
        assert signed_in.tab.evaluate(OPENED, f"wss://{TRACKING}/socket?{urlencode(planted)}") == "open"
        self.stays(signed_in, session)

    def test_plants_none_where_there_is_none(self, ada: Person, planted: list[tuple[str, str]]) -> None:
        ada.opens(f"https://{TRACKING}/answers?{urlencode(planted)}")
        ada.opens(f"https://{TRACKING}/")
        for _, cookie in planted:
            ada.tab.evaluate("cookie => { document.cookie = cookie }", cookie.replace("; HttpOnly", ""))
        assert [cookie for cookie in ada.context.cookies() if "evil" in str(cookie)] == []

    def test_neither_plants_one_nor_ends_it_by_a_script(
        self, signed_in: Person, planted: list[tuple[str, str]]
    ) -> None:
        session = signed_in.cookie(SESSION_COOKIE)
        signed_in.opens(f"https://{TRACKING}/")
        for _, cookie in planted:
            signed_in.tab.evaluate("cookie => { document.cookie = cookie }", cookie.replace("; HttpOnly", ""))
        self.stays(signed_in, session)

    def test_signs_nobody_out_without_being_seen(self, chain: Chain, signed_in: Person) -> None:
        session = signed_in.cookie(SESSION_COOKIE)
        signed_in.opens(f"https://{TRACKING}/")
        asked = "url => fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(() => null).then(() => null)"
        held = """([kind, url]) => new Promise(tell => {
            const held = document.createElement(kind);
            held.onload = held.onerror = () => tell();
            held.src = url;
            document.body.append(held);
        })"""
        for url in (chain.endpoints.sign_out, f"https://{chain.endpoints.host}/oauth2/sign_out"):
            signed_in.tab.evaluate(asked, url)
            for kind in ("img", "iframe"):
                signed_in.tab.evaluate(held, [kind, url])
        self.stays(signed_in, session)

    def test_sets_its_own_for_its_host_alone(self, ada: Person) -> None:
        ada.opens(f"https://{TRACKING}/answers?{urlencode([('Set-Cookie', f'theme=dark; Domain={DOMAIN}; Path=/')])}")
        (theme,) = [cookie for cookie in ada.context.cookies() if cookie.get("name") == "theme"]
        assert theme.get("domain") == TRACKING


class TestTheWorkload:
    def test_sees_other_cookies_but_never_the_sessions(self, signed_in: Person) -> None:
        assert signed_in.cookie(SESSION_COOKIE)
        signed_in.tab.evaluate("document.cookie = 'theme=dark; Secure; Path=/'")
        for host in (STUDIO, REPORTS, TRACKING):
            assert signed_in.opens(f"https://{host}/") == 200
            seen = signed_in.tab.locator("#seen").inner_text()
            assert SESSION_COOKIE not in seen
            assert ("theme=dark" in seen) == (host == STUDIO)
        signed_in.keeps_picture("5-a-public-workload")

    def test_sees_no_identity_and_no_credential_that_a_page_makes_up(self, signed_in: Person) -> None:
        made_up = {
            "X-Auth-Request-User": "mallory",
            "X-Auth-Request-Groups": "ml-audio",
            "X-Forwarded-User": "mallory",
            "Authorization": "token of-mallory",
        }
        fetched = "headers => fetch('/fetched', {headers}).then(answer => answer.json())"
        seen = signed_in.tab.evaluate(fetched, made_up)["headers"]
        assert seen["x-auth-request-user"] == "ada"
        assert seen["x-auth-request-groups"] == "ml-vision"
        assert "authorization" not in seen
        assert "mallory" not in str(seen)

    def test_cannot_read_the_sessions_cookie_by_a_script(self, signed_in: Person) -> None:
        assert SESSION_COOKIE not in signed_in.tab.evaluate("document.cookie")


class TestSigningOut:
    def test_ends_the_session_here_and_at_the_provider(self, chain: Chain, signed_in: Person) -> None:
        old = [cookie for cookie in signed_in.context.cookies() if cookie.get("name") == SESSION_COOKIE]
        assert signed_in.opens(chain.endpoints.sign_out) == 200
        assert signed_in.tab.get_by_role("heading").inner_text() == "You are signed out"
        signed_in.keeps_picture("6-signed-out")
        assert not signed_in.cookie(SESSION_COOKIE)
        assert chain.site.get("provider", "/test/ended").body.strip().endswith('"ada"]')
        signed_in.context.add_cookies(cast(Any, old))
        assert signed_in.cookie(SESSION_COOKIE)
        signed_in.opens(PAGE)
        assert signed_in.tab.get_by_role("heading").inner_text() == "Who are you?"


class TestAnApiClient:
    def status(self, program: Visitor, host: str, token: str | None) -> int:
        return program.ask(host, headers=[("Authorization", f"Bearer {token}")] if token else [])[0].status

    def test_needs_a_token_of_somebody_who_may_come_in(self, chain: Chain, program: Visitor) -> None:
        mine, others = (chain.site.token(groups=[group]) for group in ("ml-vision", "ml-audio"))
        answers = {token: self.status(program, SCORER, token) for token in (None, "wrong", mine, others)}
        assert answers == {None: 401, "wrong": 401, mine: 200, others: 403}

    def test_is_known_to_the_workload_which_does_not_see_the_token(self, chain: Chain, program: Visitor) -> None:
        bearer = chain.site.token(groups=["ml-vision"])
        seen = program.ask(SCORER, headers=[("Authorization", f"Bearer {bearer}")])[1]["headers"]
        assert seen["x-auth-request-email"] == "ada@example.com"
        assert bearer not in str(seen)

    def test_may_be_a_service_account(self, chain: Chain, program: Visitor) -> None:
        nightly, hourly = (
            chain.site.token("other", aud="bedplate", sub=account, email=None)
            for account in (ACCOUNT, "system:serviceaccount:vision:hourly")
        )
        assert self.status(program, SCORER, nightly) == 200
        assert self.status(program, SCORER, hourly) == 401
        elsewhere = chain.site.token("other", aud="kubernetes", sub=ACCOUNT, email=None)
        assert self.status(program, SCORER, elsewhere) == 401

    def test_is_not_one_because_another_issuer_says_so(self, chain: Chain, program: Visitor) -> None:
        """The provider of people calls nobody a ServiceAccount, and the cluster puts nobody into a group."""
        named = chain.site.token("provider", sub=ACCOUNT, email=ACCOUNT)
        grouped = chain.site.token("other", aud="bedplate", sub="ada", groups=["ml-vision"])
        assert self.status(program, SCORER, named) == 401
        assert self.status(program, SCORER, grouped) == 401

    def test_is_no_service_account_by_a_cookie(
        self, chain: Chain, program: Visitor, person: Callable[[str], Person]
    ) -> None:
        """Somebody whose address is the account's name, with a token that nobody signed beside her session."""
        chain.site.tell_provider("PUT", "/people/eve", {"email": ACCOUNT, "groups": ["ml-vision"]})
        eve = Person("eve", person("ada").browser)
        eve.opens(PAGE)
        eve.says_who_she_is()
        session = ("Cookie", f"{SESSION_COOKIE}={eve.cookie(SESSION_COOKIE)}")
        eve.leaves()
        forged = chain.site.token("other", aud="kubernetes", sub=ACCOUNT, email=None)
        asked = [session, ("Authorization", f"Bearer {forged}"), ("Origin", f"https://{SCORER}")]
        assert program.ask(SCORER, headers=asked)[0].status == 401

    def test_may_have_a_key_in_place_of_a_token(self, program: Visitor) -> None:
        seen = program.ask(SCORER, headers=[("Authorization", f"Bearer {SHOP.key}")])[1]["headers"]
        assert seen["x-auth-request-user"] == "key:shop"
        assert SHOP.key not in str(seen)
        assert self.status(program, SCORER, new_api_key("shop").key) == 401
        assert self.status(program, STUDIO, SHOP.key) == 302


class TestAFailure:
    def test_of_the_proxy_lets_nobody_in_and_is_over_when_it_is_back(self, chain: Chain, signed_in: Person) -> None:
        signed_in.tab.locator("#echo", has_text="hello").wait_for()
        Pages.reached.clear()
        chain.site.stop("proxy")
        try:
            assert signed_in.opens(PAGE) == 500
            signed_in.keeps_picture("7-the-proxy-is-down")
            assert chain.visitor().ask(SCORER)[0].status == 500
            assert Pages.reached == []
            assert signed_in.opens(f"https://{TRACKING}/") == 200
        finally:
            chain.site.start_proxy()
        assert signed_in.opens(PAGE) == 200
        assert signed_in.tab.locator("#user").inner_text() == "ada"

    def test_of_the_store_lets_nobody_in_and_puts_nobody_out(self, chain: Chain, signed_in: Person) -> None:
        signed_in.tab.locator("#echo", has_text="hello").wait_for()
        Pages.reached.clear()
        session = signed_in.cookie(SESSION_COOKIE)
        time.sleep(1.1)  # A crash may lose the last second.
        chain.site.stop("store")
        try:
            signed_in.tab.evaluate("location.href = '/while/the/store/is/away'")
            signed_in.tab.wait_for_timeout(2000)
            assert Pages.reached == []
        finally:
            chain.site.start_store()
        signed_in.tab.wait_for_url(f"https://{STUDIO}/while/the/store/is/away")
        assert signed_in.tab.locator("#user").inner_text() == "ada"
        assert signed_in.cookie(SESSION_COOKIE) == session


class TestRenewal:
    def test_keeps_who_stays_and_learns_within_the_interval_who_changed_and_who_left(
        self, chain: Chain, person: Callable[[str], Person], record_property: Any
    ) -> None:
        """Three people sign in; then one changes teams and one leaves the company."""
        stays, moves, leaves = people = [person(name) for name in ("stays", "moves", "leaves")]
        for each in people:
            each.signs_in(PAGE)
        first = stays.cookie(SESSION_COOKIE)
        begun = time.monotonic()
        chain.site.tell_provider("PUT", "/people/moves", {"email": "moves@example.com", "groups": ["ml-audio"]})
        chain.site.tell_provider("DELETE", "/people/leaves")
        assert [each.opens(PAGE) for each in people] == [200, 200, 200]
        assert [each.tab.url for each in people] == [PAGE] * 3
        out: dict[str, float] = {}
        while len(out) < 2 and time.monotonic() - begun < _REFRESH_SECONDS + 15:
            stays.tab.wait_for_timeout(1000)
            if "moves" not in out and moves.opens(PAGE) == 403:
                out["moves"] = time.monotonic() - begun
            if "leaves" not in out and leaves.opens(PAGE) and leaves.tab.url != PAGE:
                out["leaves"] = time.monotonic() - begun
        record_property("seconds until out", {name: round(seconds, 1) for name, seconds in out.items()})
        assert len(out) == 2
        assert max(out.values()) <= _REFRESH_SECONDS + 5
        moves.keeps_picture("8-she-has-left-the-group")
        assert moves.opens(f"https://{OTHERS}/") == 200
        assert leaves.tab.get_by_role("heading").inner_text() == "Who are you?"
        assert stays.opens(PAGE) == 200
        assert stays.tab.locator("#user").inner_text() == "stays"
        assert stays.cookie(SESSION_COOKIE) not in ("", first)
