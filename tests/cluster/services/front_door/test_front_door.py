"""The front door as it runs: a real Traefik with our flags, rights and routes, a login, a workload, and visitors."""

import contextlib
import json
import os
import re
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.services.front_door.command_line import flags
from bedplate.services.front_door.traefik import values
from bedplate.services.login.authentication import AuthenticationEndpoints
from cluster.front_door_under_test import (
    API,
    APP,
    ASLEEP,
    BROKEN,
    BROWSER,
    CI,
    DEPLOYER,
    DOMAIN,
    FORGED,
    FORMER,
    KEYED,
    KEYS,
    KEYS_ONLY,
    MEMBER,
    OTHERS,
    PIPELINE,
    PUBLIC,
    SHOP,
    TOKENS,
    route,
)
from cluster.objects_under_test import eventually
from cluster.processes_under_test import INES, PROVIDER, SESSION, Login, Visitor, token
from cluster.traefik_under_test import NAMESPACE, RunningTraefik

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def keys_of(cluster_access: ClusterAccess, front_door: Any) -> Callable[[list[Any]], None]:
    """Changes the keys of a route, as an update does."""
    login = AuthenticationEndpoints(domain=DOMAIN, issuer=PROVIDER, tokens=TOKENS, proxy="http://127.0.0.1:1")

    def apply(keys: list[Any]) -> None:
        parts = route("keyed", "api", login, apiKeys=keys)
        (changed,) = (part for part in parts if part["metadata"]["name"] == "keyed-vision-api-keys")
        ApiServer(cluster_access).apply(changed)

    return apply


class TestABrowser:
    def test_is_sent_to_the_login(self, visitor: Visitor) -> None:
        response, _ = visitor.ask(BROWSER)
        assert (response.status, response.headers["Location"]) == (302, f"https://auth.{DOMAIN}/sign-in")

    def test_of_a_member_gets_in_and_is_known_to_the_workload(self, visitor: Visitor) -> None:
        response, said = visitor.ask(BROWSER, headers=MEMBER)
        assert response.status == 200
        assert said["headers"]["x-auth-request-user"] == "ines"
        assert said["headers"]["x-auth-request-groups"] == "ml-vision"

    def test_of_another_tenant_does_not(self, visitor: Visitor) -> None:
        assert visitor.ask(OTHERS, headers=MEMBER)[0].status == 403

    def test_gets_the_session_that_the_login_refreshed(self, visitor: Visitor) -> None:
        cookies = visitor.ask(BROWSER, headers=MEMBER)[0].headers.get_all("Set-Cookie") or []
        assert [cookie for cookie in cookies if cookie.startswith(f"{SESSION}=refreshed")]

    def test_stays_with_one_pod(self, visitor: Visitor) -> None:
        cookies = visitor.ask(BROWSER, headers=MEMBER)[0].headers.get_all("Set-Cookie") or []
        (pod,) = (cookie for cookie in cookies if cookie.startswith("bedplate-pod="))
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(re.split("; ?", pod))

    def test_is_told_to_come_by_tls_only(self, visitor: Visitor) -> None:
        response, _ = visitor.ask(BROWSER, headers=MEMBER)
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


class TestAnApiClient:
    def test_without_a_token_gets_401(self, visitor: Visitor) -> None:
        assert visitor.ask(API)[0].status == 401

    def test_with_a_wrong_token_gets_401(self, visitor: Visitor) -> None:
        assert visitor.ask(API, headers=[("Authorization", "Bearer mallory")])[0].status == 401

    def test_with_a_token_gets_in_and_the_workload_does_not_see_the_token(self, visitor: Visitor) -> None:
        response, said = visitor.ask(API, headers=[("Authorization", INES)])
        assert response.status == 200
        assert said["headers"]["x-auth-request-user"] == "ines"
        assert "authorization" not in said["headers"]


class TestAProgramWithAKey:
    @pytest.mark.parametrize("host", [KEYED, KEYS_ONLY])
    def test_gets_in_and_the_workload_knows_which_and_does_not_see_it(self, visitor: Visitor, host: str) -> None:
        response, said = visitor.ask(host, headers=[("Authorization", f"Bearer {SHOP.key}"), *FORGED])
        assert response.status == 200
        assert said["headers"]["x-auth-request-user"] == "key:shop"
        assert SHOP.key not in str(said)
        assert "mallory" not in str(said)

    def test_is_known_by_its_own_name(self, visitor: Visitor) -> None:
        _, said = visitor.ask(KEYED, headers=[("Authorization", f"bearer {APP.key}")])
        assert said["headers"]["x-auth-request-user"] == "key:app"

    @pytest.mark.parametrize("host", [KEYED, KEYS_ONLY])
    def test_gets_401_with_a_wrong_one_and_without(self, visitor: Visitor, host: str) -> None:
        wrong = [FORMER.key, SHOP.key[:-1], f"{SHOP.key}x", SHOP.sha256, "", "bedplate_", SHOP.key.upper()]
        for key in wrong:
            assert visitor.ask(host, headers=[("Authorization", f"Bearer {key}")])[0].status == 401, key
        assert visitor.ask(host)[0].status == 401
        assert visitor.ask(host, headers=[("Authorization", f"Basic {SHOP.key}")])[0].status == 401
        assert visitor.ask(host, f"/?key={SHOP.key}", headers=[("X-Api-Key", SHOP.key)])[0].status == 401

    def test_gets_401_where_it_shows_two(self, visitor: Visitor) -> None:
        both = [("Authorization", f"Bearer {SHOP.key}"), ("Authorization", INES)]
        assert visitor.ask(KEYED, headers=both)[0].status == 401
        assert visitor.ask(KEYED, headers=both[::-1])[0].status == 401

    def test_does_not_get_in_where_its_key_was_not_issued(self, visitor: Visitor) -> None:
        assert visitor.ask(API, headers=[("Authorization", f"Bearer {SHOP.key}")])[0].status == 401
        assert visitor.ask(KEYS_ONLY, headers=[("Authorization", f"Bearer {APP.key}")])[0].status == 401

    def test_keeps_no_person_out(self, visitor: Visitor) -> None:
        response, said = visitor.ask(KEYED, headers=[("Authorization", INES)])
        assert (response.status, said["headers"]["x-auth-request-user"]) == (200, "ines")

    def test_is_out_as_soon_as_the_key_is_gone(self, visitor: Visitor, keys_of: Callable[[list[Any]], None]) -> None:
        def status(key: str) -> int:
            return visitor.ask(KEYED, headers=[("Authorization", f"Bearer {key}")])[0].status

        keys_of([{"name": "app", "sha256": FORMER.sha256}])
        eventually(lambda: status(FORMER.key) == 200, "the new key lets in", 10)
        assert (status(APP.key), status(SHOP.key)) == (401, 401)
        keys_of(KEYS)
        eventually(lambda: status(SHOP.key) == 200, "the former keys let in", 10)
        assert status(FORMER.key) == 401

    def test_leaves_its_name_in_the_log_and_not_its_key(self, visitor: Visitor, traefik: RunningTraefik) -> None:
        visitor.ask(KEYED, "/by-key", headers=[("Authorization", f"Bearer {SHOP.key}")])
        eventually(lambda: "/by-key" in traefik.log.read_text(), "the request in the access log")
        (line,) = [json.loads(line) for line in traefik.log.read_text().splitlines() if '"/by-key' in line]
        assert line["request_X-Auth-Request-User"] == "key:shop"
        assert SHOP.key not in traefik.log.read_text()


class TestAProgramWithATokenOfAnotherIssuer:
    def asked(self, visitor: Visitor, credentials: str, *more: tuple[str, str]) -> tuple[int, list[dict[str, str]]]:
        """The status, and what the login was asked."""
        Login.asked.clear()
        response, _ = visitor.ask(KEYED, headers=[("Authorization", credentials), *more])
        return response.status, list(Login.asked)

    @pytest.mark.parametrize("claims", [{"iss": CI, "sub": PIPELINE}, {"iss": "https://cluster", "sub": DEPLOYER}])
    def test_is_checked_by_its_name_and_not_by_groups(self, visitor: Visitor, claims: dict[str, str]) -> None:
        _, (asked,) = self.asked(visitor, f"Bearer {token(**claims)}", *MEMBER)
        assert parse_qs(urlsplit(asked[":path"]).query) == {"allowed_emails": [f"{DEPLOYER},{PIPELINE}"]}
        assert asked["authorization"] == f"Bearer {token(**claims)}"
        assert "cookie" not in asked

    @pytest.mark.parametrize(
        "claims",
        [
            {"sub": DEPLOYER},
            {"sub": PIPELINE},
            {"iss": CI, "sub": DEPLOYER},
            {"iss": "https://cluster", "sub": PIPELINE},
            {"iss": CI, "sub": f"{PIPELINE}2", "email": PIPELINE},
            {"iss": "", "sub": DEPLOYER},
            {"iss": None, "sub": DEPLOYER},
        ],
    )
    def test_is_not_asked_for_where_another_issuer_calls_somebody_so(
        self, visitor: Visitor, claims: dict[str, str]
    ) -> None:
        assert self.asked(visitor, f"Bearer {token(**claims)}", *MEMBER) == (401, [])

    def test_is_nobody_of_a_group(self, visitor: Visitor) -> None:
        """Whatever groups it names: they are the provider's to say."""
        for credentials in (f"Bearer {token(iss=CI, sub='ines', groups=['ml-vision'])}", f"Basic {token()}", "ines"):
            status, (asked,) = self.asked(visitor, credentials)
            assert (status, "authorization" in asked) == (401, False)
            assert parse_qs(urlsplit(asked[":path"]).query) == {"allowed_groups": ["ml-vision"]}
        _, (asked,) = self.asked(visitor, f"Bearer {token(sub='ada')}")
        assert asked["authorization"] == f"Bearer {token(sub='ada')}"

    def test_keeps_nobody_from_his_session(self, visitor: Visitor) -> None:
        """Applications send such headers with their own pages' requests."""
        response, _ = visitor.ask(BROWSER, headers=[*MEMBER, ("Authorization", "token 3f1c")])
        assert response.status == 200


class TestThePublic:
    def test_gets_in_without_a_login(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC)[0].status == 200

    def test_may_show_the_workload_a_token_of_its_own(self, visitor: Visitor) -> None:
        _, said = visitor.ask(PUBLIC, headers=[("Authorization", "Bearer of-the-workload")])
        assert said["headers"]["authorization"] == "Bearer of-the-workload"


class TestTheWorkload:
    @pytest.mark.parametrize("host", [BROWSER, PUBLIC])
    def test_does_not_see_the_session_but_its_own_cookies(self, visitor: Visitor, host: str) -> None:
        _, said = visitor.ask(host, headers=MEMBER)
        assert said["headers"]["cookie"] == "theme=dark; _xsrf=2"

    @pytest.mark.parametrize(
        "cookies",
        [
            [f"{SESSION}=ines"],
            [f"a=1;{SESSION}=ines;b=2"],
            [f'"{SESSION}"=ines', f" ;; {SESSION}_0=ines"],
            [f"{SESSION.lower()}=ines", f"{SESSION}=ines"],
            ["a=1", f"{SESSION}=ines"],
        ],
    )
    def test_does_not_see_the_session_however_it_is_sent(self, visitor: Visitor, cookies: list[str]) -> None:
        response, said = visitor.ask(PUBLIC, headers=[("Cookie", cookie) for cookie in cookies])
        assert response.status == 200
        assert "ines" not in said["headers"].get("cookie", "")

    @pytest.mark.parametrize("host", [BROWSER, API, PUBLIC])
    def test_does_not_see_forged_identities(self, visitor: Visitor, host: str) -> None:
        _, said = visitor.ask(host, headers=[*FORGED, *MEMBER, ("Authorization", INES)])
        assert "mallory" not in str(said["headers"])
        assert "admins" not in str(said["headers"])

    def test_does_not_see_identities_forged_with_underscores(self, visitor: Visitor) -> None:
        _, said = visitor.ask(PUBLIC, headers=[("X_Auth_Request_User", "mallory")])
        assert "mallory" not in str(said["headers"])

    def test_and_the_login_see_where_a_request_came_from(self, visitor: Visitor) -> None:
        """Not what the client says of it."""
        forged = [("X-Forwarded-Host", "auth.example.com"), ("X-Forwarded-For", "203.0.113.9")]
        Login.asked.clear()
        _, said = visitor.ask(BROWSER, "/a?b=c", headers=[*forged, *MEMBER])
        assert said["headers"]["x-forwarded-host"] == BROWSER
        assert said["headers"]["x-forwarded-for"] == "127.0.0.1"
        (asked,) = Login.asked
        assert (asked["x-forwarded-host"], asked["x-forwarded-uri"]) == (BROWSER, "/a?b=c")
        assert asked["x-forwarded-for"] == "127.0.0.1"


class TestLimits:
    def test_a_body_that_is_allowed_arrives_whole(self, visitor: Visitor) -> None:
        response, said = visitor.ask(PUBLIC, body=b"x" * 2**20)
        assert (response.status, said["bytes"]) == (200, 2**20)

    def test_a_body_that_is_too_large_is_refused(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC, body=b"x" * (2**20 + 1))[0].status == 413

    def test_a_body_that_hides_its_length_is_refused(self, visitor: Visitor) -> None:
        """It is cut off where it gets too large, so that the caller may not even get an answer."""
        with contextlib.suppress(ConnectionError):
            assert visitor.ask(PUBLIC, body=iter([b"x" * 2**19] * 4))[0].status >= 400

    def test_a_body_of_unknown_length_that_is_allowed_arrives_whole(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC, body=iter([b"x" * 2**19] * 2))[1]["bytes"] == 2**20

    def test_an_answer_that_does_not_begin_in_time_is_given_up(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC, "/slow")[0].status == 504

    def test_a_stream_may_go_on_and_is_not_held_back(self, visitor: Visitor) -> None:
        response, _ = visitor.ask(PUBLIC, "/stream", reading=False)
        assert response.read1(64) == b"data: 0\n\n"
        assert response.read() == b"data: 1\n\n"

    def test_more_at_once_than_allowed_is_refused(self, visitor: Visitor) -> None:
        streams = [visitor.ask(PUBLIC, "/stream", reading=False)[0] for _ in range(3)]
        assert visitor.ask(PUBLIC)[0].status == 429
        for stream in streams:
            stream.read()

    def test_a_null_character_in_a_path_is_refused(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC, "/a%00b")[0].status == 400

    def test_an_encoded_slash_reaches_the_workload_as_it_was(self, visitor: Visitor) -> None:
        assert visitor.ask(PUBLIC, "/models/a%2Fb")[1]["path"] == "/models/a%2Fb"


class TestAWebsocket:
    @pytest.mark.parametrize(
        ("host", "headers"), [(BROWSER, [*MEMBER, ("Origin", f"https://{BROWSER}")]), (PUBLIC, [])]
    )
    def test_passes_both_ways(self, visitor: Visitor, host: str, headers: list[tuple[str, str]]) -> None:
        said, echoed = visitor.opens_websocket(host, headers)
        assert said.startswith("HTTP/1.1 101")
        assert echoed == b"hello"

    def test_needs_a_login_too(self, visitor: Visitor) -> None:
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        assert visitor.ask(BROWSER, headers=upgrade)[0].status == 302


class TestWhatIsNotThere:
    def test_an_unknown_host_of_the_domain_is_not_found(self, visitor: Visitor) -> None:
        assert visitor.ask(f"unknown.{DOMAIN}")[0].status == 404

    def test_a_route_whose_login_is_missing_is_closed(self, visitor: Visitor) -> None:
        assert visitor.ask(BROKEN, headers=MEMBER)[0].status == 404

    def test_a_workload_without_pods_is_unavailable_and_not_unknown(self, visitor: Visitor) -> None:
        assert visitor.ask(ASLEEP)[0].status == 503

    @pytest.mark.parametrize("path", ["/api/rawdata", "/dashboard/", "/ping", "/metrics"])
    def test_nothing_of_traefiks_own_is_shown(self, visitor: Visitor, path: str) -> None:
        assert visitor.ask(f"unknown.{DOMAIN}", path)[0].status == 404

    def test_a_host_outside_the_domain_gets_no_certificate(self, visitor: Visitor) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        visitor.connect(PUBLIC, context).close()
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            visitor.connect("www.example.org", context)

    def test_old_tls_is_not_spoken(self, visitor: Visitor) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
            visitor.connect(PUBLIC, context)

    def test_plain_http_only_leads_to_https(self, traefik: RunningTraefik) -> None:
        connection = HTTPConnection("127.0.0.1", traefik.http, timeout=15)
        connection.request("GET", "/a?b=c", headers={"Host": PUBLIC})
        response = connection.getresponse()
        assert response.status in (301, 308)
        assert response.headers["Location"] == f"https://{PUBLIC}/a?b=c"
        connection.close()


class TestWhatIsWritten:
    def test_the_log_says_who_and_keeps_no_credential(self, visitor: Visitor, traefik: RunningTraefik) -> None:
        visitor.ask(BROWSER, "/logged", headers=MEMBER)
        visitor.ask(API, "/logged-too", headers=[("Authorization", INES)])
        eventually(lambda: "/logged-too" in traefik.log.read_text(), "the request in the access log")
        lines = [json.loads(line) for line in traefik.log.read_text().splitlines() if '"/logged' in line]
        assert [line["request_X-Auth-Request-User"] for line in lines] == ["ines", "ines"]
        assert "Bearer" not in traefik.log.read_text()
        assert f"{SESSION}=" not in traefik.log.read_text()

    def test_requests_are_counted_by_route(self, visitor: Visitor, traefik: RunningTraefik) -> None:
        visitor.ask(ASLEEP)
        with urllib.request.urlopen(f"http://127.0.0.1:{traefik.metrics}/metrics", timeout=15) as answer:
            lines = answer.read().decode().splitlines()
        assert [
            line
            for line in lines
            if line.startswith("traefik_router_requests_total{")
            and 'code="503"' in line
            and re.search(rf'router="{NAMESPACE}[-_]asleep-vision[-_]', line)
        ]

    def test_traefik_misses_no_right(self, traefik: RunningTraefik) -> None:
        assert "forbidden" not in traefik.log.read_text()


def test_the_flags_are_those_of_the_chart() -> None:
    """HELM and TRAEFIK_CHART name Helm and a folder with the chart at its version."""
    helm, chart = os.environ.get("HELM"), os.environ.get("TRAEFIK_CHART")
    if not helm or not chart:
        pytest.skip("HELM and TRAEFIK_CHART do not name Helm and the chart")
    rendered = subprocess.run(
        [
            *(helm, "template", "traefik", chart, "--namespace", NAMESPACE),
            *("--skip-crds", "--kube-version", "1.35", "--values", "-"),
        ],
        input=json.dumps(values()),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert sorted(re.findall(r"^ +- (--\S+)$", rendered, re.MULTILINE)) == sorted(flags(values()))
