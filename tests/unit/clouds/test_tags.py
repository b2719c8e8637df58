"""What each cloud takes as a tag, a machine's name or a budget, found before a resource exists."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness import ROOT, changed, refused

MACHINE = {"machine": {"cpu": 4, "memoryGib": 16}, "max": 1}


def stack(cloud: str) -> dict[str, Any]:
    return YAML(typ="safe").load(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")


@pytest.mark.parametrize(
    ("cloud", "tags", "said"),
    [
        ("aws", {"": "1"}, "the name of the tag '' has 0 characters"),
        ("aws", {"x" * 129: "1"}, "has 129 characters"),
        ("aws", {"team": "x" * 257}, "the value of the tag 'team' has 257 characters"),
        ("aws", {"AWS:team": "1"}, "begins like those of AWS's own"),
        ("aws", {"team": "a*b"}, "'a*b' holds what no tag of AWS may"),
        ("aws", {"a\u202eb": "1"}, "holds what no tag of AWS may"),
        ("aws", {f"t{n}": "1" for n in range(41)}, "41 tags are more than a resource has room for"),
        ("azure", {"team": "1", "Team": "2"}, "'team' stands twice"),
        ("azure", {"Windows-team": "1"}, "begins with a name of Azure's own"),
        ("azure", {"team": "x" * 257}, "has 257 characters"),
        ("azure", {"a\x1bb": "1"}, "holds one of"),
    ],
)  # fmt: skip
def test_a_tag_that_the_cloud_would_refuse_is_refused(
    cloud: str, tags: dict[str, str], said: str, tmp_path: Path
) -> None:
    ((place, message),) = refused(changed(stack(cloud), "cloud.tags", tags), tmp_path)
    assert place == "cloud.tags"
    assert said in message
    assert message.isprintable()


@pytest.mark.parametrize("machine_type", ["", "*", "a\nb", "../x", "p5.48xlarge "])
def test_a_machine_of_no_cloud_is_refused(machine_type: str, tmp_path: Path) -> None:
    pool = {**MACHINE, "machineType": machine_type}
    ((place, message),) = refused(changed(stack("aws"), "nodePools.odd", pool), tmp_path)
    assert place == "nodePools.odd.machineType"
    assert message.startswith("must be the cloud's own name of a machine")


def test_a_budget_of_no_sensible_size_is_refused(tmp_path: Path) -> None:
    ((place, message),) = refused(changed(stack("aws"), "cloud.budget.dollarsPerMonth", 10**30), tmp_path)
    assert (place, message) == ("cloud.budget.dollarsPerMonth", "must be at most 1000000000")
