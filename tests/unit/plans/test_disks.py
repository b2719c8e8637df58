"""What a preview says of people's data, on the real program and on Pulumi's plans."""

from typing import Any

import pytest

from bedplate.plans.difference import difference
from bedplate.plans.disks import Disk
from bedplate.plans.protection import Loss, losses, touched_disks
from bedplate.plans.pulumi_preview import disks_of_plan, losses_of_plan, read_plan
from harness import job, platform, record, tenant
from pulumi_plans import digest

CLAIM = (
    "urn:pulumi:prod::bedplate::bedplate:index:Platform$bedplate:index:Tenant$kubernetes:core/v1:PersistentVolumeClaim"
    "::platform/vision-persistentvolumeclaim-data"
)
NAME = "platform/vision-persistentvolumeclaim-data"


def volume(**changes: Any) -> dict[str, Any]:
    return {"name": "data", "sizeGib": 50, "retain": True, **changes}


def vision(*volumes: dict[str, Any]) -> dict[str, Any]:
    return platform(tenant("vision", job("etl"), volumes=list(volumes)))


def claim_of(data: dict[str, Any]) -> dict[str, Any]:
    (claim,) = (one.shown() for one in record(data).resources if one.name == NAME)
    return {"urn": CLAIM, "inputs": claim["inputs"]}


def judged(before: dict[str, Any], after: dict[str, Any], *allowed: str) -> tuple[list[Disk], list[Loss]]:
    old, new = ([resource.shown() for resource in record(data).resources] for data in (before, after))
    found = difference(old, new)
    return touched_disks(found, old, new), losses(found, old, new, [], allowed)


class TestARetainedDisk:
    @pytest.mark.parametrize("after", [vision(), platform()], ids=["volume removed", "tenant removed"])
    def test_of_a_claim_that_goes_is_told_to_stay_and_refuses_nothing(self, after: dict[str, Any]) -> None:
        disks, lost = judged(vision(volume()), after)
        assert [(disk.fate, disk.said) for disk in disks] == [
            ("released", "disk of vision/data (50 GiB) stays, released")
        ]
        assert lost == []

    def test_that_an_empty_one_would_replace_is_refused(self) -> None:
        disks, lost = judged(vision(volume()), vision(volume(retain=False)))
        assert [(disk.fate, disk.claim) for disk in disks] == [("emptied", "vision/data")]
        assert [(loss.action, loss.name) for loss in lost] == [("replace", NAME)]
        assert "an empty one takes its place; the former stays" in disks[0].said
        assert lost[0].causes == ("tenants[vision].volumes[data].retain: true → false",)

    @pytest.mark.parametrize(
        ("key", "after", "said"),
        [("retain", False, "retain: true → false"), ("access", "manyNodes", "access: oneNode → manyNodes")],
    )
    def test_that_pulumi_would_replace_is_refused_with_the_key_of_its_volume(
        self, key: str, after: object, said: str
    ) -> None:
        states = [claim_of(vision(volume())), claim_of(vision(volume(**{key: after})))]
        step = {"op": "replace", "urn": CLAIM, "oldState": states[0], "newState": states[1], "detailedDiff": None}
        (loss,) = losses_of_plan(read_plan(digest(step)), ())
        assert loss.causes == (f"tenants[vision].volumes[data].{said}",)


class TestADiskThatGoesWithItsClaim:
    @pytest.mark.parametrize("after", [vision(), platform()], ids=["volume removed", "tenant removed"])
    def test_is_lost_and_refused(self, after: dict[str, Any]) -> None:
        disks, lost = judged(vision(volume(retain=False)), after)
        assert [disk.said for disk in disks] == ["DATA LOST: disk of vision/data (50 GiB)"]
        assert [(loss.action, loss.disk) for loss in lost] == [("delete", disks[0])]

    def test_is_lost_also_where_the_same_change_would_retain_it(self) -> None:
        """The former claim's word counts: its disk goes with it."""
        disks, lost = judged(vision(volume(retain=False)), vision(volume()))
        assert disks[0].said == "DATA LOST: disk of vision/data (50 GiB): an empty one takes its place"
        assert lost

    def test_goes_where_it_is_named(self) -> None:
        disks, lost = judged(vision(volume(retain=False)), vision(), NAME)
        assert disks
        assert lost == []


class TestASize:
    def test_that_shrinks_is_refused_because_kubernetes_does(self) -> None:
        disks, lost = judged(vision(volume()), vision(volume(sizeGib=30)))
        assert "shrink from 50 GiB to 30 GiB, which Kubernetes refuses" in disks[0].said
        assert [(loss.action, loss.fields) for loss in lost] == [("shrink", ("spec.resources.requests.storage",))]

    @pytest.mark.parametrize("size", [50, 51, 499])
    def test_that_grows_or_stays_is_not(self, size: int) -> None:
        assert judged(vision(volume()), vision(volume(sizeGib=size))) == ([], [])


def test_a_disk_with_sessions_alone_is_of_no_value() -> None:
    old = [resource.shown() for resource in record(platform(tenant("vision"))).resources]
    sessions = {
        "urn": CLAIM.replace("vision", "login"),
        "type": "kubernetes:core/v1:PersistentVolumeClaim",
        "name": "platform-login-store-disk",
        "protect": False,
        "provider": "",
        "parent": "",
        "aliases": [],
        "inputs": {"metadata": {"annotations": {"bedplate.dev/on-removal": "nothing-of-value"}}},
    }
    found = difference([*old, sessions], old)
    assert found.deleted
    assert losses(found, [*old, sessions], old, [], ()) == []


def claim_step(operation: str, *, word: str | None = "disk-stays", size: str = "50Gi", after: str = "50Gi") -> Any:
    """A step over a claim as CLI 3.274 prints it."""

    def state(size: str) -> dict[str, Any]:
        annotations = {"pulumi.com/skipAwait": "true", **({"bedplate.dev/on-removal": word} if word else {})}
        metadata = {"name": "data", "namespace": "vision", "annotations": annotations}
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        return {"urn": CLAIM, "inputs": {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}}

    new = {} if operation == "delete" else {"newState": state(after)}
    return {"op": operation, "urn": CLAIM, "oldState": state(size), **new, "detailedDiff": None}


class TestAPlanOfPulumi:
    def judged(self, *steps: dict[str, Any]) -> tuple[list[str], list[str]]:
        plan = read_plan(digest(*steps))
        return [disk.fate for disk in disks_of_plan(plan)], [loss.action for loss in losses_of_plan(plan, ())]

    @pytest.mark.parametrize(
        ("step", "fate", "action"),
        [
            (claim_step("delete"), ["released"], []),
            (claim_step("delete", word="disk-is-lost"), ["lost"], ["delete"]),
            (claim_step("delete", word="nothing-of-value"), [], []),
            (claim_step("delete", word=None), ["lost"], ["delete"]),
            (claim_step("delete", word="disk-stay"), ["lost"], ["delete"]),
            (claim_step("replace"), ["emptied"], ["replace"]),
            (claim_step("replace", word="disk-is-lost"), ["lost"], ["replace"]),
            (claim_step("update", after="30Gi"), ["shrinks"], ["shrink"]),
            (claim_step("update", after="51200Mi"), [], []),
            (claim_step("update", size="1Ti", after="1000Gi"), ["shrinks"], ["shrink"]),
            (claim_step("update", after="much"), ["shrinks"], ["shrink"]),
            (claim_step("update", after="60Gi"), [], []),
            (claim_step("create"), [], []),
        ],
    )
    def test_says_the_same_of_disks(self, step: dict[str, Any], fate: list[str], action: list[str]) -> None:
        assert self.judged(step) == (fate, action)
