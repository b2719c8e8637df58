"""A lock between processes."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

_POLL_SECONDS = 0.2


@contextlib.contextmanager
def exclusive(path: Path, while_waiting: Callable[[float], None]) -> Generator[None]:
    """Holds the lock file `path`. `while_waiting` is called often, with the seconds waited so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                while_waiting(time.monotonic() - started)
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(lock)
