"""Patterns by which callers are told apart, on headers as they really look."""

import base64
import json
import re
from typing import Any

import pytest

from bedplate.kubernetes import new_api_key
from bedplate.services.front_door.callers import API_KEY, token_of

DEPLOYER, NIGHTLY = "system:serviceaccount:ci:deployer", "repo:acme/app:ref:refs/heads/main"


def bearer(claims: dict[str, Any], scheme: str = "Bearer") -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{scheme} {part({'alg': 'RS256', 'kid': 'first'})}.{part(claims)}.c2lnbmF0dXJl"


def matches(pattern: str, header: str) -> bool:
    return re.search(f"^{pattern}", header) is not None


class TestATokenOfASubject:
    @pytest.mark.parametrize("before", range(9))
    @pytest.mark.parametrize("subject", [DEPLOYER, NIGHTLY])
    def test_is_known_wherever_the_subject_stands(self, subject: str, before: int) -> None:
        claims = {"aud": "x" * before, "sub": subject, "exp": 1}
        assert matches(token_of([DEPLOYER, NIGHTLY]), bearer(claims))
        assert matches(token_of([subject]), bearer(claims, scheme="bearer"))

    @pytest.mark.parametrize("before", range(3))
    def test_of_somebody_else_is_another(self, before: int) -> None:
        for claims in ({"sub": "ada", "groups": ["ml-vision"]}, {"sub": "system:serviceaccount:ci:developer"}, {}):
            assert not matches(token_of([DEPLOYER]), bearer({"aud": "x" * before, **claims}))

    def test_is_not_known_by_what_stands_outside_its_claims(self) -> None:
        hidden = base64.urlsafe_b64encode(DEPLOYER.encode()).decode().rstrip("=")
        assert not matches(token_of([DEPLOYER]), f"Basic {hidden}")
        assert not matches(token_of([DEPLOYER]), f"{bearer({'sub': 'ada'})}.{hidden}")


class TestAnApiKey:
    def test_is_known_by_its_prefix(self) -> None:
        assert matches(API_KEY, f"Bearer {new_api_key('shop').key}")
        assert matches(API_KEY, f"bearer {new_api_key('shop').key}")

    @pytest.mark.parametrize("header", [bearer({"sub": "bedplate_"}), "Basic bedplate_x", "x Bearer bedplate_x", ""])
    def test_is_nothing_else(self, header: str) -> None:
        assert not matches(API_KEY, header)
