"""The base of every spec and the vocabulary of its fields.

A spec is what a person decides: plain data, frozen, no I/O, unknown keys refused. It is both the shape of the stack
file and the argument of a component (ADR 0003). Messages say what is wrong and what to write instead; the value, the
file and the line are added by `bedplate.stack_file`.
"""

import re
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Spec(BaseModel):
    """Base of all specs: frozen, camelCase in YAML, unknown keys refused, no input values in error texts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def of(cls, **fields: Any):  # noqa: ANN206 - Self cannot be expressed together with **fields in 3.11 strict mode
        """The spec from Python names instead of YAML names: `NodePoolSpec.of(min=0, max=4, …)`."""
        return cls.model_validate(fields, by_name=True, by_alias=False)


def _matching(pattern: str, rule: str):
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


def _bare_number(value: object) -> object:
    if isinstance(value, str):
        quantity = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]+)\s*", value)
        example = quantity.group(1) if quantity else "16"
        raise ValueError(f"write a bare number, the unit is in the key's name: {example}")
    if isinstance(value, bool):
        raise ValueError("write a number, not true or false")
    return value


BareNumber = BeforeValidator(_bare_number)
PositiveCount = Annotated[int, BareNumber, Field(strict=True, ge=1)]
Count = Annotated[int, BareNumber, Field(strict=True, ge=0)]
Cpu = Annotated[float, BareNumber, Field(gt=0, le=1024)]
"""Cores, 0.1 for a tenth of one."""
Gib = Annotated[float, BareNumber, Field(gt=0, le=1_000_000)]
"""Gibibytes (2^30 bytes)."""
Seconds = Annotated[int, BareNumber, Field(strict=True, ge=1)]
Hours = Annotated[float, BareNumber, Field(gt=0)]
Port = Annotated[int, BareNumber, Field(strict=True, ge=1, le=65535)]
StrictBool = Annotated[bool, Field(strict=True)]

DnsLabel = Annotated[
    str,
    Field(max_length=63),
    _matching(
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        "must be a DNS label: lower-case letters, digits and '-', beginning with a letter, not ending with '-'",
    ),
]
Domain = Annotated[
    str,
    Field(max_length=200),
    _matching(
        r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
        "must be a domain name in lower case, such as ml.example.com, without scheme, port or path",
    ),
]
EmailAddress = Annotated[
    str,
    Field(max_length=254),
    _matching(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "must be an e-mail address"),
]
GroupName = Annotated[
    str,
    Field(min_length=1, max_length=253),
    _matching(
        r"(?!system:)[^\s].*[^\s]|(?!system:)\S",
        "must be a group of the identity provider; groups that begin with 'system:' belong to Kubernetes itself",
    ),
]
ImageReference = Annotated[
    str,
    Field(max_length=512),
    _matching(
        r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?",
        "must be a full image reference with its registry, such as ghcr.io/acme/scorer:1.4.0",
    ),
    _matching(
        r".*(:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})",
        "must name an exact release: end it with a tag other than latest, or with a digest (@sha256:…)",
    ),
]
ImagePrefix = Annotated[
    str,
    _matching(
        r"[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]+)?(/[a-z0-9._-]+)*/?",
        "must be a registry path without tag: 'ghcr.io/acme/' (everything below it) or 'ghcr.io/acme/scorer' (one image)",
    ),
    _matching(r".*[./:].*", "must begin with the registry's host, such as ghcr.io/acme/"),
]
KubernetesVersion = Annotated[
    str, _matching(r"1\.[0-9]{2}", "must be a Kubernetes minor version in quotes, such as \"1.35\"")
]
EnvironmentName = Annotated[
    str, _matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be an environment variable's name: letters, digits and '_'")
]
ConfigKey = Annotated[
    str, _matching(r"[A-Za-z][A-Za-z0-9_-]*", "must be the name of a config secret: letters, digits, '-' and '_'")
]
AbsolutePath = Annotated[
    str,
    _matching(r"/[^\0]*", "must be an absolute path, such as /data"),
    _matching(r"(?!.*(^|/)\.\.(/|$)).*", "must not contain '..'"),
]

_CRON_FIELDS = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: i for i, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}),
    ("day of the week", 0, 6, {name: i for i, name in enumerate("SUN MON TUE WED THU FRI SAT".split())}),
)


def _cron_part(part: str, names: dict[str, int]) -> tuple[int, int] | None:
    span, _, step = part.partition("/")
    if step and (not step.isdigit() or int(step) == 0):
        return None
    if span in ("*", "?"):
        return (-1, -1)
    bounds = [names.get(bound.upper(), bound) for bound in span.split("-")]
    if len(bounds) > 2 or not all(str(bound).isdigit() for bound in bounds):
        return None
    return (int(bounds[0]), int(bounds[-1]))


def _cron(value: str) -> str:
    if value in ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"):
        return value
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError("must have five fields (minute hour day month weekday), such as '0 6 * * 1-5', or be @daily")
    for text, (field, low, high, names) in zip(fields, _CRON_FIELDS, strict=True):
        for part in text.split(","):
            span = _cron_part(part, names)
            if span is None or (span != (-1, -1) and not low <= span[0] <= span[1] <= high):
                raise ValueError(f"the {field} must be within {low}-{high}, '*', a range, a list or a step; not '{part}'")
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone of the IANA database, such as Europe/Berlin or Etc/UTC")
    return value


CronSchedule = Annotated[str, AfterValidator(_cron)]
"""Five cron fields or a @macro; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax"""
TimeZone = Annotated[str, AfterValidator(_time_zone)]
