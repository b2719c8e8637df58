"""Trainings as they are rendered, and what is refused of them."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.plans.immutable_fields import IMMUTABLE_FIELDS
from bedplate.workloads.training import TrainingSpec
from harness import MINIMAL, objects, platform, record, tenant

GPU = {"accelerator": "nvidia-l4", "count": 1}
CHECKPOINTS: dict[str, Any] = {"mounts": [{"volume": "runs", "path": "/runs"}], "checkpoints": "/runs/small"}


def training(name: str = "small", **changes: Any) -> dict[str, Any]:
    needed = {"kind": "training", "name": name, "image": "ghcr.io/acme/trainer:1.0.0"}
    return {**needed, "nodes": 2, "command": ["python", "train.py"], **changes}


def job_set(**changes: Any) -> dict[str, Any]:
    volumes = [{"name": "runs", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    pools = {**MINIMAL["nodePools"], "l4": {**MINIMAL["nodePools"]["l4"], "max": 8}}
    one = tenant("vision", training(**changes), volumes=volumes)
    (found,) = objects(record(platform(one, queue={}, nodePools=pools)), "JobSet")
    return dict(found.inputs)


def pod(**changes: Any) -> dict[str, Any]:
    return job_set(**changes)["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


def variables(**changes: Any) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in pod(**changes)["containers"][0]["env"]}


def test_each_variable_has_one_meaning() -> None:
    found = variables(processes=4)
    assert (found["NNODES"], found["NPROC_PER_NODE"], found["WORLD_SIZE"]) == ("2", "4", "8")
    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == ("small-node-0-0.small", "29500")
    for name in ("NNODES", "NPROC_PER_NODE", "MASTER_ADDR", "MASTER_PORT"):
        assert found[f"PET_{name}"] == found[name]
    assert "RANK" not in found


def test_the_interface_of_gpus_is_the_clusters_unless_somebody_says_another() -> None:
    """Each variable once: an API server takes no list with one of them twice."""
    gpu = {"gpu": GPU, "nodes": 1}
    assert variables(**gpu)["NCCL_SOCKET_IFNAME"] == "eth0"
    assert "NCCL_SOCKET_IFNAME" not in variables()
    own = pod(**gpu, env={"NCCL_SOCKET_IFNAME": "net1"})["containers"][0]["env"]
    assert [one["value"] for one in own if one["name"] == "NCCL_SOCKET_IFNAME"] == ["net1"]
    classes = {"deletedStorageClass": "standard", "retainedStorageClass": "standard-retained"}
    named = {key: value for key, value in MINIMAL["cloud"].items() if key != "storageClasses"}
    cloud = {**named, "facts": {**classes, "podInterface": "ens5"}}
    one = tenant("vision", training(**gpu))
    (body,) = objects(record(platform(one, queue={}, cloud=cloud)), "JobSet")
    assert '"value": "ens5"' in json.dumps(dict(body.inputs))


def test_the_first_pods_name_is_waited_for() -> None:
    (waiting,) = pod()["initContainers"]
    assert waiting["command"][-1] == variables()["MASTER_ADDR"]


@pytest.mark.parametrize("seconds", [15, 120, 600])
def test_processes_may_save_as_long_as_the_pod_may_stop(seconds: int) -> None:
    found = pod(saveSeconds=seconds)
    assert found["terminationGracePeriodSeconds"] == seconds
    assert f"--shutdown-timeout={seconds - 5}" in found["containers"][0]["command"]


def test_nothing_restarts_inside_and_everything_together() -> None:
    body = job_set(**CHECKPOINTS, restarts=7)["spec"]
    assert "--max-restarts=0" in pod()["containers"][0]["command"]
    assert body["replicatedJobs"][0]["template"]["spec"]["backoffLimit"] == 0
    assert (body["failurePolicy"]["maxRestarts"], body["failurePolicy"]["restartStrategy"]) == (7, "BlockingRecreate")


def test_failures_are_borne_where_there_are_checkpoints() -> None:
    assert job_set()["spec"]["failurePolicy"]["maxRestarts"] == 0
    assert job_set(**CHECKPOINTS)["spec"]["failurePolicy"]["maxRestarts"] == 10


def test_a_launcher_of_ones_own_is_started_as_it_is_written() -> None:
    assert pod(launcher="none", command=["accelerate", "launch", "x.py"])["containers"][0]["command"] == [
        *("accelerate", "launch", "x.py"),
    ]


def test_shared_memory_stays_below_the_memory() -> None:
    found = pod(gpu=GPU, memoryGib=16)
    (shared,) = (one["emptyDir"] for one in found["volumes"] if one["name"] == "shared-memory")
    assert (shared["medium"], shared["sizeLimit"]) == ("Memory", "8Gi")


def test_a_change_replaces_it_and_the_plan_knows() -> None:
    assert IMMUTABLE_FIELDS["kubernetes:jobset.x-k8s.io/v1alpha2:JobSet"] == ("spec",)


@pytest.mark.parametrize(("changes", "said"), [
    ({"command": ["torchrun", "train.py"]}, "torchrun is started by the platform"),
    ({"env": {"MASTER_PORT": "1"}}, "MASTER_PORT is set by the platform"),
    ({"secretEnv": {"WORLD_SIZE": "key"}}, "WORLD_SIZE is set by the platform"),
    ({"checkpoints": "/runs"}, "it is on no volume"),
    ({"restarts": 3}, "it would begin from nothing each time"),
    ({"name": "a" * 49}, "are longer than 63 characters"),
    ({"saveSeconds": 5}, "greater than or equal to 15"),
])  # fmt: skip
def test_what_cannot_work_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainingSpec.model_validate(training(**changes))


def test_the_longest_name_is_one_that_job_set_takes() -> None:
    """`-node-0-1` and six characters more are 63."""
    assert TrainingSpec.model_validate(training("a" * 48)).name
