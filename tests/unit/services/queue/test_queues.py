"""Queues as they are rendered: what they have, whom the controllers are asked about, and what members may not do."""

import shutil
import subprocess
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.guardrails.sight import POD_KINDS
from bedplate.services.queue import queue_definitions
from bedplate.services.queue.controllers import JOBSET_VERSION, KUEUE_VERSION
from bedplate.services.queue.queue_definitions import published
from bedplate.tenants.access import DATA_SCIENTIST_RULES
from harness import MINIMAL, job, model_api, objects, platform, record, tenant
from queue_definitions import MODULES, files, module_folders

ACCELERATOR = "nvidia-l4"
POOLS = {**MINIMAL["nodePools"], "l4": {**MINIMAL["nodePools"]["l4"], "max": 8}}


def recorded(*workloads: dict[str, Any], **quota: Any) -> Recording:
    granted = {"cpu": 64, "memoryGib": 256, "gpus": {ACCELERATOR: 4}, **quota}
    return record(platform(tenant("vision", *workloads, quota=granted), queue={}, nodePools=POOLS))


def of_queue(recording: Recording) -> dict[str, tuple[str, str]]:
    """What the queue has of its own and to borrow, by resource; of GPUs by accelerator."""
    (queue,) = objects(recording, "ClusterQueue")
    return {
        (resource["name"] if flavor["name"] == "any" else flavor["name"]): (
            resource["nominalQuota"],
            resource["borrowingLimit"],
        )
        for group in queue.inputs["spec"]["resourceGroups"]
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }


def of_quotas(recording: Recording, name: str) -> dict[str, str]:
    return next(
        one.inputs["spec"]["hard"]
        for one in objects(recording, "ResourceQuota")
        if one.inputs["metadata"]["name"] == name
    )


def test_a_queue_of_a_tenant_that_serves_nothing_is_its_quota() -> None:
    recording = recorded(job("etl"))
    queue, quota = of_queue(recording), of_quotas(recording, "tenant")
    assert queue["cpu"] == (quota["requests.cpu"], "0")
    assert queue["memory"] == (quota["requests.memory"], "0")
    assert queue["pods"] == (quota["pods"], "0")
    assert queue[ACCELERATOR] == (of_quotas(recording, ACCELERATOR)["requests.nvidia.com/gpu"], "0")


def test_what_serves_at_its_largest_is_not_the_queues() -> None:
    """Two replicas and the one more of an update."""
    recording = recorded(model_api("api", gpu={"accelerator": ACCELERATOR}, cpu=2, replicas={"min": 1, "max": 2}))
    assert of_queue(recording)[ACCELERATOR] == ("1", "0")
    assert of_queue(recording)["cpu"] == ("58", "0")


def test_what_may_be_borrowed_is_in_queue_and_quota_alike() -> None:
    recording = recorded(borrowedGpus={ACCELERATOR: 3})
    assert of_queue(recording)[ACCELERATOR] == ("4", "3")
    assert of_quotas(recording, ACCELERATOR) == {"requests.nvidia.com/gpu": "7"}
    assert of_quotas(recording, "tenant")["requests.nvidia.com/gpu"] == "7"


def test_no_controller_is_asked_about_anything_but_jobs_of_tenants() -> None:
    found = set[str]()
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for configuration in objects(recorded(), kind):
            for webhook in configuration.inputs["webhooks"]:
                assert webhook["namespaceSelector"] == {
                    "matchExpressions": [{"key": "bedplate.dev/tenant", "operator": "Exists"}]
                }
                found |= {resource for rule in webhook["rules"] for resource in rule["resources"]}
    assert found == {"jobs", "jobsets", "workloads", "workloads/status"}


def test_members_make_jobs_and_neither_sets_nor_queues() -> None:
    writable = {
        resource
        for rule in DATA_SCIENTIST_RULES
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    }
    assert "jobs" in writable
    assert not {"jobsets", "workloads", "localqueues", "clusterqueues"} & writable
    assert any("jobsets" in kind["resources"] for kind in POD_KINDS)


def test_definitions_are_of_the_versions_that_run() -> None:
    assert published().versions == {"kueue": KUEUE_VERSION, "jobset": JOBSET_VERSION}, "run `make definitions`"
    for body in published().definitions:
        assert [version["storage"] for version in body["spec"]["versions"]] == [True]


@pytest.mark.enable_socket
@pytest.mark.skipif(shutil.which("go") is None, reason="no Go to download the modules with")
def test_definitions_are_what_the_modules_have() -> None:
    try:
        folders = module_folders()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{', '.join(MODULES.values())} cannot be downloaded: {error.stderr.decode()[-200:]}")
    package = queue_definitions.__path__[0]
    for name, text in files(folders).items():
        with open(f"{package}/{name}", encoding="utf-8") as file:
            assert file.read() == text, f"{name}: run `make definitions`"
