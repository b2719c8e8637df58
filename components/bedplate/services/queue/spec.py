"""What a person decides about queues."""

from typing import Annotated

from pydantic import Field, field_validator

from bedplate.spec import PositiveCount, Spec, mistake


class QueueSettingsSpec(Spec):
    """How long queued work may wait for its pods."""

    ready_minutes: Annotated[PositiveCount, Field(ge=5, le=240)] = 30
    """Minutes within which all pods of admitted work must run, time for nodes to come included; then it gives back
    what it holds and queues again."""


class QueueSection(Spec):
    """The section `queue` of the stack file."""

    queue: QueueSettingsSpec | None = None
    """Queues by tenant for jobs and trainings; without it jobs start at once and there are no trainings. `queue: {}`
    takes what is usual."""

    @field_validator("queue", mode="before")
    @classmethod
    def _of_queues_with_settings(cls, queue: object) -> object:
        if queue is None:
            raise mistake("has nothing below it", "write `queue: {}` for what is usual, or remove the key")
        return queue
