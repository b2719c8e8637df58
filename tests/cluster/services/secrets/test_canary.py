"""A recognisable secret goes the way of all secrets, and is looked for wherever somebody might see it.

The engine hands programs a placeholder in place of each config secret, which is as good as any value: it must be in the
data of Secrets, and nowhere else.
"""

import base64
import io
import json
from collections.abc import Generator
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from typing import Any

import pytest

from bedplate.cli import main
from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.simulation import SimulatedPool, simulated_cluster
from bedplate.engine.engine import RecordingBackend, run
from bedplate.engine.resources import hidden
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from bedplate.rehearsal.rehearse import Rehearsal
from harness import ROOT, job, model_api, platform, program, record, spec, tenant

CANARY = "placeholder for the config secret"
SECRETS = frozenset({"vision-token"})
STACK = platform(
    tenant(
        "vision",
        model_api("api", secretEnv={"TOKEN": "vision-token"}),
        job("etl", schedule="0 1 * * *", secretEnv={"TOKEN": "vision-token"}),
    )
)
POOLS = [SimulatedPool(name="general", nodes=2, cpu=16, memory_gib=64)]
CLASSES = {"standard": "Delete", "standard-retained": "Retain"}


def is_in(text: str) -> bool:
    """As it was given, or as Kubernetes keeps it."""
    coded = base64.b64encode(f"{CANARY} vision-token".encode()).decode()
    return CANARY in text or coded in text


def printed(*arguments: str) -> str:
    """All that a command prints."""
    said = io.StringIO()
    with chdir(ROOT), redirect_stdout(said), redirect_stderr(said), suppress(SystemExit):
        main(list(arguments))
    return said.getvalue()


@pytest.mark.parametrize(
    "arguments", [("check", "local"), ("preview", "local"), ("preview", "local", "-o", "json")], ids=" ".join
)
def test_is_not_printed(arguments: tuple[str, ...]) -> None:
    """Of the local stack, which has two."""
    said = printed(*arguments)
    assert "local" in said
    assert not is_in(said)


def test_is_a_secret_wherever_it_is_registered_and_hidden_wherever_it_is_shown() -> None:
    recording = record(STACK, SECRETS)
    shown = json.dumps([hidden(resource.inputs) for resource in recording.resources], default=str)
    assert not is_in(shown)
    assert not is_in(json.dumps([resource.shown() for resource in recording.resources], default=str))
    assert not is_in(json.dumps(recording.outputs, default=lambda value: type(value).__name__))


@pytest.fixture(scope="module")
def access(cluster_access: ClusterAccess) -> Generator[ClusterAccess]:
    with simulated_cluster(cluster_access, POOLS, CLASSES, lambda _: None):
        yield cluster_access


@pytest.mark.enable_socket
class TestInACluster:
    def test_stands_in_the_data_of_secrets_alone(self, access: ClusterAccess) -> None:
        api = ApiServer(access)
        applied = apply(api, run(program(STACK, SECRETS), RecordingBackend(), is_preview=False).resources)
        try:
            assert applied.problems == []
            found: dict[str, dict[str, Any]] = {
                f"{key.kind} {key.namespace}/{key.name}": body
                for key, body in api.inventory().items()
                if is_in(json.dumps(body))
            }
            assert set(found) == {"Secret vision/api-secrets", "Secret vision/etl-secrets"}
            for body in found.values():
                assert not is_in(json.dumps({key: value for key, value in body.items() if key != "data"}))
            assert not is_in(json.dumps(api.objects("v1", "Event")))
        finally:
            assert delete(api, applied.resources) == []

    def test_is_in_no_word_of_a_rehearsal(self, access: ClusterAccess) -> None:
        said = list[str]()
        report = Rehearsal(
            program=program(STACK, SECRETS),
            without=lambda _: program({**STACK, "tenants": []}, SECRETS),
            spec=spec(STACK),
            access=access,
            progress=said.append,
            stalled_seconds=4,
        ).perform()
        assert [str(problem) for problem in report.problems] == []
        assert not is_in(json.dumps(report.shown()))
        assert said
        assert not is_in("\n".join(said))
