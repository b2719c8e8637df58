"""What each concern says of itself.

A concern is a folder beside this file: `__init__.py` with CONCERN, a module and a class of the concern's name
(`front_door.FrontDoor`) made of `(name, args, opts)`, `alerts.py`, `operators.py` (what of it runs in a rehearsal: see
`operator.py` beside this file), and `spec.py` where it reads a section of the stack file. The class has `alerts`; what
else it has is what others may use. Which concerns it requires is what it imports of them. One suite holds all of this:
tests/conformance/test_concerns.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Concern:
    """guide: its page, below docs/guides. provided: the stack file's key by which the platform uses what somebody else
    runs; not_provided: why there is no such key. One of the two is said."""

    guide: str
    provided: str = ""
    not_provided: str = ""
