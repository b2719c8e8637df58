"""The table of who may do what: complete, held by tests, and written as the page that the documentation has.

Renew the page with `pytest tests/conformance/test_who_may_do_what.py --update-snapshots`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.guardrails.sight import POD_KINDS
from bedplate.workloads import Workload
from harness import ROOT, SECRET_OF_EVERY, every_template, objects, record
from isolation.actions import ACTORS, Action, Actor
from isolation.keys import KEYS, Bounded, Free, keys_of_a_tenant
from isolation.table import ACTIONS

TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "reference" / "who-may-do-what.md"
WITHOUT_PODS = {
    *("HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"),
    *("IngressRoute", "Middleware", "ServersTransport", "ScaledObject", "ConfigMap", "PersistentVolumeClaim"),
}
"""What templates make that holds no pod template, and of which nobody else makes pods."""
_PAGE = """<!-- Written by tests/conformance/test_who_may_do_what.py; its `--update-snapshots` renews it. -->
# Who may do what

Six actors, what each may try, what becomes of it, and the test that tries it: on a real API server, a real Traefik,
and the stack file as `bedplate check` reads it. `pytest tests/isolation` runs the review alone.

{actors}
- [keys of a tenant's file](#keys-of-a-tenants-file), one by one

The tenant is the boundary: whoever may create jobs in it may use what its workloads may use, secrets included.
Networks are reviewed by evaluating the NetworkPolicies that are rendered; a network plugin must enforce them.

{actions}

## Keys of a tenant's file

Where a team owns its tenant's file, it decides these. What has a limit was tried with a value beyond it.
`guardrails.maxTenant` limits what it names; what it does not name has no limit.

| key | limited by |
|---|---|
{bounded}

Whoever owns the file decides the others.

| keys | why they are free |
|---|---|
{free}
"""
_HEAD = "| tries | answer | held by | shown by |\n|---|---|---|---|"


def _shown(action: Action) -> str:
    file, _, name = action.place.partition("::")
    return f"[`{name.rpartition('::')[2]}`](../../tests/{file})"


def _section(actor: Actor) -> str:
    answers = {"may": "may", "within limits": "within limits", "refused": "**refused**"}
    rows = [
        f"| {one.tries} | {answers[one.answer]} | {one.by} | {_shown(one)} |" for one in ACTIONS if one.actor == actor
    ]
    return "\n".join([f"## {_title(actor)}", "", _HEAD, *rows])


def _title(actor: Actor) -> str:
    return actor.capitalize()


def page() -> str:
    free: dict[str, list[str]] = {}
    for key, found in KEYS.items():
        if isinstance(found, Free):
            free.setdefault(found.because, []).append(f"`{key}`")
    return _PAGE.format(
        actors="\n".join(f"- [{name}](#{name.replace(' ', '-')}) {what}" for name, what in ACTORS.items()),
        actions="\n\n".join(_section(actor) for actor in ACTORS),
        bounded="\n".join(f"| `{key}` | {found.by} |" for key, found in KEYS.items() if isinstance(found, Bounded)),
        free="\n".join(f"| {', '.join(keys)} | {because} |" for because, keys in free.items()),
    )


def names_in(file: Path) -> Iterator[str]:
    """Names of the tests of a file, with their class."""
    for node in ast.parse(file.read_text()).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef) and member.name.startswith("test_"):
                yield f"{prefix}{member.name}"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.actor} {action.tries}")
def test_a_row_is_held_by_a_test(action: Action) -> None:
    file, _, name = action.place.partition("::")
    assert name in set(names_in(TESTS / file))


def test_a_test_of_the_review_has_a_row() -> None:
    shown = {action.place for action in ACTIONS}
    tests = {f"isolation/{file.name}::{name}" for file in TESTS.glob("isolation/test_*.py") for name in names_in(file)}
    assert tests - shown == set(), "say in tests/isolation (people.py, programs.py) what each of these shows"


def test_every_actor_has_a_file_and_is_refused_something() -> None:
    assert {action.actor for action in ACTIONS if action.answer == "refused"} == set(ACTORS)
    files = {f"test_{actor.replace(' ', '_')}.py" for actor in ACTORS}
    assert {file.name for file in TESTS.glob("isolation/test_*.py")} == files


def test_every_key_of_a_tenants_file_is_decided_about() -> None:
    assert set(KEYS) == keys_of_a_tenant(), "decide in tests/isolation/keys.py"


def test_whatever_a_template_makes_holds_no_pods_or_is_judged() -> None:
    """A template whose objects some operator makes pods of joins the guardrails' list of kinds."""
    made = {
        resource.inputs["kind"]
        for resource in objects(record(every_template(), frozenset({SECRET_OF_EVERY})))
        if resource.inputs["metadata"]["labels"].get("bedplate.dev/workload")
    }
    judged = {plural for kind in POD_KINDS for plural in kind["resources"]}
    assert Workload.registry
    assert [kind for kind in made if f"{kind.lower()}s" not in judged and kind not in WITHOUT_PODS] == []


def test_the_page_is_the_table(request: pytest.FixtureRequest) -> None:
    written: Any = request.config.getoption("--update-snapshots")
    if written:
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
