"""A program that has a key for one workload."""

import ssl
import urllib.error
import urllib.request

import pytest

from bedplate.engine.resources import revealed
from bedplate.kubernetes import new_api_key
from cluster.processes_under_test import SESSION
from isolation.reviewed import ACCESS, AUDIO, KEYS, ROUTED, VISION, Door, Review, host

pytestmark = pytest.mark.enable_socket

KEYED = [kind for kind in ROUTED if (VISION, kind) in KEYS]
MINE = {kind: KEYS[VISION, kind].key for kind in KEYED}


def bearer(key: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {key}")]


@pytest.mark.parametrize("kind", KEYED)
class TestAKey:
    def test_opens_its_workload_and_says_who_calls(self, door: Door, kind: str) -> None:
        response, said = door.visitor.ask(host(kind, "api"), headers=bearer(MINE[kind]))
        assert response.status == 200
        assert said["headers"]["x-auth-request-user"] == "key:shop"
        assert "x-auth-request-groups" not in said["headers"]

    def test_is_not_shown_to_the_workload(self, door: Door, kind: str) -> None:
        _, said = door.visitor.ask(
            host(kind, "api"), headers=[*bearer(MINE[kind]), ("X-Auth-Request-Groups", "admins")]
        )
        assert MINE[kind] not in str(said)
        assert "admins" not in str(said)
        assert MINE[kind] not in door.traefik.log.read_text()

    @pytest.mark.parametrize("access", [access for access in ACCESS if access not in ("api", "public")])
    def test_opens_no_route_for_people(self, door: Door, kind: str, access: str) -> None:
        response, _ = door.visitor.ask(host(kind, access), headers=bearer(MINE[kind]))
        assert response.status in (302, 401)

    def test_opens_no_workload_of_another_tenant(self, door: Door, kind: str) -> None:
        for access in ACCESS:
            response, _ = door.visitor.ask(host(kind, access, AUDIO), headers=bearer(MINE[kind]))
            assert response.status in ((200,) if access == "public" else (302, 401))

    def test_opens_no_other_workload(self, door: Door, kind: str) -> None:
        for other in KEYED:
            if other != kind:
                assert door.visitor.ask(host(other, "api"), headers=bearer(MINE[kind]))[0].status == 401

    def test_is_taken_as_it_was_made_and_no_other_way(self, door: Door, kind: str) -> None:
        key, name = MINE[kind], host(kind, "api")
        for wrong in (key[:-1], f"{key}x", key.upper(), key.swapcase(), KEYS[VISION, kind].sha256, "bedplate_", ""):
            assert door.visitor.ask(name, headers=bearer(wrong))[0].status == 401, wrong
        for value in (
            f"Basic {key}",
            key,
            f"Token {key}",
            f"Bearer  {key}",
            f"Bearer\t{key}",
            f"Bearer {key}, Bearer x",
        ):
            assert door.visitor.ask(name, headers=[("Authorization", value)])[0].status == 401, value
        for path in (f"/?key={key}", f"/?access_token={key}", f"/?authorization=Bearer%20{key}", f"/{key}"):
            assert door.visitor.ask(name, path)[0].status == 401, path
        for header in ("X-Api-Key", "Api-Key", "Proxy-Authorization", "X-Forwarded-Access-Token", "Authorization_"):
            assert door.visitor.ask(name, headers=[(header, f"Bearer {key}")])[0].status == 401, header
        for cookie in (f"key={key}", f"{SESSION}={key}"):
            assert door.visitor.ask(name, headers=[("Cookie", cookie)])[0].status == 401, cookie

    def test_is_not_taken_beside_something_else(self, door: Door, kind: str) -> None:
        name = host(kind, "api")
        for both in ([*bearer(MINE[kind]), *bearer("mallory")], [*bearer("mallory"), *bearer(MINE[kind])]):
            assert door.visitor.ask(name, headers=both)[0].status == 401

    def test_counts_alone_beside_a_session(self, door: Door, kind: str) -> None:
        shown = [*bearer(MINE[kind]), ("Cookie", f"{SESSION}=ines")]
        response, said = door.visitor.ask(host(kind, "api"), headers=shown)
        assert response.status == 200
        assert said["headers"]["x-auth-request-user"] == "key:shop"
        assert "ines" not in str(said)

    def test_opens_nothing_that_was_not_issued(self, door: Door, kind: str) -> None:
        assert door.visitor.ask(host(kind, "api"), headers=bearer(new_api_key("shop").key))[0].status == 401

    def test_opens_nothing_at_the_api_server(self, review: Review, kind: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asked = urllib.request.Request(f"{review.calls.server}/api/v1/pods", headers=dict(bearer(MINE[kind])))
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(asked, timeout=15, context=context)

    def test_stands_nowhere_in_the_cluster(self, review: Review, kind: str) -> None:
        """Its hash does, in one place."""
        texts = [str(revealed(found.inputs)) for found in review.recording.resources]
        assert not [text for text in texts if MINE[kind] in text]
        assert len([text for text in texts if KEYS[VISION, kind].sha256 in text]) == 1
