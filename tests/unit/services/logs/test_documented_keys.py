"""Fluent Bit is in no registry of programs, and stops at a key that it does not know: its configuration is held to the
keys that its documentation lists."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.services.logs.collecting import Target, configuration

KEYS: dict[str, dict[str, str]] = YAML(typ="safe").load(Path(__file__).with_name("fluent_bit_keys.yaml"))
TARGETS = {
    kind: Target(kind=kind, url="https://store.example:9200/logs", user="collector", authority="/ca.crt")
    for kind in ("elasticsearch", "opensearch")
}


def undocumented(text: str) -> Iterator[str]:
    """Each key of a configuration that no page lists, with the page that should."""
    told: dict[str, Any] = YAML(typ="safe").load(text)
    yield from _unknown(told["service"], "service")
    for parser in told["parsers"]:
        yield from _unknown(parser, "parsers")
    for part in ("inputs", "filters", "outputs"):
        for each in told["pipeline"][part]:
            yield from _unknown(each, each["name"], part, *(["tls"] if part == "outputs" else []))


def _unknown(written: Mapping[str, Any], *lists: str) -> Iterator[str]:
    known = {key for name in lists for key in KEYS[name]["keys"].split()}
    yield from (f"{key}: not in {KEYS[lists[0]]['page']}" for key in written if key not in known)


@pytest.mark.parametrize("kind", TARGETS)
def test_every_key_is_documented(kind: str) -> None:
    assert list(undocumented(configuration(TARGETS[kind], "/buffer", 1024, "/var/log/kubernetes/audit.log"))) == []


def test_a_key_that_is_not_would_be_seen() -> None:
    text = configuration(TARGETS["elasticsearch"], "/buffer", 1024).replace("generate_id", "generate_ids")
    assert [found.partition(":")[0] for found in undocumented(text)] == ["generate_ids"]
