"""The table of fields against what Kubernetes publishes, for every minor that is supported."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from bedplate.guardrails import RULES
from bedplate.guardrails.fields import FIELDS, LISTS, Allowed, Bounded, Refused

MINORS = ("1.34", "1.35", "1.36")
FOREIGN = {"quota": "tenants/quota.py"}
"""What bounds a field and is no rule."""
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
LEAVES = {"Quantity", "IntOrString", "Time", "FieldsV1", "ManagedFieldsEntry", "OwnerReference"}
"""Types that are values to whoever writes a manifest, or that only the API server writes."""


@cache
def schemas(minor: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Type → field → its schema, as kubernetes-validate carries them: from the API server's own OpenAPI."""
    whole = json.loads((SCHEMAS / f"v{minor}.0-local" / "_definitions.json").read_text())["$defs"]
    kept = {
        name: body for name, body in whole.items() if ".core.v1." in name or ".batch.v1." in name or ".meta.v1." in name
    }
    return {name.rpartition(".")[2]: body.get("properties", {}) for name, body in kept.items()}


def type_in(schema: dict[str, Any]) -> str:
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
    name = reference.rpartition(".")[2]
    return "" if name in LEAVES else name


@pytest.mark.parametrize("of", FIELDS)
@pytest.mark.parametrize("minor", MINORS)
class TestEachType:
    def test_has_a_decision_for_every_field(self, minor: str, of: str) -> None:
        assert set(schemas(minor)[of]) - set(FIELDS[of]) == set(), "decide in components/bedplate/guardrails/fields.py"

    def test_is_entered_where_a_field_has_fields_of_its_own(self, minor: str, of: str) -> None:
        known = schemas(minor)[of]
        for name, decision in FIELDS[of].items():
            if isinstance(decision, Allowed) and name in known:
                assert decision.of == type_in(known[name]), name

    def test_is_taken_as_a_list_where_it_is_one(self, minor: str, of: str) -> None:
        for name, schema in schemas(minor)[of].items():
            decision = FIELDS[of][name]
            if isinstance(decision, Allowed) and decision.of and "DuringScheduling" not in name:
                assert (name in LISTS) is ("items" in schema), name


class TestTheTable:
    def test_holds_no_field_that_no_minor_has(self) -> None:
        unknown = [
            f"{of}.{name}"
            for of, fields in FIELDS.items()
            for name in fields
            if not any(name in schemas(minor)[of] for minor in MINORS)
        ]
        assert unknown == []

    def test_names_rules_that_there_are(self) -> None:
        rules = {rule.name for rule in RULES} | set(FOREIGN)
        named = {found.rule for fields in FIELDS.values() for found in fields.values() if isinstance(found, Bounded)}
        assert named <= rules

    def test_says_why_a_field_is_refused(self) -> None:
        assert all(
            found.because for fields in FIELDS.values() for found in fields.values() if isinstance(found, Refused)
        )

    def test_misses_what_a_new_minor_adds(self) -> None:
        """The proof that the comparison can fail: a field that nobody decided on."""
        assert set(schemas("1.36")["PodSpec"]) - (set(FIELDS["PodSpec"]) - {"schedulingGroup"}) == {"schedulingGroup"}
