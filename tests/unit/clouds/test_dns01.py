"""Solvers of DNS-01 against cert-manager's own definition."""

from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from bedplate.clouds.dns01 import BESIDE, SOLVERS, refuse_unknown_solver
from upstream import KINDS, needed_definition_of


def test_have_the_names_and_keys_of_cert_managers_definition() -> None:
    (kind,) = [kind for kind in KINDS if kind.kind == "ClusterIssuer"]
    (version,) = needed_definition_of(kind)["spec"]["versions"]
    place: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    for step in ("spec", "acme", "solvers"):
        place = place["properties"][step]
    known = place["items"]["properties"]["dns01"]["properties"]
    assert {name: set(each["properties"]) for name, each in known.items() if "properties" in each} == {
        name: set(keys) for name, keys in SOLVERS.items()
    }
    assert set(known) - set(SOLVERS) == {BESIDE}


@pytest.mark.parametrize(
    "solver",
    [
        {"route53": {"region": "eu-central-1", "hostedZoneID": "Z1"}},
        {"cnameStrategy": "Follow", "webhook": {"groupName": "acme.example.com", "solverName": "own", "config": {}}},
    ],
)
def test_take_what_cert_manager_takes(solver: dict[str, Any]) -> None:
    refuse_unknown_solver(solver)


@pytest.mark.parametrize(
    ("solver", "nearest"),
    [
        ({"rout53": {}}, "route53"),
        ({"Route53": {}}, "route53"),
        ({"clouddns": {}}, "cloudDNS"),
        ({"route53": {"regoin": "eu-central-1"}}, "region"),
        ({"route53": "eu-central-1"}, ""),
        ({"route53": {}, "cloudflare": {}}, ""),
        ({"cnameStrategy": "Follow"}, ""),
        ({}, ""),
    ],
)
def test_refuse_what_it_would_drop(solver: dict[str, Any], nearest: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        refuse_unknown_solver(solver)
    assert (refused.value.context or {}).get("nearest", "") == nearest
