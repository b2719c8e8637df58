"""Counts as people read them."""

import re

import pytest

from bedplate.wording import counted
from harness import ROOT


@pytest.mark.parametrize(("count", "said"), [(0, "0 kinds"), (1, "1 kind"), (2, "2 kinds"), (1500, "1,500 kinds")])
def test_one_thing_is_one(count: int, said: str) -> None:
    assert counted(count, "kind") == said


def test_nobody_counts_by_hand() -> None:
    """`{len(found)} objects` is wrong for one of them."""
    counting = re.compile(r"(?<!of )\{len\([\w.]+\)\} [a-z]+s\b(?! in)|'s' if ")
    found = [
        f"{file.name}: {line.strip()}"
        for file in (ROOT / "components").rglob("*.py")
        for line in file.read_text().splitlines()
        if counting.search(line) and "characters" not in line
    ]
    assert found == []
