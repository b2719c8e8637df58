"""When something that nobody uses is stopped: what a person decides about it."""

from typing import Annotated

from pydantic import Field

from bedplate.spec import PositiveCount, Spec


class IdleSpec(Spec):
    """That it is stopped while nobody uses it; a request starts it again."""

    after_minutes: Annotated[PositiveCount, Field(ge=5, le=10_080)] | None = None
    """Minutes without use, at most guardrails.idle.maxMinutes; `idle.afterMinutes` of the stack if absent."""
