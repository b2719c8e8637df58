"""How long a rehearsal waits for what controllers do, and how often it looks."""

import time
from dataclasses import dataclass, field

POLL_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_PAUSES = 3
"""How many times as long as a look takes there is none: it costs the API server time, for which all others wait."""
_FEWEST_LOOKS = 10
"""That saw no move: on a busy machine a look takes seconds, and so does everything else."""


@dataclass
class Patience:
    """With something that moves by itself. stalled_seconds: how long it may stand still."""

    stalled_seconds: float
    _seen: object = field(init=False, default=None)
    _looks: int = field(init=False, default=0)
    _since: float = field(init=False, default_factory=time.monotonic)
    _asked: float = field(init=False, default_factory=time.monotonic)

    def look(self) -> None:
        """A look begins."""
        self._asked = time.monotonic()

    def is_over(self, seen: object) -> bool:
        """Whether the look's result has been the same for too long."""
        if seen != self._seen:
            self._seen, self._looks, self._since = seen, 0, time.monotonic()
        self._looks += 1
        return self._looks > _FEWEST_LOOKS and time.monotonic() - self._since > self.stalled_seconds

    def pause(self) -> None:
        """Until the next look."""
        took = time.monotonic() - self._asked
        time.sleep(max(POLL_SECONDS, min(_PAUSES * took, _LONGEST_PAUSE_SECONDS)))
