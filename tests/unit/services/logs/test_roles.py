"""Roles of the store, in the words of both stores: what a role may is the same, and no more than its right says."""

from typing import Any

import pytest

from bedplate.services.logs.roles import PLATFORM_ROLES, for_elasticsearch, for_opensearch, tenant_roles

ROLES = {**PLATFORM_ROLES, **tenant_roles({"vision": "ml-vision", "search": "ml-search"})}


def index_rights(name: str) -> dict[str, Any]:
    """As Elasticsearch reads them."""
    (rights,) = for_elasticsearch(ROLES)[name]["indices"]
    return rights


class TestForElasticsearch:
    def test_a_tenants_user_may_read_one_stream_by_its_exact_name(self) -> None:
        assert index_rights("reader-vision") == {
            "names": ["ml-vision.pods"],
            "privileges": ["read", "view_index_metadata"],
        }
        role = for_elasticsearch(ROLES)["reader-vision"]
        assert role["applications"][0]["resources"] == ["space:tenant-vision"]
        assert "cluster" not in role

    def test_the_collector_may_write_and_neither_read_nor_delete(self) -> None:
        assert index_rights("log-collector") == {"names": ["*.pods", "*.audit"], "privileges": ["create_doc"]}

    def test_the_keeper_may_not_read(self) -> None:
        assert index_rights("log-keeper")["privileges"] == ["manage"]


@pytest.mark.parametrize("name", ROLES)
def test_both_stores_are_told_of_the_same_streams(name: str) -> None:
    (rights,) = for_opensearch(ROLES)[name]["index_permissions"]
    assert rights["index_patterns"] == index_rights(name)["names"]
