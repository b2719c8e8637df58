"""What a person decides about stopping what nobody uses."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from bedplate.spec import DnsLabel, PositiveCount, Spec, StrictBool, mistake


class ProvidedKedaSpec(Spec):
    """A KEDA that somebody else runs in the cluster, which has room for one."""

    provided: StrictBool
    """true: it is there already, and whoever runs it keeps it up to date."""
    namespace: DnsLabel = "keda"
    """Where it runs."""

    @field_validator("provided")
    @classmethod
    def _by_somebody(cls, provided: bool) -> bool:
        if not provided:
            raise mistake("false says what leaving `keda` out says", "remove `keda`, or write true")
        return provided


class IdleSettingsSpec(Spec):
    """What counts as use, and when somebody is told."""

    warn_minutes: Annotated[PositiveCount, Field(le=1440)] = 15
    """How long before it is stopped the owner is told."""
    cpu_percent: Annotated[float, Field(strict=True, gt=0, le=100)] = 5
    """Use of CPU above which something is in use, in percent of what its pods request, over two minutes."""
    gpu_percent: Annotated[float, Field(strict=True, gt=0, le=100)] = 5
    """Use of any of its GPUs above which it is in use, in percent."""
    network_bytes_per_second: Annotated[PositiveCount, Field(le=10**9)] = 2000
    """Traffic of its pods, both ways together, above which it is in use, over two minutes. Pages that are only open
    cause some hundred bytes a second."""
    after_minutes: Annotated[PositiveCount, Field(ge=5, le=10_080, validate_default=True)] = 30
    """Minutes without use after which something is stopped that says no time of its own."""
    keda: ProvidedKedaSpec | None = None
    """Somebody else's KEDA; without it the platform installs one."""

    @field_validator("after_minutes")
    @classmethod
    def _after_the_warning(cls, after: int, info: ValidationInfo) -> int:
        warn = info.data.get("warn_minutes", 0)
        if after <= warn:
            raise mistake(
                f"is no longer than warnMinutes ({warn}), so that the warning would come with the use",
                f"raise it above {warn}, or lower warnMinutes",
                allowed=f"more than {warn}",
            )
        return after


class IdleSection(Spec):
    """The section `idle` of the stack file."""

    idle: IdleSettingsSpec | None = None
    """How it is found out that nobody uses something; without it nothing is stopped. `idle: {}` takes what is usual."""

    @field_validator("idle", mode="before")
    @classmethod
    def _with_settings(cls, idle: object) -> object:
        if idle is None:
            raise mistake("has nothing below it", "write `idle: {}` for what is usual, or remove the key")
        return idle
