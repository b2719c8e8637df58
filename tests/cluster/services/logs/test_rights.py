"""Who may read what, asked of a real OpenSearch with its security plugin, as the people of one tenant.

Roles are the stack's own, in that store's words; who asks is said by the header that the front door's middleware of the
tenant's host sends, whatever the caller sent. Elasticsearch's security module is in no registry of programs.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.engine.engine import Recording
from bedplate.engine.outputs import RANDOM_PASSWORD_TYPE, synthesised_outputs
from bedplate.engine.resources import Secret
from bedplate.labels import TENANT
from bedplate.services.logs.collecting import Target, configuration
from bedplate.services.logs.roles import (
    COLLECTOR,
    KEEPER,
    PLATFORM_ROLES,
    TEAM,
    for_opensearch,
    reader_of,
    tenant_roles,
)
from cluster import log_keeping
from harness import LOGIN, objects, platform, record, tenant
from opensearch_under_test import Store, secured_store
from shipper import Record, Shipper, records

pytestmark = pytest.mark.enable_socket
NAMESPACES = {"vision": "ml-vision", "search": "ml-search"}
STACK = platform(
    tenant("vision"),
    tenant("search"),
    tenantPrefix="ml-",
    certificates={"issuer": "internal"},
    login={**LOGIN, "adminGroups": ["ops"]},
    logs={"size": "small", "diskGib": 220, "gibPerDay": 1},
)
BASIC = {
    "authentication_backend": {"type": "intern"},
    "http_authenticator": {"type": "basic", "challenge": True},
    "http_enabled": True,
    "order": 0,
}


@dataclass(frozen=True)
class People:
    """The store as each of them asks it."""

    admin: Store
    vision: Store
    search: Store
    team: Store
    collector: Store
    keeper: Store


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    roles = {**PLATFORM_ROLES, **tenant_roles(NAMESPACES)}
    files = {
        "config": {"config": {"dynamic": {"authc": {"basic": BASIC}}}},
        "roles": for_opensearch(roles),
        "roles_mapping": {name: {"users": [name]} for name in roles},
    }
    recording, folder = record(STACK), tmp_path_factory.mktemp("store")
    closed = ",".join(("-*.pods", "-*.audit", "+*"))
    with secured_store(folder, files, action__auto_create_index=closed) as store:
        for user in roles:
            place = f"/_plugins/_security/api/internalusers/{user}"
            store.ask("PUT", place, {"password": password_of(recording, user)}, status=201)
        users = {user: store.asked_by(basic(user, password_of(recording, user))) for user in roles}
        there = People(
            admin=store,
            vision=store.asked_by(sent_by_front_door(recording, "vision")),
            search=store.asked_by(sent_by_front_door(recording, "search")),
            team=users[TEAM],
            collector=users[COLLECTOR],
            keeper=users[KEEPER],
        )
        fill(there, folder, password_of(recording, KEEPER))
        yield there


def fill(people: People, folder: Path, password: str) -> None:
    """Streams, by the keeper as its own user, and lines of each tenant, by the collector."""
    (folder / "token").write_text("of nobody")
    of_keeper = {"STORE_USER": KEEPER, "STORE_PASSWORD": password, "STORE_AUTHORITY": f"{folder}/config/node.pem"}
    log_keeping.kept(people.admin, folder, {name: of for of, name in NAMESPACES.items()}, variables=of_keeper)
    text = configuration(Target(kind="opensearch", url=people.admin.url, user=COLLECTOR), "/buffer", 1024)
    (output,) = YAML(typ="safe").load(text)["pipeline"]["outputs"]
    for tenant_name, namespace in NAMESPACES.items():
        assert Shipper(output=output, store=people.collector).ship(lines(namespace, f"a secret of {tenant_name}"))
        people.admin.ask("POST", f"/{namespace}.pods/_refresh")


def lines(namespace: str, text: str) -> list[Record]:
    file = f"/var/log/containers/api-0_{namespace}_main-{'a' * 64}.log"
    return list(records([f"2026-11-28T10:00:00.{n:09}Z stdout F {text}" for n in range(3)], file))


def password_of(recording: Recording, user: str) -> str:
    (found,) = [
        synthesised_outputs(one)[1]["result"]
        for one in recording.resources
        if one.type == RANDOM_PASSWORD_TYPE and one.name.endswith(f"logs-password-{user}")
    ]
    return str(found)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def sent_by_front_door(recording: Recording, tenant_name: str) -> str:
    """At the tenant's host of logs."""
    (found,) = [
        sent["Authorization"]
        for one in objects(recording, "Middleware")
        if one.inputs["metadata"]["labels"].get(TENANT) == tenant_name
        and (sent := one.inputs["spec"].get("headers", {}).get("customRequestHeaders", {})).get("Authorization")
    ]
    return str(found.value if isinstance(found, Secret) else found)


def backing(people: People, stream: str) -> str:
    (found,) = people.admin.ask("GET", f"/_data_stream/{stream}")["data_streams"]
    return str(found["indices"][0]["index_name"])


def shown(store: Store, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """The answer to a tenant's question, which must not say a word of the other's lines."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    status, text = store.answer(method, path, data, {"Content-Type": "application/json"})
    assert "a secret of search" not in text
    return status, text


class TestATenant:
    """Streams of OpenSearch have no aliases, so that nobody comes to one by another name."""

    def test_reads_its_own_lines_by_every_way(self, people: People) -> None:
        found = people.vision.ask("GET", "/ml-vision.pods/_search")["hits"]["hits"]
        assert [hit["_source"]["log"] for hit in found] == ["a secret of vision"] * 3
        body = b'{"index": "ml-vision.pods"}\n{"query": {"match_all": {}}}\n'
        (answer,) = people.vision.ask("POST", "/_msearch", body)["responses"]
        assert answer["hits"]["total"]["value"] == 3
        scrolled = people.vision.ask("GET", "/ml-vision.pods/_search?scroll=1m&size=1")["_scroll_id"]
        assert len(people.vision.ask("POST", "/_search/scroll", {"scroll_id": scrolled})["hits"]["hits"]) == 1
        assert "log" in people.vision.ask("GET", "/ml-vision.pods/_field_caps?fields=*")["fields"]

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/ml-search.pods/_search", None),
            ("GET", "/ml-search.pods/_count", None),
            ("GET", "/BACKING/_search", None),
            ("GET", "/ml-vision.pods,ml-search.pods/_search", None),
            ("GET", "/ml-search.pods/_field_caps?fields=*", None),
            ("GET", "/ml-search.pods/_mapping", None),
            ("GET", "/ml-search.pods/_stats", None),
            ("GET", "/_cat/indices/ml-search.pods?expand_wildcards=all", None),
            ("GET", "/_cat/count/ml-search.pods", None),
            ("GET", "/_data_stream/ml-search.pods", None),
            ("POST", "/ml-search.pods/_search/point_in_time?keep_alive=1m", None),
            ("POST", "/_reindex", {"source": {"index": "ml-search.pods"}, "dest": {"index": "mine"}}),
            ("POST", "/_aliases", {"actions": [{"add": {"index": "BACKING", "alias": "ml-vision.more"}}]}),
            ("PUT", "/_plugins/_security/api/roles/mine", {"cluster_permissions": ["*"]}),
            ("GET", "/_plugins/_security/api/internalusers", None),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_is_refused_what_is_anothers(self, people: People, method: str, path: str, body: Any) -> None:
        name = backing(people, "ml-search.pods")
        told = json.loads(json.dumps(body).replace("BACKING", name))
        status, text = shown(people.vision, method, path.replace("BACKING", name), told)
        assert status == 403, text

    @pytest.mark.parametrize("pattern", ["*", "*.pods", "ml-*", "_all", "*,-ml-vision.pods", "<ml-search.pods>"])
    def test_finds_no_line_of_anothers_by_a_pattern(self, people: People, pattern: str) -> None:
        status, text = shown(people.vision, "GET", f"/{pattern.replace('<', '%3C').replace('>', '%3E')}/_search")
        assert status == 403, text

    @pytest.mark.parametrize(
        ("path", "header"),
        [("/_msearch", {"index": "ml-search.pods"}), ("/ml-vision.pods/_msearch", {"index": "ml-search.pods"})],
    )
    def test_is_refused_within_a_search_of_many(self, people: People, path: str, header: dict[str, str]) -> None:
        body = f'{json.dumps(header)}\n{{"query": {{"match_all": {{}}}}}}\n'.encode()
        status, text = shown(people.vision, "POST", path, body)
        assert status == 403 or [each["status"] for each in json.loads(text)["responses"]] == [403]

    def test_is_refused_by_a_document_of_anothers(self, people: People) -> None:
        name = backing(people, "ml-search.pods")
        found = people.admin.ask("GET", "/ml-search.pods/_search")["hits"]["hits"][0]["_id"]
        status, text = shown(people.vision, "POST", "/_mget", {"docs": [{"_index": name, "_id": found}]})
        assert status == 403 or "error" in json.loads(text)["docs"][0], text
        terms = {"log": {"index": name, "id": found, "path": "log"}}
        status, text = shown(people.vision, "POST", "/ml-vision.pods/_search", {"query": {"terms": terms}})
        assert status == 403, text

    def test_cannot_go_on_with_anothers_search(self, people: People) -> None:
        scrolled = people.search.ask("GET", "/ml-search.pods/_search?scroll=1m&size=1")["_scroll_id"]
        status, text = shown(people.vision, "POST", "/_search/scroll", {"scroll_id": scrolled})
        assert status == 403 or json.loads(text).get("_shards", {}).get("successful") == 0, text
        opened = people.search.ask("POST", "/ml-search.pods/_search/point_in_time?keep_alive=1m")["pit_id"]
        status, text = shown(people.vision, "POST", "/_search", {"pit": {"id": opened}})
        assert status == 403, text

    def test_adds_and_changes_nothing(self, people: People) -> None:
        line = {"@timestamp": "2026-11-28T10:00:00Z", "log": "forged"}
        assert shown(people.vision, "POST", "/ml-vision.pods/_doc?op_type=create", line)[0] == 403
        assert shown(people.vision, "DELETE", "/_data_stream/ml-vision.pods")[0] == 403
        assert shown(people.vision, "POST", "/ml-vision.pods/_delete_by_query", {"query": {"match_all": {}}})[0] == 403


class TestThePlatformsUsers:
    def test_the_team_reads_everybodys_lines(self, people: People) -> None:
        assert people.team.ask("GET", "/*.pods,*.audit/_search")["hits"]["total"]["value"] == 6
        assert people.team.answer("DELETE", "/_data_stream/ml-vision.pods", None, {})[0] == 403

    def test_the_collector_reads_changes_and_removes_nothing(self, people: People) -> None:
        name = backing(people, "ml-vision.pods")
        found = people.admin.ask("GET", "/ml-vision.pods/_search")["hits"]["hits"][0]["_id"]
        asked = [
            ("GET", "/ml-vision.pods/_search"),
            ("DELETE", f"/{name}/_doc/{found}"),
            ("DELETE", "/_data_stream/ml-vision.pods"),
            ("DELETE", f"/{name}"),
        ]
        assert [people.collector.answer(method, path, None, {})[0] for method, path in asked] == [403] * 4

    def test_the_keeper_reads_no_line(self, people: People) -> None:
        assert people.keeper.answer("GET", "/ml-vision.pods/_search", None, {})[0] == 403

    def test_nobody_is_let_in_without_a_password(self, people: People) -> None:
        stranger = people.admin.asked_by(basic(reader_of("vision"), "guessed"))
        assert stranger.answer("GET", "/ml-vision.pods/_search", None, {})[0] == 401
