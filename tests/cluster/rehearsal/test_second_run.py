"""What a second run of a program changed, by the API server's own record of applied fields."""

from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.engine.resources import Resource
from bedplate.rehearsal.applying import Applied, apply
from harness import bare_resource

pytestmark = pytest.mark.enable_socket

FIRST = {"is-unchanged": "a", "has-another-value": "a", "loses-a-value": "a"}


def config_map(name: str, data: dict[str, str]) -> Resource:
    metadata = {"name": f"second-run-{name}", "namespace": "default"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return bare_resource(name, "kubernetes:core/v1:ConfigMap", body)


@pytest.fixture
def api(cluster_access: ClusterAccess) -> ApiServer:
    return ApiServer(cluster_access)


@pytest.fixture
def first(api: ApiServer) -> Generator[Applied]:
    """A first run."""
    found = apply(api, [config_map(name, {"key": value, "other": "a"}) for name, value in FIRST.items()])
    yield found
    for resource in found.resources:
        api.delete(resource.inputs)


def changed(api: ApiServer, before: Applied, data: dict[str, dict[str, str]]) -> list[str]:
    second = apply(api, [config_map(name, values) for name, values in data.items()], before=before)
    return sorted(key.name.removeprefix("second-run-") for key in second.changed)


SAME: dict[str, Any] = {name: {"key": value, "other": "a"} for name, value in FIRST.items()}


class TestASecondRun:
    def test_of_the_same_changes_nothing(self, api: ApiServer, first: Applied) -> None:
        assert changed(api, first, SAME) == []

    def test_names_what_is_registered_otherwise(self, api: ApiServer, first: Applied) -> None:
        other = {**SAME, "has-another-value": {"key": "b", "other": "a"}, "loses-a-value": {"key": "a"}}
        assert changed(api, first, other) == ["has-another-value", "loses-a-value"]

    def test_names_what_it_puts_back_after_somebody_else(self, api: ApiServer, first: Applied) -> None:
        api.merge(config_map("is-unchanged", {}).inputs, {"data": {"key": "theirs"}})
        assert changed(api, first, SAME) == ["is-unchanged"]

    def test_leaves_alone_what_others_add(self, api: ApiServer, first: Applied) -> None:
        api.merge(config_map("is-unchanged", {}).inputs, {"data": {"theirs": "b"}})
        assert changed(api, first, SAME) == []

    def test_names_what_was_not_there(self, api: ApiServer, first: Applied) -> None:
        api.delete(config_map("is-unchanged", {}).inputs)
        assert changed(api, Applied(), {"is-unchanged": SAME["is-unchanged"]}) == ["is-unchanged"]
