"""A week of a job that is triggered all day, in minutes: what is left of its runs, and what they weigh.

The clock is played by what removes: a day lasts some seconds, and runs are kept for as many as `keepDays` would be.
What an API server does by its own clock is brought to the same pace: it compacts its storage all the time (every five
minutes in a cluster), and events, which it keeps for an hour, are removed at the end of each day.
"""

import copy
import re
import ssl
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from ruamel.yaml import YAML

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.embedded_cluster.nodes import SimulatedPool
from bedplate.engine.engine import Recording
from cluster.objects_under_test import eventually
from harness import job, platform, record, tenant

TENANT, JOB, DAYS = "parcels", "etl", 7
FASTER_SERVER: Sequence[str] = ("--etcd-compaction-interval=5s",)
POOLS = (SimulatedPool(name="general", nodes=4, cpu=64, memory_gib=256),)
_JOBS, _PODS = f"/apis/batch/v1/namespaces/{TENANT}/jobs", f"/api/v1/namespaces/{TENANT}/pods"
_EVENTS = f"/api/v1/namespaces/{TENANT}/events"
_SIZE = re.compile(r"^apiserver_storage_size_bytes\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Evening:
    """What there is at the end of a day."""

    jobs: int
    pods: int
    storage_mib: float


def stack_of(jobs_a_day: int) -> Recording:
    """A tenant with one job that keeps its runs for a day, and a quota for two days of them."""
    quota = {"cpu": 200, "memoryGib": 800, "jobs": 2 * jobs_a_day + 10, "storageGib": 10}
    etl = job(JOB, trigger=True, keepDays=1, cpu=0.1, memoryGib=0.1)
    return record(platform(tenant(TENANT, etl, quota=quota)))


def week(access: ClusterAccess, jobs_a_day: int, day_seconds: float) -> Iterator[Evening]:
    """Each evening of a week."""
    calls, numbers = ClusterApi(access.kubeconfig, access.context), count()
    for _ in range(DAYS):
        ends = time.monotonic() + day_seconds
        for left in range(jobs_a_day, 0, -1):
            calls.create(_JOBS, _run(calls, next(numbers), round(day_seconds)))
            time.sleep(max(0.0, (ends - time.monotonic()) / left))
        calls.call("delete", _EVENTS)
        yield _evening(access, calls)


def removed(access: ClusterAccess, day_seconds: float) -> None:
    """Waits until the last runs have been kept for long enough."""
    calls = ClusterApi(access.kubeconfig, access.context)
    eventually(
        lambda: not calls.items(_JOBS) and not calls.items(_PODS), "nothing is left of the runs", day_seconds + 60
    )


def _run(calls: ClusterApi, number: int, day_seconds: int) -> dict[str, Any]:
    """As whoever triggers it makes it, but that a day is shorter."""
    cron_job: Any = calls.get(f"/apis/batch/v1/namespaces/{TENANT}/cronjobs/{JOB}")
    template = copy.deepcopy(cron_job["spec"]["jobTemplate"])
    days, rest = divmod(template["spec"]["ttlSecondsAfterFinished"], 86_400)
    assert (days, rest) == (1, 0)
    template["spec"]["ttlSecondsAfterFinished"] = days * day_seconds
    metadata = {**template["metadata"], "name": f"{JOB}-{number:05d}", "namespace": TENANT}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def _evening(access: ClusterAccess, calls: ClusterApi) -> Evening:
    found = _SIZE.search(_metrics(access))
    assert found, "the API server tells the size of its storage"
    return Evening(jobs=len(calls.items(_JOBS)), pods=len(calls.items(_PODS)), storage_mib=float(found[1]) / 2**20)


def _metrics(access: ClusterAccess) -> str:
    """What the API server tells of itself."""
    config = YAML(typ="safe").load(access.kubeconfig)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}"}
    request = urllib.request.Request(f"{cluster['server']}/metrics", headers=headers)
    with urllib.request.urlopen(request, context=trusted, timeout=20) as answer:
        return answer.read().decode()
