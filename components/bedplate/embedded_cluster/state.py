"""Folders of running rehearsals.

A state folder belongs to the process that made it: it holds a lock in it while it lives. A folder whose lock is free
was left by a process that was killed, and the next one removes it. A folder without a lock file is kept for its user
to read and is never touched again.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

_PREFIX = "bedplate-rehearsal-"
_LOCK = "lock"


class StateFolder:
    """A private folder (mode 0700) for the logs and credentials of one running thing."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.logs = self.path / "logs"
        self.logs.mkdir()
        # Locked before it has its name, so that no one finds it unlocked in between.
        unnamed = self.path / f"{_LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)

    def write_private(self, name: str, content: str) -> Path:
        """Writes a file that only this user can read (mode 0600), and returns its path."""
        path = self.path / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def keep_logs(self) -> Path:
        """Keeps the logs, and only those, beyond `remove`; returns their folder."""
        for path in self.path.iterdir():
            if path == self.logs:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return self.logs

    def remove(self) -> None:
        """Removes the folder, or what `keep_logs` left to remove, and frees the lock."""
        if (self.path / _LOCK).exists():
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


@contextlib.contextmanager
def state_folder() -> Generator[StateFolder]:
    """A state folder that is removed at the end, after those of killed processes have been."""
    sweep()
    folder = StateFolder()
    try:
        yield folder
    finally:
        folder.remove()


def sweep() -> None:
    """Removes the state folders of this user whose process is gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another rehearsal may be sweeping as well
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            lock = os.open(path / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
