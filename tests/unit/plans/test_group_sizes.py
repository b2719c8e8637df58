"""Node groups of EKS whose smallest size an update cannot raise."""

import copy
from typing import Any

import pytest
from ruamel.yaml import YAML

from aws_stack import FILE
from bedplate.plans.difference import Shown
from bedplate.plans.group_sizes import stuck_sizes
from bedplate.stack_file.reading import PLATFORM_KEY
from harness import nobody, record

PLATFORM: dict[str, Any] = YAML(typ="safe").load(FILE)["config"][PLATFORM_KEY]


def shown(fewest: int, most: int) -> list[Shown]:
    """A cluster with one pool between these bounds."""
    pools = {"general": {"machine": {"cpu": 4, "memoryGib": 16}, "min": fewest, "max": most}}
    recording = record({**nobody(copy.deepcopy(PLATFORM)), "nodePools": pools})
    return [resource.shown() for resource in recording.resources]


@pytest.mark.parametrize(("before", "after", "is_stuck"), [
    ((1, 6), (3, 6), True),
    ((3, 6), (1, 6), False),
    ((1, 6), (1, 9), False),
    ((1, 6), (3, 3), False),
    ((3, 3), (3, 6), False),
], ids=["raised", "lowered", "largest raised", "now fixed", "no longer fixed"])  # fmt: skip
def test_a_smallest_size_above_the_wanted_one_is_told(
    before: tuple[int, int], after: tuple[int, int], is_stuck: bool
) -> None:
    notes = stuck_sizes(shown(*before), shown(*after))
    assert len(notes) == is_stuck
    assert all("a smallest size of 3 while 1 machines are wanted" in note for note in notes)
    assert all("desiredSize=3" in note for note in notes)
