"""Who may do what: the one table, from which docs/reference/who-may-do-what.md is written.

Each row says what somebody tries, what becomes of it, what holds it, and the test that shows so. A row without a test,
and a test of the review without a row, fail tests/conformance/test_who_may_do_what.py.
"""

from isolation import people, programs
from isolation.actions import Action

ACTIONS: tuple[Action, ...] = (*people.ACTIONS, *programs.ACTIONS)
