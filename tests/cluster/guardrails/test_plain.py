"""What is admitted at first sight keeps every rule, and is what tenants usually make; judged by the real API server."""

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.engine.engine import RecordingBackend, run
from bedplate.engine.resources import revealed
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.guardrails.guarded import (
    GUARDED,
    LIMITS,
    Change,
    Manifest,
    all_of,
    gpu_toleration,
    gpus,
    in_namespace,
    manifest,
    nothing,
    owned_by,
    refusal,
)
from cluster.guardrails.test_guardrails import ADMITTED, DENIED, RESTRICTED
from cluster.objects_under_test import eventually
from harness import STACKS, objects, platform, program, record_stack, tenant

pytestmark = pytest.mark.enable_socket

POLICY = "bedplate-guardrails"
OTHER = "restricted"
KINDS = ("Pod", "Job", "CronJob", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
OWNERS = {"Pod": ("Job", "batch/v1"), "ReplicaSet": ("Deployment", "apps/v1")}


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    """The policy with all its variables, but refusing everything with what it thinks of it."""
    api = ApiServer(cluster_access)
    stack = platform(tenant(GUARDED, podSecurity="baseline"), tenant(OTHER), guardrails=LIMITS)
    recording = run(program(stack), RecordingBackend(), is_preview=False)
    applied = apply(api, recording.resources)
    assert applied.problems == []
    policies = [dict(found.inputs) for found in objects(recording, "ValidatingAdmissionPolicy")]
    (policy,) = [policy for policy in policies if policy["metadata"]["name"] == POLICY]
    said = "(variables.isPlain ? 'plain' : 'not plain') + (variables.refusal == '' ? ', kept' : ', broken')"
    policy["spec"] = {**policy["spec"], "validations": [{"expression": "false", "messageExpression": said}]}
    api.apply(policy)
    eventually(lambda: verdict(api, manifest("Job", nothing)), "the policy says what it thinks")
    yield api
    assert delete(api, applied.resources) == []


def verdict(api: ApiServer, body: Manifest) -> str:
    """`plain` or not, `kept` or `broken`; empty where something else refused before."""
    found = re.search(r"denied request: ((?:not )?plain, \w+)$", refusal(api, body) or "")
    return found[1] if found else ""


def of_kind(kind: str, change: Change) -> Manifest | None:
    """The object, changed; None where the kind has not what the change is of."""
    try:
        return manifest(kind, all_of(change, owned_by(*OWNERS[kind])) if kind in OWNERS else change)
    except KeyError:
        return None


CHANGES: list[tuple[str, Change]] = [
    *((f"{rule}-{number}", change) for number, (rule, _, change, _) in enumerate(DENIED)),
    *((f"restricted-{number}", change) for number, (_, change, _) in enumerate(RESTRICTED)),
    *((f"{rule}-admitted-{number}", change) for number, (rule, _, change) in enumerate(ADMITTED)),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
class TestWhatIsPlain:
    def test_keeps_every_rule(self, api: ApiServer, change: Change) -> None:
        """Each change of the other tests, at every kind, in a tenant of either level."""
        bodies = [body for kind in KINDS if (body := of_kind(kind, change))]
        told = {
            f"{body['kind']} in {name}": verdict(api, in_namespace(body, name))
            for body in bodies
            for name in (GUARDED, OTHER)
        }
        assert {where: said for where, said in told.items() if said == "plain, broken"} == {}


class TestPlain:
    """What tenants make all day: read at once, or creating it takes several times as long."""

    @pytest.mark.parametrize("kind", ["Pod", "Job", "CronJob", "Deployment", "DaemonSet", "ReplicaSet"])
    def test_is_an_object_as_people_write_it(self, api: ApiServer, kind: str) -> None:
        body = of_kind(kind, nothing)
        assert body is not None
        assert verdict(api, in_namespace(body, OTHER)) == "plain, kept"

    def test_is_a_job_with_gpus(self, api: ApiServer) -> None:
        assert verdict(api, manifest("Job", all_of(gpus(1), gpu_toleration))) == "plain, kept"

    @pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.stem)
    def test_is_what_the_templates_make(self, api: ApiServer, stack: Path) -> None:
        recording = record_stack(stack)
        found = [dict(body.inputs) for kind in ("CronJob", "Deployment") for body in objects(recording, kind)]
        of_tenants = [body for body in found if "bedplate.dev/tenant" in body["metadata"]["labels"]]
        told = {body["metadata"]["name"]: verdict(api, as_of_guarded(revealed(body))) for body in of_tenants}
        # Sizes and accelerators are the stack's, whose limits are its own. What begins with another container is read
        # rule by rule.
        begin = {body["metadata"]["name"] for body in of_tenants if '"initContainers"' in json.dumps(body)}
        assert {said for name, said in told.items() if said.endswith("kept") and name not in begin} == {"plain, kept"}
        assert {told[name] for name in begin} <= {"not plain, kept", "not plain, broken"}


def as_of_guarded(body: Any) -> Manifest:
    """A tenant's object in the namespace of these tests, with an image and an owner of its."""
    labels = body["metadata"]["labels"]
    text = json.dumps(body).replace(labels["bedplate.dev/owner"], f"{GUARDED}_at_example.com")
    for label in ("tenant", "project"):
        text = text.replace(
            f'"bedplate.dev/{label}": "{labels[f"bedplate.dev/{label}"]}"', f'"bedplate.dev/{label}": "{GUARDED}"'
        )
    own = json.loads(re.sub(r'"image": "[^"]*"', '"image": "ghcr.io/acme/app:1"', text))
    return {**own, "metadata": {**own["metadata"], "namespace": GUARDED}}
