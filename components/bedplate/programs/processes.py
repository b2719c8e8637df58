"""Background processes that end with this one.

Each process holds the reading end of a pipe as its standard input and ends when that pipe ends. Closing it is how we
stop a process, and the kernel closes it for us when this process dies, however it dies: no process and no port is left
behind. (`PR_SET_PDEATHSIG` would do the same on Linux only.)

Trap: a process that is forked off this one without `exec` inherits the writing ends, and keeps the processes alive
until it ends as well.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 2.0
_GUARD = Path(__file__).with_name("guard.py")


def guarded(command: Sequence[str]) -> list[str]:
    """The command line that runs `command`, which does not watch its standard input itself, under the guard."""
    return [sys.executable, "-I", "-S", str(_GUARD), *command]


class BackgroundProcess:
    """A started process whose output goes to a log file.

    It gets a session of its own, so that a terminal's Ctrl-C does not reach it: what is started together has to be
    stopped in order. The program must end when its standard input ends; see `guarded` for one that does not.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log, indented."""
        return log_tail(self.log, lines)

    def wait(self, timeout_seconds: float) -> int | None:
        """The exit code, or None if it still runs after that time."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def end_input(self) -> None:
        """Tells the process to stop; returns at once."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill_group(self) -> None:
        """Kills the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def stop(processes: Iterable[BackgroundProcess]) -> None:
    """Stops the processes, the last first, and returns when all are gone: after `STOP_SECONDS` they are killed."""
    ending = list(processes)[::-1]
    # A guard that someone killed has left its program behind.
    broken = [process for process in ending if (process.exit_code or 0) < 0]
    for process in ending:
        process.end_input()
    deadline = time.monotonic() + STOP_SECONDS
    for process in ending:
        if process.wait(max(0.0, deadline - time.monotonic())) is None:
            broken.append(process)
    for process in broken:
        process.kill_group()


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, indented; what is longer than a terminal line or two is cut."""
    content = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"  {line[:300]}" for line in content[-lines:]) or "  (empty)"
