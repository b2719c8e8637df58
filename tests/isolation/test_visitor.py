"""Somebody at the front door, with a session of another tenant, or with none."""

import http.client
import ssl
from collections.abc import Sequence

import pytest

from bedplate.labels import grafana_host
from bedplate.services.front_door.headers import FAMILIES
from cluster.processes_under_test import INES, SESSION, Login
from isolation.network import PORTS, Network
from isolation.reviewed import ACCESS, AUDIO, DOMAIN, ROUTED, VISION, Door, Review, host

pytestmark = pytest.mark.enable_socket

WAYS = [(kind, access) for kind in ROUTED for access in ACCESS]
CLOSED = [(kind, access) for kind, access in WAYS if access != "public"]
TURNED_AWAY = {"browser": 302, "api": 401, "public": 200}
"""What who shows nothing is told, by the route's access."""
MEMBER = [("Cookie", f"{SESSION}=ines")]
"""A session of somebody in the group of the first tenant."""
COLLEAGUE = [("Cookie", f"{SESSION}=tomas")]
"""Of somebody else in that group."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    *("/oauth2/auth", "/oauth2/callback", "/oauth2/sign_in", "/sign-out", "//", "/.%2e/", "/%2e%2e/oauth2/auth"),
    *(
        "/oauth2/..%2f",
        "/healthz",
        "/ping",
        "/metrics",
        "/api/rawdata",
        "/.well-known/acme-challenge/x",
        "/favicon.ico",
    ),
)
"""What is open elsewhere, and ways to seem to be there."""
FORGED = [
    spelled
    for family in FAMILIES
    for name in (f"{family}User", f"{family}Zzz")
    for spelled in (name, name.lower(), name.replace("-", "_"), name.replace("-", "."))
]
SIBLING = f"https://evil-{AUDIO}.{DOMAIN}"
MISLEADING = (
    *("X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-For", "X-Real-Ip", "X-Original-Url"),
    *("X-Rewrite-Url", "X-Forwarded-Prefix", "Forwarded", "X-Http-Method-Override", "X-Forwarded-Proto"),
)


def asked(door: Door, server_name: str, lines: Sequence[str]) -> int:
    """The status of an answer to a request written by hand."""
    with door.visitor.connect(server_name) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


class TestWithoutASession:
    @pytest.mark.parametrize(("kind", "access"), WAYS)
    def test_comes_in_where_a_route_is_public_and_nowhere_else(self, door: Door, kind: str, access: str) -> None:
        assert set(TURNED_AWAY) == set(ACCESS), "decide what a new sort of access tells who shows nothing"
        assert door.visitor.ask(host(kind, access))[0].status == TURNED_AWAY[access]

    @pytest.mark.parametrize("method", METHODS)
    def test_comes_in_by_no_method(self, door: Door, method: str) -> None:
        for kind, access in CLOSED:
            name = host(kind, access)
            assert asked(door, name, [f"{method} / HTTP/1.1", f"Host: {name}"]) in (301, 302, 401, 405)

    @pytest.mark.parametrize("path", PATHS)
    def test_comes_in_by_no_path(self, door: Door, path: str) -> None:
        for kind, access in CLOSED:
            assert door.visitor.ask(host(kind, access), path)[0].status in (TURNED_AWAY[access], 400, 404)

    def test_comes_in_by_no_name_of_a_host(self, door: Door) -> None:
        """TLS for one host, and the request for another; names written otherwise; two of them."""
        for kind, access in CLOSED:
            name, public = host(kind, access), host(kind, "public")
            for server_name, lines in (
                (public, [f"Host: {name}"]),
                (name, [f"Host: {name.upper()}"]),
                (name, [f"Host: {name}."]),
                (name, [f"Host: {name}:443"]),
                (name, [f"Host: {public}", f"Host: {name}"]),
                (name, [f"Host: {name}", f"Host: {public}"]),
            ):
                status = asked(door, server_name, ["GET / HTTP/1.1", *lines])
                assert status in (TURNED_AWAY[access], 400, 404, 421), lines
            absolute = asked(door, public, [f"GET https://{name}/ HTTP/1.1", f"Host: {public}"])
            assert absolute in (TURNED_AWAY[access], 400, 404, 421)

    def test_opens_no_websocket(self, door: Door) -> None:
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        for kind, access in CLOSED:
            assert door.visitor.ask(host(kind, access), headers=upgrade)[0].status == TURNED_AWAY[access]

    @pytest.mark.parametrize(
        "cookies", [f"{SESSION}=", f"{SESSION}=mallory", f"{SESSION}_csrf=ines", "session=ines", "_oauth2_proxy=ines"]
    )
    def test_invents_none(self, door: Door, cookies: str) -> None:
        for kind, access in CLOSED:
            found = door.visitor.ask(host(kind, access), headers=[("Cookie", cookies)])[0].status
            assert found == TURNED_AWAY[access]

    @pytest.mark.parametrize("name", ["unknown", "traefik", "dashboard", "www", "platform"])
    def test_finds_nothing_at_other_names(self, door: Door, name: str) -> None:
        for path in ("/", "/api/rawdata", "/dashboard/", "/metrics", "/ping"):
            assert door.visitor.ask(f"{name}.{DOMAIN}", path)[0].status == 404

    @pytest.mark.parametrize(
        "path", ["/", "/oauth2", "/admin", "/ready", "/ping", "/metrics", "/robots.txt", "/oauth2x/"]
    )
    def test_reaches_nothing_but_the_sign_in_at_the_login(self, door: Door, path: str) -> None:
        assert door.visitor.ask(f"auth.{DOMAIN}", path)[0].status == 404

    def test_is_led_to_tls_by_plain_http_and_no_further(self, door: Door) -> None:
        for kind, access in WAYS:
            connection = http.client.HTTPConnection("127.0.0.1", door.traefik.http, timeout=15)
            connection.request("GET", "/", headers={"Host": host(kind, access)})
            assert connection.getresponse().status in (301, 308)
            connection.close()

    def test_gets_no_answer_outside_the_domain(self, door: Door) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            door.visitor.connect("www.example.org", context)


class TestWithASessionOfAnotherGroup:
    @pytest.mark.parametrize(("kind", "access"), CLOSED)
    @pytest.mark.parametrize("shown", [MEMBER, [("Authorization", INES)]], ids=["cookie", "token"])
    def test_is_refused(self, door: Door, kind: str, access: str, shown: list[tuple[str, str]]) -> None:
        assert door.visitor.ask(host(kind, access, VISION), headers=shown)[0].status == 200
        assert door.visitor.ask(host(kind, access, AUDIO), headers=shown)[0].status == 403

    def test_opens_the_dashboards_of_his_own_tenant_alone(self, door: Door) -> None:
        for path in (
            "/",
            "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up",
            "/login",
            "/public/build/x.js",
        ):
            assert door.visitor.ask(grafana_host(DOMAIN, VISION), path, headers=MEMBER)[0].status == 200
            assert door.visitor.ask(grafana_host(DOMAIN, AUDIO), path, headers=MEMBER)[0].status == 403
            assert door.visitor.ask(grafana_host(DOMAIN, VISION), path)[0].status == 302

    def test_is_asked_for_the_groups_of_the_host_whatever_the_request_says(self, door: Door) -> None:
        headers = [*MEMBER, *((name, host(ROUTED[0], "browser", VISION)) for name in MISLEADING)]
        for kind, access in CLOSED:
            query = f"/?allowed_groups=ml-{VISION}"
            assert door.visitor.ask(host(kind, access, AUDIO), query, headers=headers)[0].status == 403


class TestWithASessionOfTheSameTeam:
    @pytest.mark.parametrize("path", ["/", "/api/kernels", "/api/status?allowed_emails=tomas@example.com"])
    def test_opens_a_workspace_only_where_its_owner_opened_it_to_the_team(self, door: Door, path: str) -> None:
        for open_to, of_others in (("owner", 403), ("team", 200)):
            name = host("workspace", open_to)
            assert door.visitor.ask(name, path)[0].status == 302
            assert door.visitor.ask(name, path, headers=MEMBER)[0].status == 200
            assert door.visitor.ask(name, path, headers=COLLEAGUE)[0].status == of_others

    def test_opens_no_websocket_to_a_workspace_of_somebody_else(self, door: Door) -> None:
        name = host("workspace", "owner")
        assert door.visitor.opens_websocket(name, [*MEMBER, ("Origin", f"https://{name}")])[1] == b"hello"
        assert "403" in door.visitor.opens_websocket(name, [*COLLEAGUE, ("Origin", f"https://{name}")])[0]


class TestWithASession:
    @pytest.mark.parametrize(("kind", "access"), WAYS)
    def test_is_who_the_login_says(self, door: Door, kind: str, access: str) -> None:
        """By names that are believed, by any other of their families, and however they are spelled."""
        for first in range(0, len(FORGED), 40):
            forged = [(name, "mallory") for name in FORGED[first : first + 40]]
            response, said = door.visitor.ask(host(kind, access), headers=[*forged, *MEMBER])
            assert response.status == 200
            assert [name for name, value in said["headers"].items() if "mallory" in value] == []
            assert said["headers"].get("x-auth-request-user") == (None if access == "public" else "ines")

    @pytest.mark.parametrize(
        "dropped", ["X-Auth-Request-User", "X-Auth-Request-User, X-Auth-Request-Groups", "X-Real-Ip"]
    )
    def test_is_not_made_nobody_by_naming_the_headers_of_the_login(self, door: Door, dropped: str) -> None:
        """What `Connection` names is taken off on the way, the client's own headers alone."""
        for kind, access in CLOSED:
            _, said = door.visitor.ask(host(kind, access), headers=[*MEMBER, ("Connection", dropped)])
            assert said["headers"]["x-auth-request-user"] == "ines"

    @pytest.mark.parametrize(("kind", "access"), WAYS)
    def test_keeps_it_from_the_workload(self, door: Door, kind: str, access: str) -> None:
        lines = [("Cookie", f"theme=dark; {SESSION}=ines"), ("Cookie", f'"{SESSION}"=ines;{SESSION.upper()}_0=ines')]
        _, said = door.visitor.ask(host(kind, access), headers=[*lines])
        assert "ines" not in said["headers"].get("cookie", "")
        assert "theme=dark" in said["headers"]["cookie"]

    def test_says_where_it_comes_from_only_by_where_it_comes_from(self, door: Door) -> None:
        Login.asked.clear()
        headers = [*MEMBER, ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Host", f"auth.{DOMAIN}")]
        name = host(ROUTED[0], "browser")
        _, said = door.visitor.ask(name, headers=headers)
        for heard in (said["headers"], Login.asked[0]):
            assert (heard["x-forwarded-for"], heard["x-forwarded-host"]) == ("127.0.0.1", name)


@pytest.mark.parametrize(("kind", "access"), CLOSED)
class TestAnotherHostsPage:
    """Of the same domain, so that a browser sends the session with whatever it asks."""

    @pytest.mark.parametrize("origin", [SIBLING, "https://www.example.org", "null", ""])
    def test_changes_nothing_in_a_visitors_name(self, door: Door, kind: str, access: str, origin: str) -> None:
        said = [("Origin", origin)] if origin else []
        for method in ("POST", "PUT", "DELETE"):
            answer, _ = door.visitor.ask(host(kind, access), headers=[*MEMBER, *said], body=b"x", method=method)
            assert answer.status == 403, method
        assert door.visitor.opens_websocket(host(kind, access), [*MEMBER, *said])[0].startswith("HTTP/1.1 403")

    @pytest.mark.parametrize("destination", ["iframe", "script", "image", "empty"])
    def test_holds_nothing_of_a_workload(self, door: Door, kind: str, access: str, destination: str) -> None:
        said = [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", destination)]
        assert door.visitor.ask(host(kind, access), headers=[*MEMBER, *said])[0].status == 403

    def test_links_to_a_workload_whose_own_pages_do_all_of_it(self, door: Door, kind: str, access: str) -> None:
        link = [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
        own = [("Origin", f"https://{host(kind, access)}")]
        assert door.visitor.ask(host(kind, access), headers=[*MEMBER, *link])[0].status == 200
        assert door.visitor.ask(host(kind, access), headers=[*MEMBER, *own], body=b"x")[0].status == 200
        assert door.visitor.opens_websocket(host(kind, access), [*MEMBER, *own])[1] == b"hello"


class TestTheNetwork:
    def test_leads_from_outside_to_the_doors_two_ports_and_nothing_else(self, review: Review) -> None:
        """Its metrics, the login, the store of sessions and every workload are reached from inside alone."""
        network = Network([body for body in review.all_objects() if body["kind"] == "NetworkPolicy"])
        traefik = review.any_pod("bedplate-front-door", **{"app.kubernetes.io/name": "traefik"})
        for address in ("1.1.1.1", "10.0.0.1", "2600::1"):
            for namespace in (body["metadata"]["name"] for body in review.namespaces()):
                for name, pod in review.pods(namespace).items():
                    assert [port for port in PORTS if network.lets_in(address, pod, port)] == [], name
            assert [port for port in PORTS if network.lets_in(address, traefik, port)] == [8000, 8443]
