"""Whether Kubernetes takes the names that a stack file may have, as its controllers make them longer."""

import time
from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.workloads.job import JobSpec
from harness import job, objects, platform, record, tenant

pytestmark = pytest.mark.enable_socket


def run_of(name: str, parallelism: int) -> dict[str, Any]:
    """The Job that a CronJob's controller makes now."""
    written = tenant("vision", job("etl", parallelism=parallelism, cpu=0.1, memoryGib=0.1))
    (cron_job,) = objects(record(platform(written)), "CronJob")
    metadata = {"name": f"{name}-{int(time.time()) // 60}", "namespace": "default"}
    spec = cron_job.inputs["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def is_taken_by_us(name: str, parallelism: int) -> bool:
    try:
        JobSpec.model_validate(job(name, parallelism=parallelism))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("parallelism", "longest"), [(1, 52), (10, 52), (11, 51), (101, 50)])
def test_the_longest_job_runs_and_a_longer_one_is_refused_before(
    cluster_access: ClusterAccess, parallelism: int, longest: int
) -> None:
    api = ApiServer(cluster_access)
    api.apply(run_of("a" * longest, parallelism), is_dry_run=True)
    assert is_taken_by_us("a" * longest, parallelism)
    assert not is_taken_by_us("a" * (longest + 1), parallelism)
    if parallelism > 10:
        with pytest.raises(ApiError, match="invalid DNS label"):
            api.apply(run_of("a" * (longest + 1), parallelism), is_dry_run=True)
