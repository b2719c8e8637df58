"""A release beside a workload, by a real Traefik: it gets its share, and nobody notices when it goes."""

from collections.abc import Iterator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.labels import Identity
from bedplate.offers import CanaryRequest
from cluster.front_door_objects import service
from cluster.front_door_under_test import DOMAIN, route
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.processes_under_test import Visitor, Workload, own_address, serving

pytestmark = pytest.mark.enable_socket

HOST = f"ranker-vision.{DOMAIN}"
ASKED = 200


class New(Workload):
    """The new release, which says that it is."""

    def _answer(self) -> None:
        self._send(b'{"release": "new"}')


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess, front_door: Any) -> ApiServer:
    assert front_door
    return ApiServer(cluster_access)


@pytest.fixture(scope="module")
def ranker(api: ApiServer) -> Iterator[None]:
    address = own_address()
    with serving(Workload, address) as own, serving(New, address) as new:
        applied = [*service("ranker", "vision", address, own), *service("ranker-canary", "vision", address, new)]
        for body in applied:
            api.apply(body)
        yield
        for body in [*applied, *routed(10)]:
            api.delete(body)


def routed(percent: int | None) -> list[dict[str, Any]]:
    """The route, with the release's share if there is one."""
    identity = Identity(name="model-api", component="model-api", tenant="vision", workload="ranker-canary")
    beside = CanaryRequest(identity=identity, service="ranker-canary", weight_percent=percent) if percent else None
    parts = route("ranker", "public", None, canary=beside)
    return [part for part in parts if part["kind"] != "NetworkPolicy"]


def is_new(visitor: Visitor) -> bool:
    response, said = visitor.ask(HOST)
    assert response.status == 200
    return said.get("release") == "new"


def served(api: ApiServer, visitor: Visitor, percent: int | None) -> int:
    """How many of those who ask come to the release, once Traefik has the route."""
    for body in routed(percent):
        api.apply(body)

    def is_there() -> bool:
        seen = [visitor.ask(HOST) for _ in range(40)]
        new = sum(said.get("release") == "new" for response, said in seen if response.status == 200)
        return all(response.status == 200 for response, _ in seen) and abs(new - 0.4 * (percent or 0)) <= 3

    eventually(is_there, f"a share of {percent or 0} percent")
    return sum(is_new(visitor) for _ in range(ASKED))


@pytest.mark.usefixtures("ranker")
def test_a_release_gets_its_share_and_none_when_it_goes(api: ApiServer, visitor: Visitor) -> None:
    for percent in (10, 50):
        assert served(api, visitor, percent) == pytest.approx(ASKED * percent / 100, abs=ASKED * 0.02)
    assert served(api, visitor, None) == 0


@pytest.mark.usefixtures("ranker")
def test_a_release_without_pods_answers_its_share_with_503_and_no_more(api: ApiServer, visitor: Visitor) -> None:
    served(api, visitor, 50)
    (kept,) = api.objects("discovery.k8s.io/v1", "EndpointSlice", "vision", "kubernetes.io/service-name=ranker-canary")
    api.apply(endpoint_slice("ranker-canary", "vision", None, 8080))
    eventually(lambda: any(visitor.ask(HOST)[0].status == 503 for _ in range(4)), "it has no pods")
    failed = [visitor.ask(HOST)[0].status for _ in range(40)].count(503)
    api.apply({key: kept[key] for key in ("apiVersion", "kind", "addressType", "endpoints", "ports")} | named(kept))
    assert failed == pytest.approx(20, abs=1)


def named(body: dict[str, Any]) -> dict[str, Any]:
    metadata = body["metadata"]
    return {"metadata": {key: metadata[key] for key in ("name", "namespace", "labels")}}


@pytest.mark.usefixtures("ranker")
def test_who_came_to_a_pod_of_either_stays_with_it(api: ApiServer, visitor: Visitor) -> None:
    """Each release has a cookie of its own: one does not make the other forget."""
    served(api, visitor, 50)
    names = {
        cookie.partition("=")[0]
        for _ in range(10)
        for cookie in visitor.ask(HOST)[0].headers.get_all("Set-Cookie") or []
    }
    assert names == {"bedplate-pod", "bedplate-pod-canary"}
