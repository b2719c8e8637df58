"""The order in which objects reach the API server when several are applied at once."""

import threading
import time
from collections.abc import Collection
from typing import Any, cast

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.objects import Object
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.rehearsal.applying import Applied, apply

SLOW_SECONDS = 0.2


class SlowServer:
    """Takes objects as the API server does, the slow ones after a while, and writes down what was done when."""

    def __init__(self, slow: Collection[str] = (), refused: str = "", broken: str = "") -> None:
        self.slow, self.refused, self.broken = slow, refused, broken
        self.events: list[str] = []
        self._lock = threading.Lock()

    def apply(self, body: Object) -> Object:
        name = body["metadata"]["name"]
        self._note(f"start {name}")
        time.sleep(SLOW_SECONDS if name in self.slow else 0)
        if name == self.refused:
            raise ApiError(422, "it is not right")
        if name == self.broken:
            raise ValueError("a mistake of ours")
        self._note(f"end {name}")
        return body

    def _note(self, event: str) -> None:
        with self._lock:
            self.events.append(event)

    def is_before(self, first: str, second: str) -> bool:
        return self.events.index(first) < self.events.index(second)


def resource(name: str, *dependencies: str, kind: str = "ConfigMap", **changes: Any) -> Resource:
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **changes.pop("metadata", {})}}
    fields: dict[str, Any] = {
        "urn": name,
        "type": f"kubernetes:core/v1:{kind}",
        "name": name,
        "custom": True,
        "parent": "",
        "provider": "",
        "dependencies": dependencies,
        "aliases": (),
        "protect": False,
        "retain_on_delete": False,
        "deleted_with": "",
        "inputs": body,
    }
    return Resource(**(fields | changes))


def applied(server: SlowServer, *resources: Resource, into: Applied | None = None) -> Applied:
    return apply(cast(ApiServer, server), resources, applied=into)


class TestOrder:
    def test_an_object_waits_for_what_it_depends_on(self) -> None:
        server = SlowServer(slow={"first"})
        applied(server, resource("first"), resource("second", "first"))
        assert server.is_before("end first", "start second")

    def test_it_waits_through_a_resource_that_is_no_object(self) -> None:
        server = SlowServer(slow={"namespace"})
        release = resource("chart", "namespace", type=RELEASE_TYPE, inputs={"chart": "x"})
        applied(server, resource("namespace"), release, resource("custom", "chart"))
        assert server.is_before("end namespace", "start custom")

    def test_it_waits_for_its_namespace(self) -> None:
        server = SlowServer(slow={"team"})
        applied(server, resource("team", kind="Namespace"), resource("inside", metadata={"namespace": "team"}))
        assert server.is_before("end team", "start inside")

    def test_others_do_not_wait(self) -> None:
        server = SlowServer(slow={"first"})
        applied(server, resource("first"), resource("second"))
        assert server.is_before("start second", "end first")

    def test_what_was_applied_is_in_the_order_of_the_program(self) -> None:
        done = applied(SlowServer(slow={"first"}), resource("first"), resource("second"))
        assert [item.name for item in done.resources] == ["first", "second"]


class TestWhatGoesWrong:
    def test_a_refusal_is_a_problem_and_the_rest_goes_on(self) -> None:
        done = applied(SlowServer(refused="first"), resource("first"), resource("second", "first"))
        assert [problem.object for problem in done.problems] == ["ConfigMap first"]
        assert [item.name for item in done.resources] == ["second"]

    def test_after_another_error_it_is_known_what_is_there(self) -> None:
        """So that it can be deleted again."""
        there = Applied()
        with pytest.raises(ValueError, match="a mistake of ours"):
            applied(SlowServer(broken="second"), resource("first"), resource("second", "first"), into=there)
        assert [item.name for item in there.resources] == ["first"]
