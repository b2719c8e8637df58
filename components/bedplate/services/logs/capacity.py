"""How long a disk lasts: rate × growth × retention × copies, day by day.

Pure: no clock, no spec. What a day brings stays until its retention is over; what is written grows from day to day by
the same factor, which is the month's.
"""

import datetime
import math
from dataclasses import dataclass

PLANNED_DAYS = 183
"""Six months: a disk with a month of headroom was full after six, because people came."""
_AUDIT_LINE_BYTES = 200
"""As which lines of the audit log are counted: they are longer, and more of their fields are indexed."""
_OF_EACH_LINE, _OF_ITS_TEXT = 75, 0.7
USABLE = 0.8
"""Of the disk. At 85 % the store puts no new shard on a node, at 95 % it takes nothing more
(https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/cluster-level-shard-allocation-routing-settings#disk-based-shard-allocation),
and segments that are being merged are there twice."""
_DAYS_OF_A_MONTH = 30
_ROLLED = 1
"""A backing index has a day's lines, and goes as a whole, so there is a day more than what is kept."""


def stored_per_text(line_bytes: float) -> float:
    """Bytes on disk, index included, of a byte of text in lines of this length.

    An id, a time and whose it is cost each line the same, whatever its length. Above what was measured with 200,000
    lines of each length as they lay, unmerged (OpenSearch 3.4.0, `make benchmark-logs`): 1.79 for 64 bytes, 1.05 for
    200, 0.61 for 1,024.
    """
    return _OF_ITS_TEXT + _OF_EACH_LINE / line_bytes


@dataclass(frozen=True, kw_only=True)
class Demand:
    """pods_gib, audit_gib: text of the first day. line_bytes: of a line of pods. growth_percent: by the month.
    pod_days, audit_days: how long each is kept. copies: of each line."""

    pods_gib: float
    audit_gib: float
    growth_percent: float
    pod_days: int
    audit_days: int
    copies: int
    line_bytes: int

    def stored_gib(self, day: int) -> float:
        """On all disks together at the end of that day, of which the first is 0."""
        pods = self._kept(self.pods_gib, day, self.pod_days) * stored_per_text(self.line_bytes)
        audit = self._kept(self.audit_gib, day, self.audit_days) * stored_per_text(_AUDIT_LINE_BYTES)
        return (pods + audit) * self.copies

    def _kept(self, gib: float, day: int, days: int) -> float:
        factor = (1 + self.growth_percent / 100) ** (1 / _DAYS_OF_A_MONTH)
        first = max(0, day - days - _ROLLED + 1)
        return gib * sum(factor**each for each in range(first, day + 1))


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """Why a disk is too small. full_on: the day on which no more fits. disk_gib: of each node, that lasts as long as is
    planned. lasting_pod_days: for how long pods' lines could be kept on the disk that there is; 0 for not at all."""

    full_on: datetime.date
    disk_gib: int
    lasting_pod_days: int


def shortage(
    demand: Demand, disk_gib: float, nodes: int, first: datetime.date, today: datetime.date
) -> Shortage | None:
    """None where the disks of all nodes last for PLANNED_DAYS from today on. first: the day of the demand's rates."""
    last = (today - first).days + PLANNED_DAYS
    usable = disk_gib * nodes * USABLE
    full = next((day for day in range(last + 1) if demand.stored_gib(day) > usable), None)
    if full is None:
        return None
    return Shortage(
        full_on=first + datetime.timedelta(days=full),
        disk_gib=_round_up(demand.stored_gib(last) / nodes / USABLE),
        lasting_pod_days=_lasting_pod_days(demand, usable, last),
    )


def _lasting_pod_days(demand: Demand, usable: float, last: int) -> int:
    for days in range(demand.pod_days - 1, 0, -1):
        shorter = Demand(**{**vars(demand), "pod_days": days})
        if shorter.stored_gib(last) <= usable:
            return days
    return 0


def _round_up(gib: float) -> int:
    """To tens, as people buy disks."""
    return max(10, math.ceil(gib / 10) * 10)
