"""Jobs as they are rendered: how long finished runs are kept."""

from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.workloads.job import JobSpec
from harness import job, objects, platform, record, tenant


def kept_days(**changes: Any) -> float:
    (cron_job,) = objects(record(platform(tenant("vision", job("etl", **changes)))), "CronJob")
    return cron_job.inputs["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] / 86_400


@pytest.mark.parametrize(("changes", "days"), [
    pytest.param({}, 7, id="on demand"),
    pytest.param({"schedule": "@hourly"}, 7, id="hourly"),
    pytest.param({"schedule": "@daily", "history": {"succeeded": 14}}, 14, id="a fortnight of days"),
    pytest.param({"schedule": "0 4 1 * *", "history": {"succeeded": 12, "failed": 12}}, 372, id="a year of months"),
    pytest.param({"schedule": "@yearly"}, 400, id="a year, at the most"),
    pytest.param({"schedule": "@weekly", "keepDays": 2}, 2, id="as it is written"),
])  # fmt: skip
def test_finished_runs_stay_as_long_as_the_history_takes(changes: dict[str, Any], days: float) -> None:
    assert kept_days(**changes) == days


@pytest.mark.parametrize(("changes", "at", "said"), [
    ({"env": {"NVIDIA_MIG_CONFIG_DEVICES": "all"}}, "env", "is read by NVIDIA's runtime"),
    ({"secretEnv": {"NVIDIA_IMEX_CHANNELS": "key"}}, "secretEnv", "is read by NVIDIA's runtime"),
    ({"mounts": [{"volume": "data", "path": "/run/nvidia-container-devices/0"}]}, "mounts", "mounts name the GPUs"),
])  # fmt: skip
def test_no_job_names_devices_of_its_node(changes: dict[str, Any], at: str, said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        JobSpec.model_validate(job("etl", **changes))
    (error,) = raised.value.errors()
    assert at in error["loc"]
    assert said in error["msg"]


def test_a_job_may_set_what_programs_read() -> None:
    assert JobSpec.model_validate(job("etl", env={"NVIDIA_DRIVER_CAPABILITIES": "compute"})).env
