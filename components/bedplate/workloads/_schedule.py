"""When a schedule comes, in days: how far its runs lie apart.

Owns nothing of its form, which `bedplate.spec.CronSchedule` checks, and reads it as Kubernetes does
(https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format).
"""

import datetime
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from bedplate.spec import CRON_FIELDS

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIRST_DAY, _DAYS_OF_28_YEARS = datetime.date(2023, 1, 1), 28 * 365 + 7
"""After 28 years every date has fallen on every weekday (https://en.wikipedia.org/wiki/Solar_cycle_(calendar))."""


def longest_pause_days(schedule: str) -> float | None:
    """The longest time between two runs; None of a schedule that never comes, such as the 31st of February.

    Exact to the day, and to the hour or minute of a schedule that comes every day or hour.
    """
    minute, hour, day, month, weekday = _MACROS.get(schedule, schedule).split()
    if any(_is_restricted(text) for text in (day, month, weekday)):
        return _longest_pause_of_days(day, month, weekday)
    if _is_restricted(hour):
        return _longest_gap(_values(hour, 1), 24) / 24
    return _longest_gap(_values(minute, 0), 60) / 60 / 24


@lru_cache(maxsize=1024)
def _longest_pause_of_days(day: str, month: str, weekday: str) -> float | None:
    weekdays = _values(weekday, 4)
    if not _is_restricted(day) and not _is_restricted(month):
        return _longest_gap(weekdays, 7)
    days, months = _values(day, 2), _values(month, 3)
    # Days and weekdays that are both restricted are alternatives.
    wanted = any if _is_restricted(day) and _is_restricted(weekday) else all
    comes: list[int] = []
    for number in range(_DAYS_OF_28_YEARS):
        date = _FIRST_DAY + datetime.timedelta(days=number)
        if date.month in months and wanted((date.day in days, date.isoweekday() % 7 in weekdays)):
            comes.append(number)
    return max((later - earlier for earlier, later in pairwise(comes)), default=None)


def _is_restricted(text: str) -> bool:
    """Whether a field leaves something out; what has a step counts as restricted even from '*'."""
    return not any(part in ("*", "?") for part in text.split(","))


def _longest_gap(values: set[int], around: int) -> int:
    """Between two of the values on a clock face with so many marks."""
    ordered = sorted(values)
    return max(later - earlier for earlier, later in zip(ordered, [*ordered[1:], ordered[0] + around], strict=True))


def _values(text: str, field: int) -> set[int]:
    """The numbers that a field of a schedule stands for. field: its position."""
    _, low, high, names = CRON_FIELDS[field]
    values: set[int] = set()
    for part in text.split(","):
        bounds, _, step = part.partition("/")
        first, _, last = bounds.partition("-")
        if first in ("*", "?"):
            begin, end = low, high
        else:
            begin = _number(first, names)
            end = _number(last, names) if last else high if step else begin
        values.update(range(begin, end + 1, int(step or 1)))
    return values


def _number(text: str, names: Mapping[str, int]) -> int:
    return int(text) if text.isdigit() else names[text.upper()]
