"""Signing in, shown on the real proxy, a real store and a real provider, with the configuration that is deployed.

oauth2-proxy is found on PATH or by OAUTH2_PROXY, Valkey or Redis on PATH or by VALKEY_SERVER.
"""

import base64
import json
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bedplate.labels import SESSION_COOKIE
from bedplate.services.login.authentication import IDENTITY_HEADERS, AuthenticationEndpoints
from cluster.login_processes import (
    DOMAIN,
    ISSUER,
    LOGIN,
    Answer,
    Browser,
    Generated,
    LoginPrograms,
    Site,
    running_site,
)

pytestmark = pytest.mark.enable_socket

ADA = {"email": "ada@example.com", "groups": ["ml-vision", "staff"], "preferred_username": "ada"}
_REFRESH_SECONDS = 60
"""`refreshMinutes: 1`, the shortest that a stack file may say."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    programs = LoginPrograms.found()
    with running_site(tmp_path_factory.mktemp("login"), programs, Generated.of(LOGIN)) as here:
        yield here


@pytest.fixture
def endpoints() -> AuthenticationEndpoints:
    return AuthenticationEndpoints(
        issuer=ISSUER, domain=DOMAIN, email_domains=["example.com"], end_session_url="https://login.example.com/logout"
    )


@pytest.fixture
def browser(site: Site) -> Browser:
    site.tell_provider("PUT", "/people/ada", ADA)
    return Browser(site)


@pytest.fixture
def ada(browser: Browser, endpoints: AuthenticationEndpoints) -> Browser:
    """Signed in."""
    browser.signs_in("ada", endpoints.browser_address(["ml-vision"]))
    return browser


def identity(answer: Answer) -> list[str]:
    return [answer.header(name) for name in IDENTITY_HEADERS]


class TestSigningIn:
    def test_leads_back_to_the_page_that_wanted_it(self, browser: Browser, endpoints: AuthenticationEndpoints) -> None:
        back = browser.signs_in("ada", endpoints.browser_address(["ml-vision"]), "/reports?week=46")
        assert back.status == 302
        assert back.header("Location") == f"https://api-vision.{DOMAIN}/reports?week=46"

    def test_tells_the_workload_who_it_is_and_gives_it_no_credential(
        self, ada: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        answer = ada.asks(endpoints.browser_address(["other", "ml-vision"]))
        assert answer.status == 202
        assert identity(answer) == ["ada", "ada@example.com", "ml-vision,staff", "ada"]
        assert not {name.lower() for name, _ in answer.headers} & {"authorization", "x-auth-request-access-token"}

    def test_sets_a_cookie_for_all_hosts_that_no_script_and_no_plain_connection_sees(
        self, browser: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        back = browser.signs_in("ada", endpoints.browser_address(["ml-vision"]))
        (cookie,) = [line for line in back.all("Set-Cookie") if line.startswith(f"{SESSION_COOKIE}=")]
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", f"domain={DOMAIN}", "path=/"} <= attributes
        assert len(cookie) < 600

    def test_works_in_many_tabs_at_once_and_in_any_order(
        self, browser: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        address = endpoints.browser_address(["ml-vision"])
        tabs = [browser.asks(address, f"/{tab}").header("Location") for tab in range(8)]
        back = [browser.signs_in_at(location, "ada").header("Location") for location in reversed(tabs)]
        assert [urlsplit(location).path for location in back] == [f"/{tab}" for tab in reversed(range(8))]

    def test_never_leads_out_of_the_domain(self, browser: Browser, endpoints: AuthenticationEndpoints) -> None:
        sent = browser.visits(f"{endpoints.sign_in}?rd=https://evil.example/")
        back = browser.signs_in_at(sent.header("Location"), "ada")
        assert "evil" not in back.header("Location")

    def test_proves_with_a_challenge_and_a_nonce_that_it_is_the_same_browser(
        self, browser: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        asked = parse_qs(urlsplit(browser.asks(endpoints.browser_address(["ml-vision"])).header("Location")).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["nonce"]
        assert asked["scope"] == ["openid profile email offline_access"]


class TestWhoIsNotAllowed:
    def test_is_refused_by_group(self, ada: Browser, endpoints: AuthenticationEndpoints) -> None:
        assert ada.asks(endpoints.browser_address(["ml-forecasting"])).status == 403
        assert ada.asks(endpoints.api_address(["ml-forecasting"])).status == 403

    def test_is_refused_by_the_domain_of_the_address(self, site: Site, endpoints: AuthenticationEndpoints) -> None:
        site.tell_provider("PUT", "/people/guest", {"email": "guest@elsewhere.example", "groups": ["ml-vision"]})
        guest = Browser(site)
        guest.signs_in("guest", endpoints.browser_address(["ml-vision"]))
        assert guest.asks(endpoints.browser_address(["ml-vision"])).status == 403

    def test_is_asked_to_sign_in_at_a_page_and_told_so_at_an_api(
        self, browser: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        assert browser.asks(endpoints.browser_address(["ml-vision"])).status == 302
        assert browser.asks(endpoints.api_address(["ml-vision"])).status == 401
        assert browser.asks(endpoints.browser_address(["ml-vision"]), Accept="application/json").status == 401

    def test_cannot_change_the_cookie(self, ada: Browser, endpoints: AuthenticationEndpoints) -> None:
        value, stamp, signature = ada.cookies[SESSION_COOKIE].split("|")
        address = endpoints.api_address(["ml-vision"])
        later = f"{value}|{int(stamp) + 600}|{signature}"
        other = f"{value[:-4]}{'AAAA' if value[-4:] != 'AAAA' else 'BBBB'}|{stamp}|{signature}"
        assert ada.asks(address).status == 202
        for forged in (later, other, value, "x"):
            assert Browser(ada.site, {SESSION_COOKIE: forged}).asks(address).status == 401

    def test_cannot_say_in_the_request_which_groups_are_enough(
        self, ada: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        address = endpoints.api_address(["ml-forecasting"])
        assert ada.asks(address, "/?allowed_groups=ml-vision").status == 403
        assert ada.asks(address, X_Auth_Request_Groups="ml-forecasting").status == 403


class TestTokens:
    def ask(self, site: Site, address: str, bearer: str, browser: Browser | None = None) -> Answer:
        return (browser or Browser(site)).asks(address, Authorization=f"Bearer {bearer}")

    def test_of_the_provider_are_as_good_as_a_session(self, site: Site, endpoints: AuthenticationEndpoints) -> None:
        for audience in ("ml-platform", "ml-api"):
            bearer = site.token(groups=["ml-vision"], aud=audience)
            answer = self.ask(site, endpoints.api_address(["ml-vision"]), bearer)
            assert answer.status == 202
            assert identity(answer)[:3] == ["ada", "ada@example.com", "ml-vision"]

    def test_are_refused_where_their_owner_is(self, site: Site, endpoints: AuthenticationEndpoints) -> None:
        bearer = site.token(groups=["ml-vision"])
        assert self.ask(site, endpoints.api_address(["ml-forecasting"]), bearer).status == 403
        foreign = site.token(groups=["ml-vision"], email="guest@elsewhere.example")
        assert self.ask(site, endpoints.api_address(["ml-vision"]), foreign).status == 403

    def test_that_are_not_good_count_as_none(self, site: Site, endpoints: AuthenticationEndpoints) -> None:
        good = site.token(groups=["ml-vision"])
        header, _, signature = good.split(".")
        claims = base64.urlsafe_b64encode(json.dumps({"sub": "ada", "groups": ["ml-vision"]}).encode()).decode()
        bad = {
            "expired": site.token(groups=["ml-vision"], exp=int(time.time()) - 1),
            "for somebody else": site.token(groups=["ml-vision"], aud="another-application"),
            "of another issuer": site.token("other", groups=["ml-vision"], iss=site.origin("provider")),
            "changed": f"{header}.{claims.rstrip('=')}.{signature}",
            "no token": "letmein",
            "unsigned": f"eyJhbGciOiJub25lIn0.{good.split('.')[1]}.",
        }
        address = endpoints.api_address(["ml-vision"])
        assert {name: self.ask(site, address, bearer).status for name, bearer in bad.items()} == dict.fromkeys(bad, 401)

    def test_of_an_application_do_not_end_a_session(self, ada: Browser, endpoints: AuthenticationEndpoints) -> None:
        """Jupyter's own pages send such a header with each request."""
        answer = ada.asks(endpoints.browser_address(["ml-vision"]), Authorization="token 3f1c")
        assert answer.status == 202
        assert identity(answer)[0] == "ada"

    def test_of_a_cluster_are_let_in_by_the_name_of_the_account(
        self, site: Site, endpoints: AuthenticationEndpoints
    ) -> None:
        account = "system:serviceaccount:vision:nightly"
        bearer = site.token("other", aud="bedplate", sub=account, email=None)
        assert self.ask(site, endpoints.service_account_address([account]), bearer).status == 202
        another = endpoints.service_account_address(["system:serviceaccount:vision:hourly"])
        assert self.ask(site, another, bearer).status == 403
        assert self.ask(site, endpoints.api_address(["ml-vision"]), bearer).status == 403
        elsewhere = site.token("other", aud="kubernetes", sub=account, email=None)
        assert self.ask(site, endpoints.service_account_address([account]), elsewhere).status == 401


class TestSigningOut:
    def test_ends_the_session_here_and_at_the_provider(self, ada: Browser, endpoints: AuthenticationEndpoints) -> None:
        stolen = Browser(ada.site, dict(ada.cookies))
        out = endpoints.end_of_session.replace("login.example.com", f"127.0.0.1:{ada.site.ports['provider']}")
        out = out.replace("rd=https", "rd=http")
        answer = ada.visits(out)
        assert answer.status == 302
        location = urlsplit(answer.header("Location"))
        assert (location.netloc, location.path) == (f"127.0.0.1:{ada.site.ports['provider']}", "/logout")
        page = ada.site.get("provider", f"{location.path}?{location.query}")
        assert "signed out" in page.body
        assert json.loads(ada.site.get("provider", "/test/ended").body)[-1] == "ada"
        assert SESSION_COOKIE not in ada.cookies
        assert stolen.asks(endpoints.api_address(["ml-vision"])).status == 401

    def test_sends_nobody_to_a_stranger(self, ada: Browser, endpoints: AuthenticationEndpoints) -> None:
        answer = ada.visits(f"{endpoints.end_of_session.partition('?')[0]}?rd=https://evil.example/{{id_token}}")
        assert "evil" not in answer.header("Location")


class TestTheStore:
    def login(self, site: Site) -> str:
        user = next(word for word in Generated.of(LOGIN).users_file.splitlines()[1].split() if word.startswith(">"))
        return f"AUTH oauth2-proxy {user[1:]}"

    def test_serves_nobody_without_a_password(self, site: Site) -> None:
        assert site.store("GET anything").startswith("-NOAUTH")
        assert site.store("AUTH oauth2-proxy wrong").startswith("-WRONGPASS")

    def test_lets_the_proxy_do_what_it_does_and_no_more(self, site: Site) -> None:
        login = self.login(site)
        assert site.store(login, f"GET {SESSION_COOKIE}-0").startswith("$-1")
        refused = (f"KEYS {SESSION_COOKIE}*", "CONFIG GET *", "FLUSHALL", "GET other", "SCAN 0", "ACL LIST", "MONITOR")
        for command in refused:
            assert site.store(login, command).startswith("-NOPERM"), command

    def test_keeps_the_sessions_when_it_starts_anew(
        self, site: Site, ada: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        assert ada.asks(endpoints.api_address(["ml-vision"])).status == 202
        time.sleep(1.1)  # A crash may lose the last second.
        site.stop("store")
        assert not site.answers("proxy", "/ready")
        assert site.get("proxy", "/ping").status == 200
        site.start_store()
        assert site.answers("proxy", "/ready")
        assert ada.asks(endpoints.api_address(["ml-vision"])).status == 202

    def test_is_waited_for_while_it_is_away_so_that_nobody_is_signed_out(
        self, site: Site, ada: Browser, endpoints: AuthenticationEndpoints
    ) -> None:
        address, waiting = endpoints.browser_address(["ml-vision"]), ThreadPoolExecutor()
        assert ada.asks(address).status == 202
        time.sleep(1.1)  # A crash may lose the last second.
        site.stop("store")
        answer = waiting.submit(ada.asks, address)
        time.sleep(3)
        assert not answer.done()
        site.start_store()
        assert answer.result().status == 202
        assert SESSION_COOKIE in ada.cookies
        waiting.shutdown()


class TestTheProxy:
    def test_tells_how_many_it_answered(self, site: Site, ada: Browser) -> None:
        assert 'oauth2_proxy_requests_total{code="202"}' in site.get("metrics", "/metrics").body

    def test_logs_no_token_and_no_secret(self, site: Site, ada: Browser) -> None:
        log = (site.folder / "proxy.log").read_text()
        assert "ada@example.com" in log
        secrets = Generated.of(LOGIN).secrets.values()
        assert not [secret for secret in secrets if secret in log]
        assert "eyJ" not in log


class TestRenewal:
    def test_keeps_who_stays_and_learns_within_the_interval_who_changed_and_who_left(
        self, site: Site, endpoints: AuthenticationEndpoints, record_property: Any
    ) -> None:
        """Three people sign in; then one changes teams and one leaves the company."""
        vision, forecasting = endpoints.api_address(["ml-vision"]), endpoints.api_address(["ml-forecasting"])
        people = {name: Browser(site) for name in ("stays", "moves", "leaves")}
        for name, person in people.items():
            site.tell_provider("PUT", f"/people/{name}", {"email": f"{name}@example.com", "groups": ["ml-vision"]})
            person.signs_in(name, endpoints.browser_address(["ml-vision"]))
            assert person.asks(vision).status == 202
        begun = time.monotonic()
        site.tell_provider("PUT", "/people/moves", {"email": "moves@example.com", "groups": ["ml-forecasting"]})
        site.tell_provider("DELETE", "/people/leaves")
        assert people["leaves"].asks(vision).status == 202
        out: dict[str, float] = {}
        while len(out) < 2 and time.monotonic() - begun < _REFRESH_SECONDS + 10:
            time.sleep(0.5)
            assert people["stays"].asks(vision).status == 202
            for name, status in (("moves", 403), ("leaves", 401)):
                if name not in out and people[name].asks(vision).status == status:
                    out[name] = time.monotonic() - begun
        record_property("seconds until out", {name: round(seconds, 1) for name, seconds in out.items()})
        assert max(out.values()) <= _REFRESH_SECONDS + 2
        assert len(out) == 2
        assert people["moves"].asks(forecasting).status == 202
        assert people["leaves"].asks(endpoints.browser_address(["ml-vision"])).status == 302
