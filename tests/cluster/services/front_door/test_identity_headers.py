"""Nobody says who he is: headers by which he would, by family, in every spelling, at the real front door."""

import pytest

from bedplate.services.front_door.headers import FAMILIES, KEPT
from cluster.front_door_under_test import API, BROWSER, KEYS_ONLY, MEMBER, PUBLIC, SHOP
from cluster.processes_under_test import INES, Login, Visitor

pytestmark = pytest.mark.enable_socket

ROUTES = [
    (PUBLIC, []),
    (BROWSER, MEMBER),
    (API, [("Authorization", INES)]),
    (KEYS_ONLY, [("Authorization", f"Bearer {SHOP.key}")]),
]
BELIEVED = (
    *("X-Auth-Request-Access-Token", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "Remote-User"),
    *("X-Remote-User", "X-Remote-Group", "X-Remote-Extra-Scopes", "X-Webauth-User", "X-User", "X-Userinfo"),
    *("X-Goog-Iap-Jwt-Assertion", "X-Amzn-Oidc-Identity", "X-Ms-Client-Principal-Name", "Cf-Access-Jwt-Assertion"),
    *("Tailscale-User-Login", "Kubeflow-Userid", "Impersonate-User", "X-Forwarded-Client-Cert", "Forwarded"),
    *("X-Ssl-Client-S-Dn", "Ssl-Client-Verify", "X-Client-Cert", "X-Original-Url", "X-Real-Name", "Oidc-Claim-Sub"),
    *("X-Oidc-Email", "X-Sso-User", "X-Email", "X-Groups", "X-Roles", "X-Principal", "X-Authorization", "Proxy"),
)
"""Names as software believes them."""
ORDINARY = {
    "Accept-Language": "de",
    "Content-Language": "de",
    "Idempotency-Key": "1",
    "My-X-Forwarded-User": "1",
    "Proxy-Status": "1",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "X-Api-Key": "of-the-workload",
    "X-Csrf-Token": "1",
    "X-Request-Id": "1",
    "X-Requested-With": "XMLHttpRequest",
    "X-Xsrftoken": "1",
}


def spelled(name: str) -> list[str]:
    """Ways to write a name that some application takes for it."""
    ways = [name, name.upper()]
    if "-" in name.rstrip("-"):
        ways += [name.replace("-", "_"), name.replace("-", "."), "_".join(name.rsplit("-", 1))]
    return ways


def arriving(visitor: Visitor, host: str, shown: list[tuple[str, str]], names: list[str]) -> list[str]:
    """Which of the names the workload gets."""
    found: list[str] = []
    for first in range(0, len(names), 40):
        some = [(name, "mallory") for name in names[first : first + 40]]
        response, said = visitor.ask(host, headers=[*shown, *some])
        assert response.status == 200
        found += [name for name in said["headers"] if "mallory" in said["headers"][name]]
    return found


@pytest.mark.parametrize(("host", "shown"), ROUTES)
class TestAClient:
    def test_does_not_say_who_it_is_by_a_name_that_is_believed(
        self, visitor: Visitor, host: str, shown: list[tuple[str, str]]
    ) -> None:
        assert arriving(visitor, host, shown, [way for name in BELIEVED for way in spelled(name)]) == []

    def test_does_not_either_by_one_of_a_family_that_nobody_has_listed(
        self, visitor: Visitor, host: str, shown: list[tuple[str, str]]
    ) -> None:
        invented = [f"{family}Zzz-{number}" for number, family in enumerate(FAMILIES)]
        assert arriving(visitor, host, shown, [way for name in invented for way in spelled(name)]) == []

    def test_says_all_else(self, visitor: Visitor, host: str, shown: list[tuple[str, str]]) -> None:
        _, said = visitor.ask(host, headers=[*shown, *ORDINARY.items()])
        assert {name: said["headers"].get(name.lower()) for name in ORDINARY} == ORDINARY

    def test_is_known_by_what_the_front_door_sees(
        self, visitor: Visitor, host: str, shown: list[tuple[str, str]]
    ) -> None:
        forged = [(way, "mallory") for name in KEPT for way in spelled(name)]
        _, said = visitor.ask(host, headers=[*shown, *forged])
        assert "mallory" not in str(said["headers"])
        assert {name.lower() for name in KEPT} <= said["headers"].keys()
        assert said["headers"]["x-forwarded-for"] == said["headers"]["x-real-ip"] == "127.0.0.1"


class TestAMember:
    def test_cannot_have_what_the_login_says_taken_off(self, visitor: Visitor) -> None:
        """Headers that a connection names go no further."""
        named = [("Connection", "X-Auth-Request-User, X-Forwarded-For, X-Auth-Request-Groups")]
        _, said = visitor.ask(BROWSER, headers=[*MEMBER, *named])
        assert said["headers"]["x-auth-request-user"] == "ines"
        assert said["headers"]["x-auth-request-groups"] == "ml-vision"
        assert said["headers"]["x-forwarded-for"] == "127.0.0.1"

    def test_tells_the_login_nothing_of_himself_either(self, visitor: Visitor) -> None:
        Login.asked.clear()
        arriving(visitor, BROWSER, MEMBER, list(BELIEVED))
        assert Login.asked
        assert "mallory" not in str(Login.asked)
