"""A tenant that is removed is named nowhere any more."""

from typing import Any

import pytest

from bedplate.plans.planning import without
from bedplate.stack_file.consistency import refuse_inconsistent
from harness import LOGIN, platform, spec, tenant

STACK: dict[str, Any] = platform(
    tenant("vision"),
    tenant("search"),
    certificates={"issuer": "internal"},
    login={**LOGIN, "adminGroups": ["platform"]},
    tenantSecrets={"vision": ["token"], "search": ["token"]},
    images={
        "registry": "ghcr.io/acme/",
        "builds": {
            "credentials": {name: {"username": name, "passwordRef": "push"} for name in ("vision", "search")},
        },
    },
    monitoring={
        "diskGib": 400,
        "receivers": {"chat": {"kind": "mail", "to": ["ml@example.com"]}},
        "mail": {"smarthost": "mail.example.com:587", "sender": "ml@example.com", "username": "m", "passwordRef": "m"},
        "tenants": {"vision": "chat", "search": "chat"},
        "tenantDashboards": ["vision", "search"],
    },
)


@pytest.mark.parametrize(("gone", "left"), [("vision", "search"), ("search", "vision")])
def test_what_is_left_is_right_and_names_the_others_alone(gone: str, left: str) -> None:
    found = without(STACK, gone)
    refuse_inconsistent(spec(found))
    assert [each["name"] for each in found["tenants"]] == [left]
    assert found["monitoring"]["tenantDashboards"] == [left]
    assert list(found["monitoring"]["tenants"]) == [left]
    assert list(found["images"]["builds"]["credentials"]) == [left]
    assert STACK["monitoring"]["tenantDashboards"] == ["vision", "search"]


def test_the_tenants_alone_would_not_be() -> None:
    with pytest.raises(ValueError, match="no tenant of this name"):
        refuse_inconsistent(spec({**STACK, "tenants": STACK["tenants"][1:]}))
