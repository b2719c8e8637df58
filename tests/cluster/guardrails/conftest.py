"""The guardrails and two tenants on one API server, for all tests of this folder."""

from collections.abc import Generator

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.engine.engine import RecordingBackend, run
from bedplate.rehearsal.applying import apply
from bedplate.rehearsal.deleting import delete
from cluster.guardrails.guarded import GUARDED, LIMITS, MEMBERS, TURNS, image, manifest, refusal
from cluster.objects_under_test import eventually
from harness import MINIMAL, job, platform, program, tenant


@pytest.fixture(scope="module")
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    """The API server with the guardrails, enforced: one tenant of level baseline, and one as tenants are by default."""
    api = ApiServer(cluster_access)
    quota = {"cpu": 99, "memoryGib": 999, "gpus": {"nvidia-l4": 9, TURNS: 9}, "jobs": 6}
    shared = {**MINIMAL["nodePools"]["l4"], "sharing": {"timeSlicing": 4, "betweenTenants": True}}
    pools = {**MINIMAL["nodePools"], "turns": shared}
    tenants = [tenant(GUARDED, podSecurity="baseline", quota=quota), tenant(MEMBERS, job("etl"), quota=quota)]
    recording = run(
        program(platform(*tenants, guardrails=LIMITS, nodePools=pools)), RecordingBackend(), is_preview=False
    )
    applied = apply(api, recording.resources)
    assert applied.problems == []
    violation = manifest("Pod", image("docker.io/evil/app:1"))
    eventually(lambda: refusal(api, violation), "the rules are enforced")
    quotas = [quota for name in (GUARDED, MEMBERS) for quota in api.objects("v1", "ResourceQuota", name)]
    eventually(lambda: all((api.get(quota) or {}).get("status", {}).get("hard") for quota in quotas), "quotas count")
    yield api
    assert delete(api, applied.resources) == []
