"""Runs a program and ends it, with all that it started, as soon as standard input ends.

For programs that do not watch their standard input themselves (kwok, the Go compiler): whoever starts this keeps the
other end of the pipe, so the program cannot outlive a starter that was killed. Run as a script, by path, in a process
group of its own; imports the standard library only.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 1.0


def main() -> int:
    """Returns the exit code of the program given as arguments."""
    # A handler, not SIG_IGN: a program inherits what is ignored, but not what is handled.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_standard_input, args=[program], daemon=True).start()
    return program.wait()


def _end_with_standard_input(program: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGTERM)
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
