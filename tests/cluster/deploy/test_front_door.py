"""A member's route at a real Traefik: who comes in, by what, and what the app sees."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.kubernetes import new_api_key
from cluster.deploy.conftest import SECRETS, stack
from cluster.deploy.people import TENANT, Person, write
from cluster.deploy.test_deploying import up
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.processes_under_test import INES, SESSION, Visitor, Workload, own_address, serving
from harness import objects, record

pytestmark = pytest.mark.enable_socket
KEY = new_api_key("shop")
OTHER = new_api_key("shop")
AppAt = Callable[[str, str], None]


@pytest.fixture(scope="module")
def app_port() -> Iterator[int]:
    """Of a server that stands in for pods."""
    with serving(Workload, own_address()) as port:
        yield port


def deployed(person: Person, name: str, folder: Path, route: str, api: ApiServer, port: int, visitor: Visitor) -> str:
    """An app with a route, served by this process, at a Traefik that knows it; its host."""
    done = up(person, write(folder / "app", name, f"[app.route]\n{route}\n"))
    assert done.code == 0, done.said
    api.apply(endpoint_slice(name, TENANT, own_address(), port))
    host = f"{name}-{TENANT}.ml.example.com"
    eventually(lambda: answers(visitor, host), "the route is served", 60)
    return host


def answers(visitor: Visitor, host: str) -> bool:
    """Whether the app itself answers whoever may come in."""
    shown = [("Authorization", INES), ("Cookie", f"{SESSION}=ines")]
    try:
        return any(visitor.ask(host, headers=[each])[0].status == 200 for each in shown)
    except OSError:
        return False


class TestARouteForPrograms:
    def test_opens_to_its_keys_and_its_people_alone(
        self, alice: Person, app_name: str, tmp_path: Path, platform_up: ApiServer, app_port: int, visitor: Visitor
    ) -> None:
        route = f'access = "api"\napiKeys = [{{name = "shop", sha256 = "{KEY.sha256}"}}]'
        host = deployed(alice, app_name, tmp_path, route, platform_up, app_port, visitor)
        assert visitor.ask(host)[0].status == 401, "nothing is shown"
        assert visitor.ask(host, headers=[("Authorization", f"Bearer {OTHER.key}")])[0].status == 401
        response, seen = visitor.ask(host, headers=[("Authorization", f"Bearer {KEY.key}")])
        assert response.status == 200
        assert seen["headers"]["x-auth-request-user"] == "key:shop"
        assert KEY.key not in str(seen)
        response, seen = visitor.ask(host, headers=[("Authorization", INES), ("X-Auth-Request-User", "boss")])
        assert (response.status, seen["headers"]["x-auth-request-user"]) == (200, "ines")


class TestARouteForPeople:
    def test_sends_them_to_the_login_and_keeps_their_session(
        self, alice: Person, app_name: str, tmp_path: Path, platform_up: ApiServer, app_port: int, visitor: Visitor
    ) -> None:
        host = deployed(alice, app_name, tmp_path, 'access = "browser"', platform_up, app_port, visitor)
        assert visitor.ask(host)[0].status == 302
        response, seen = visitor.ask(host, headers=[("Cookie", f"{SESSION}=ines; theme=dark")])
        assert response.status == 200
        assert seen["headers"]["cookie"] == "theme=dark"

    def test_of_the_stack_comes_before_a_members(self, platform_up: ApiServer) -> None:
        """Whatever a member writes: its rules have the lowest priority, and others have their length."""
        for route in objects(record(stack(), SECRETS), "IngressRoute"):
            for rule in route.inputs["spec"]["routes"]:
                assert rule.get("priority", len(rule["match"])) > 2
