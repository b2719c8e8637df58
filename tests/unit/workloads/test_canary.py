"""A release beside a model API, as it is rendered: apart from the workload in every selector, and gone when it goes."""

from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.errors import RehearsalError
from harness import model_api, objects, platform, record, tenant

IMAGE = "ghcr.io/acme/scorer:2.0.0-rc1"
SERVED = ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget")


def recorded(canary: dict[str, Any] | None, **more: Any) -> Recording:
    keys = [{"name": "shop", "sha256": "0" * 64}]
    beside = {"canary": canary} if canary else {}
    api = model_api("scorer", route={"access": "api", "apiKeys": keys}, **beside, **more)
    return record(platform(tenant("vision", api), certificates={"issuer": "internal"}))


@pytest.fixture(scope="module")
def recording() -> Recording:
    return recorded({"image": IMAGE, "weightPercent": 25})


def named(recording: Recording, kind: str) -> dict[str, Resource]:
    return {
        body.inputs["metadata"]["name"]: body
        for body in objects(recording, kind)
        if body.inputs["metadata"].get("labels", {}).get("bedplate.dev/tenant") == "vision"
    }


class TestItsPods:
    def test_run_its_image_with_all_else_of_the_workload(self, recording: Recording) -> None:
        pods = {name: body.inputs["spec"]["template"] for name, body in named(recording, "Deployment").items()}
        own, beside = pods["scorer"], pods["scorer-canary"]
        assert beside["spec"]["containers"][0]["image"] == IMAGE
        assert beside["spec"]["serviceAccountName"] == "scorer"
        image = {"image": own["spec"]["containers"][0]["image"]}
        assert {**beside["spec"]["containers"][0], **image} == own["spec"]["containers"][0]
        assert beside["metadata"]["labels"]["app.kubernetes.io/version"] == "2.0.0-rc1"

    def test_are_picked_by_nothing_of_the_workloads_and_the_other_way_round(self, recording: Recording) -> None:
        labels = {
            name: body.inputs["spec"]["template"]["metadata"]["labels"]
            for name, body in named(recording, "Deployment").items()
        }
        selectors = [
            *(
                (name, body.inputs["spec"]["selector"]["matchLabels"])
                for name, body in named(recording, "Deployment").items()
            ),
            *((name, body.inputs["spec"]["selector"]) for name, body in named(recording, "Service").items()),
            *(
                (name, body.inputs["spec"]["selector"]["matchLabels"])
                for name, body in named(recording, "PodDisruptionBudget").items()
            ),
            *(
                (name.removesuffix("-route"), body.inputs["spec"]["podSelector"]["matchLabels"])
                for name, body in named(recording, "NetworkPolicy").items()
                if name.endswith("-route")
            ),
        ]
        assert len(selectors) == 8
        for name, selector in selectors:
            assert [one for one, worn in labels.items() if selector.items() <= worn.items()] == [name]

    @pytest.mark.parametrize(("percent", "pods"), [(1, (1, 1)), (25, (1, 2)), (99, (2, 8))])
    def test_are_as_many_as_its_share_and_an_autoscalers_of_its_own(self, percent: int, pods: tuple[int, int]) -> None:
        found = named(recorded({"image": IMAGE, "weightPercent": percent}, replicas={"min": 2, "max": 8}), SERVED[2])
        spec = found["scorer-canary"].inputs["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == pods
        assert spec["scaleTargetRef"]["name"] == "scorer-canary"
        assert found["scorer"].inputs["spec"]["scaleTargetRef"]["name"] == "scorer"

    def test_are_counted_where_there_must_be_room(self) -> None:
        gpu = {"gpu": {"accelerator": "nvidia-l4"}, "replicas": {"min": 1, "max": 1}, "update": "removeFirst"}
        assert recorded({"image": IMAGE}, **gpu)
        with pytest.raises(RehearsalError, match="at its largest it has 3 pods"):
            recorded({"image": IMAGE}, **{**gpu, "replicas": {"min": 2, "max": 2}})


class TestItsShare:
    def test_is_led_to_it_once_it_serves(self, recording: Recording) -> None:
        (route,) = named(recording, "IngressRoute").values()
        (rule,) = route.inputs["spec"]["routes"]
        assert [(one["name"], one["weight"]) for one in rule["services"]] == [("scorer", 75), ("scorer-canary", 25)]
        beside = named(recording, "Deployment")["scorer-canary"]
        assert beside.urn in route.dependencies
        assert "pulumi.com/skipAwait" not in beside.inputs["metadata"].get("annotations", {})

    def test_ends_with_it_and_so_does_everything_of_it(self, recording: Recording) -> None:
        without = recorded(None)
        (route,) = named(without, "IngressRoute").values()
        (rule,) = route.inputs["spec"]["routes"]
        assert [(one["name"], one.get("weight")) for one in rule["services"]] == [("scorer", None)]
        gone = {found.urn for found in recording.resources} - {found.urn for found in without.resources}
        assert {urn.rpartition("::")[2].rpartition("canary-")[2] for urn in gone} == {
            *("deployment", "service", "autoscaler", "disruption-budget", "network-policy"),
        }
        kept = {found.urn: found for found in without.resources}
        changed = [
            found.inputs["kind"]
            for found in objects(recording)
            if found.urn in kept and found.inputs != kept[found.urn].inputs
        ]
        assert changed == ["IngressRoute"]
