"""No input may end in a traceback: random mistakes in the local stack, always the same ones."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.stack_file.documents import Document
from bedplate.stack_file.reading import PLATFORM_KEY, StackFileError, load, load_for_program
from harness import ROOT

STACKS = ROOT / "stacks"
TEXT = (STACKS / "Pulumi.local.yaml").read_text()
TENANT_FILES = sorted((STACKS / "local-tenants").glob("*.yaml"))
PARTS = (
    *("\t", ":", "- ", "[", "]", "{", "}", '"', "'", "&a ", "*a", "<<: *a\n", "!x ", "|", ">", "#", "%", "@", "? "),
    *(
        "\n",
        "\r",
        "  ",
        "---\n",
        "...\n",
        "null",
        "~",
        "010",
        "2026-01-31",
        ".nan",
        "\\",
        "é",
        "\u2028",
        "\ufeff",
        "\0",
        "\x1b",
    ),
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**63, 10**30, 10**4000, 1e308, float("inf"), float("nan"), -0.0),
    *(
        "",
        " ",
        "a" * 300,
        "\x1b[31m",
        "\0",
        "\ud800",
        "\u202e",
        "²",
        "16Gi",
        "010",
        "1.35",
        "{x}",
        "{0}",
        "%s",
        "[key]",
    ),
    *(
        "kind",
        "job",
        "modelApi",
        "existing",
        "default",
        "* * * * *",
        "a@b.c",
        "ghcr.io/acme",
        "::1/128",
        "1/2/3",
        "/",
        "..",
    ),
    *([], {}, [[]], [None], ["a", "a"], {"secure": "v1:x"}, {"kind": "job"}, {"kind": []}, {"a": {"b": {}}}),
)
KEYS = [*(text for text in ODD if isinstance(text, str)), "memorygib", "tenantsDir", "secure", "schedule", "mounts"]
GIVES_AWAY = ("Input should", "should have", "function-", "validation error", "Traceback", "pydantic")
"""What people must never read: words of the library below."""


def platform_data() -> dict[str, Any]:
    """The local stack with four tenants inline."""
    data = Document.read(STACKS / "Pulumi.local.yaml").data["config"][PLATFORM_KEY]
    files = [Document.read(file).data for file in TENANT_FILES]
    return {key: value for key, value in data.items() if key != "tenantsDir"} | {
        "tenants": [*data["tenants"][:2], *files]
    }


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield data, key
        yield from places(data[key])


def spoil(chance: random.Random, data: Any) -> Any:
    """The data with one to six mistakes."""
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        everywhere = list(places(data))
        if not everywhere:
            return data
        holder, key = chance.choice(everywhere)
        source, source_key = chance.choice(everywhere)
        action = chance.random()
        if action < 0.2:
            del holder[key]
        elif action < 0.6:
            holder[key] = copy.deepcopy(chance.choice(ODD))
        elif action < 0.8:
            holder[key] = copy.deepcopy(source[source_key])
        elif isinstance(holder, dict):
            holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
        else:
            holder.append(copy.deepcopy(chance.choice(ODD)))
    return data


def spoil_text(chance: random.Random, text: str) -> str:
    """The text with one to four mistakes."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        position, length = chance.randrange(len(text)), chance.choice((0, 0, 1, 3, 20, 200))
        part = chance.choice(PARTS) if chance.random() < 0.7 else ""
        text = text[:position] + part + text[position + length :]
    return text


def has_secret(name: str) -> bool:
    return name == "database"


def check_refusal(error: StackFileError, *, is_located: bool) -> None:
    said = str(error)
    assert said.replace("\n", "").isprintable()
    assert not [words for words in GIVES_AWAY if words in said]
    assert error.problems
    assert all(problem.file and problem.message and problem.fix for problem in error.problems)
    assert all(problem.line for problem in error.problems) or not is_located


class TestAnyInput:
    def test_of_data_is_taken_or_refused_with_reasons(self, tmp_path: Path) -> None:
        chance, base = random.Random(20261), platform_data()
        load_for_program(copy.deepcopy(base), tmp_path / "none.yaml")
        refused = 0
        for _ in range(800):
            try:
                load_for_program(spoil(chance, copy.deepcopy(base)), tmp_path / "none.yaml", has_secret)
            except StackFileError as error:
                refused += 1
                check_refusal(error, is_located=False)
        assert refused > 500

    @pytest.mark.parametrize("seed", range(4))
    def test_of_text_is_taken_or_refused_with_reasons_and_lines(self, seed: int, tmp_path: Path) -> None:
        chance, file, refused = random.Random(seed), tmp_path / "Pulumi.test.yaml", 0
        (tmp_path / "local-tenants").mkdir()
        for _ in range(50):
            file.write_text(spoil_text(chance, TEXT), newline="")
            for source in TENANT_FILES:
                text = source.read_text()
                (tmp_path / "local-tenants" / source.name).write_text(chance.choice((text, spoil_text(chance, text))))
            try:
                load(file)
            except StackFileError as error:
                refused += 1
                check_refusal(error, is_located=True)
        assert refused > 30

    def test_of_data_in_a_file_is_taken_or_refused_with_reasons_and_lines(self, tmp_path: Path) -> None:
        chance, base, file = random.Random(20262), platform_data(), tmp_path / "Pulumi.test.yaml"
        for _ in range(25):
            data = spoil(chance, copy.deepcopy(base))
            file.write_text(json.dumps({"config": {PLATFORM_KEY: data}}, indent=1, default=str))
            try:
                load(file)
            except StackFileError as error:
                check_refusal(error, is_located=True)
