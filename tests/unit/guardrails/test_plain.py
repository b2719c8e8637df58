"""Which fields a plain object may have, against the table."""

import pytest

from bedplate.guardrails import RULES
from bedplate.guardrails.fields import FIELDS, Allowed, Bounded
from bedplate.guardrails.plain import PLAIN, USUAL

NOT_ASKED = {
    ("JobSpec", "parallelism"): "the quota bounds it",
    ("Toleration", "operator"): "with one of the keys that are allowed it tolerates no more",
}


@pytest.mark.parametrize("of", USUAL)
class TestUsualFields:
    def test_are_allowed_by_the_table(self, of: str) -> None:
        assert [name for name in USUAL[of] if not isinstance(FIELDS[of][name], Allowed)] == []

    def test_are_asked_for_where_a_rule_bounds_them(self, of: str) -> None:
        """Beside the list of fields that an object may have, each stands where its value is looked at."""
        bounded = [name for name in USUAL[of] if isinstance(FIELDS[of][name], Bounded)]
        unread = [name for name in bounded if f".{name}" not in PLAIN and f"?{name}" not in PLAIN]
        assert unread == [name for name in bounded if (of, name) in NOT_ASKED]


class TestAnUpdate:
    def test_is_no_change_only_if_it_is_none_for_any_rule(self) -> None:
        """A rule of its own `changed` was passed by once: its part alone was updated."""
        unchanged = PLAIN.partition(" || (oldObject != null")[2].partition("namespaceObject")[0]
        assert [rule.name for rule in RULES if f"!({rule.changed})" not in unchanged] == []
