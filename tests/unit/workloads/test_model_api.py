"""Model APIs as they are rendered: who owns the number of pods, and how a new release comes."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from bedplate.engine.resources import Resource
from bedplate.workloads._serving import ReplicasSpec
from harness import MINIMAL, STACKS, model_api, objects, platform, record, record_stack, tenant


def parts(kind: str, **changes: Any) -> list[Resource]:
    return objects(record(platform(tenant("vision", model_api("api", **changes)))), kind)


class TestTheNumberOfPods:
    @pytest.mark.parametrize("stack", STACKS, ids=lambda file: file.stem)
    def test_belongs_to_one_controller_in_every_shape_of_the_spec(self, stack: Any) -> None:
        """Written once and then left alone: Pulumi neither sets it back nor drops it."""
        recording = record_stack(stack)
        served = {
            (one.inputs["metadata"]["namespace"], one.inputs["spec"]["scaleTargetRef"]["name"])
            for one in objects(recording, "HorizontalPodAutoscaler")
        }
        left = {
            (one.inputs["metadata"]["namespace"], one.inputs["metadata"]["name"])
            for one in objects(recording, "Deployment")
            if "spec.replicas" in one.ignore_changes and one.inputs["spec"]["replicas"] >= 1
        }
        assert served == left != set()

    @pytest.mark.parametrize("bounds", [{"min": 3, "max": 3}, {"min": 3, "max": 6}], ids=["fixed", "scaled"])
    def test_is_held_between_its_bounds_by_an_autoscaler(self, bounds: dict[str, int]) -> None:
        (autoscaler,) = parts("HorizontalPodAutoscaler", replicas=bounds)
        assert {key: autoscaler.inputs["spec"][f"{key}Replicas"] for key in bounds} == bounds
        (deployment,) = parts("Deployment", replicas=bounds)
        assert deployment.inputs["spec"]["replicas"] == 3


class TestAnUpdate:
    @pytest.mark.parametrize(("changes", "strategy"), [
        ({}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        ({"update": "removeFirst"}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        ({"update": "removeFirst", "replicas": {"min": 1, "max": 1}}, {"type": "Recreate"}),
    ], ids=["adds first", "removes first", "removes the only one"])  # fmt: skip
    def test_comes_as_it_is_asked_for(self, changes: dict[str, Any], strategy: dict[str, Any]) -> None:
        (deployment,) = parts("Deployment", **changes)
        assert deployment.inputs["spec"]["strategy"] == strategy

    def test_that_removes_first_needs_no_room_for_a_pod_more(self) -> None:
        """Two GPUs, and a quota of two: with a pod more the check refuses it (wrong_stacks/sizes.txt)."""
        gpus = {"gpu": {"accelerator": "nvidia-l4"}, "replicas": {"min": 2, "max": 2}}
        assert len(parts("Deployment", update="removeFirst", **gpus)) == 1

    def test_that_removes_first_may_mount_a_volume_of_one_node(self) -> None:
        alone = {"update": "removeFirst", "replicas": {"min": 1, "max": 1}}
        api = model_api("api", mounts=[{"volume": "cache", "path": "/cache"}], **alone)
        volumes = [{"name": "cache", "sizeGib": 10, "retain": False}]
        assert len(objects(record(platform(tenant("vision", api, volumes=volumes))), "Deployment")) == 1


class TestRequestsUnderWay:
    @pytest.mark.parametrize(("changes", "seconds"), [
        ({}, 30),
        ({"route": {"access": "public"}}, 30),
        ({"route": {"access": "public", "answerSeconds": 10}}, 30),
        ({"route": {"access": "public", "answerSeconds": 240}}, 240),
        ({"route": {"access": "public", "answerSeconds": 3600}}, 600),
        ({"route": {"access": "public", "answerSeconds": 240}, "drainSeconds": 20}, 20),
    ], ids=["by default", "of a route", "of short answers", "of long ones", "of the longest", "written"])  # fmt: skip
    def test_have_the_time_that_an_answer_may_take(self, changes: dict[str, Any], seconds: int) -> None:
        """Five seconds more, in which routers hear that the pod stops."""
        open_to_all = {"guardrails": {**MINIMAL["guardrails"], "publicRoutes": True}}
        stack = platform(
            tenant("vision", model_api("api", **changes)), certificates={"issuer": "internal"}, **open_to_all
        )
        deployed = {one.inputs["metadata"]["name"]: one.inputs for one in objects(record(stack), "Deployment")}
        assert deployed["api"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds + 5


def test_no_target_is_so_high_that_no_pod_is_ever_added() -> None:
    """An autoscaler acts a tenth above its target, and a pod gets no more CPU than its limit."""
    target = TypeAdapter(ReplicasSpec).json_schema()["properties"]["cpuPercent"]["maximum"]
    (deployment,) = parts("Deployment", cpu=1, replicas={"min": 1, "max": 2, "cpuPercent": target})
    resources = deployment.inputs["spec"]["template"]["spec"]["containers"][0]["resources"]
    most_percent = 100 * float(resources["limits"]["cpu"]) / float(resources["requests"]["cpu"])
    assert most_percent / target > 1.1
