"""Nodes that an autoscaler brings and takes away, seen while a rehearsal runs.

Owns the count: by pool, how many came, how many went, and how many were there at once.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.nodes import SIMULATED_LABEL
from bedplate.labels import POOL
from bedplate.services.operator import NodesSeen

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 0.5
"""Less than a node lives."""
_BROUGHT = f"{POOL},!{SIMULATED_LABEL}"


@dataclass
class NodesWatch:
    """Looks at the cluster's nodes again and again, in a thread of its own."""

    api: ApiServer
    _pools: dict[str, str] = field(init=False, default_factory=dict[str, str])
    """From the uid of each node that ever came to its pool."""
    _now: set[str] = field(init=False, default_factory=set[str])
    _most: Counter[str] = field(init=False, default_factory=Counter[str])
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _stopping: threading.Event = field(init=False, default_factory=threading.Event)

    @contextlib.contextmanager
    def watching(self) -> Generator["NodesWatch"]:
        """Looks while the block lasts."""
        thread = threading.Thread(target=self._run, name="nodes", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            thread.join()

    @property
    def now(self) -> int:
        """How many of the nodes that came are there."""
        self.look()
        return len(self._now)

    def seen(self) -> dict[str, NodesSeen]:
        """By pool."""
        self.look()
        with self._lock:
            came, there = Counter(self._pools.values()), Counter(self._pools[uid] for uid in self._now)
        return {
            pool: NodesSeen(came=came[pool], went=came[pool] - there[pool], most=self._most[pool])
            for pool in sorted(came)
        }

    def look(self) -> None:
        """Counts what is there."""
        nodes = self.api.objects("v1", "Node", selector=_BROUGHT)
        found = {node["metadata"]["uid"]: node["metadata"]["labels"][POOL] for node in nodes}
        with self._lock:
            self._pools.update(found)
            self._now = set(found)
            for pool, count in Counter(found.values()).items():
                self._most[pool] = max(self._most[pool], count)

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            try:
                self.look()
            except ApiError as error:
                _logger.warning("nodes could not be counted: %s", error)
