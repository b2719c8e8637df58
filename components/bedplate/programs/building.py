"""Finding, building and caching the programs of the table.

Builds need Go and the network, take minutes, and happen once: what is built stays in
`${XDG_CACHE_HOME:-~/.cache}/bedplate/NAME/KEY/`, under a key that changes with the sources, the flags and the machine's
kind. Old keys are left alone: another checkout may be using them. One build runs at a time on this machine, with two
compilers: a compiler of a large package takes gigabytes. Modules are checked against go.sum, which no build writes.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

from bedplate.programs.failures import build_failed, download_failed, no_go
from bedplate.programs.locks import exclusive
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from bedplate.programs.table import Program, go_platform, program

Progress = Callable[[str], None]
"""Called with one line of text whenever there is something to tell."""

_COMPILERS = 2
_BUILD = "build"
_COPY = "module"
_DOWNLOAD_SECONDS = 300
_PROGRESS_SECONDS = 10.0
_POLL_SECONDS = 0.5


def built(name: str, progress: Progress) -> Path:
    """The program of that name in the table: found, or built. Raises `RehearsalError` when neither is possible."""
    one = program(name)
    there = found(name)
    if there is not None:
        return there
    go = shutil.which("go")
    if go is None:
        raise no_go(one, f"{one.titled} has to be built and there is no Go on PATH")
    with exclusively(_BUILD, one.titled, progress):
        if not _path(one).exists():
            _build(go, one, _Ticker(progress))
    return _path(one)


def found(name: str) -> Path | None:
    """The program if it is in the cache, or on PATH at the very version of the table; builds nothing."""
    one = program(name)
    return _path(one) if _path(one).exists() else _installed(one)


def cache_folder() -> Path:
    """Where built programs and the logs of builds stay."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bedplate"


@contextlib.contextmanager
def exclusively(work: str, what: str, progress: Progress) -> Generator[None]:
    """While nobody else on this machine does such work, which is a word. what: what is waited for."""
    tell = _Ticker(progress)

    def while_waiting(seconds: float) -> None:
        tell(f"another {work} is under way on this machine: {what} has waited for {seconds:.0f} s")

    with exclusive(cache_folder() / f"{work}.lock", while_waiting):
        yield


def build_environment() -> dict[str, str]:
    """Of `go`, whatever it does."""
    system, _, architecture = go_platform().partition("/")
    return {
        # Go fetches the one that a go.mod asks for, unless it was told not to (https://go.dev/doc/toolchain).
        "GOTOOLCHAIN": "auto",
        **os.environ,
        **{"GOWORK": "off", "CGO_ENABLED": "0", "GOOS": system, "GOARCH": architecture},
    }


def _path(one: Program) -> Path:
    return cache_folder() / one.name / one.key / one.name


def _installed(one: Program) -> Path | None:
    there = shutil.which(one.name) if one.version_option else None
    if there is None or one.version_option is None:
        return None
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run([there, one.version_option], capture_output=True, text=True, timeout=10, check=False)
        if one.version in answer.stdout.split():
            return Path(there)
    return None


def _build(go: str, one: Program, tell: "_Ticker") -> None:
    log = cache_folder() / f"{one.name}-build.log"
    with source_folder(one, _BUILD) as folder:
        first, *rest = (argument.replace("{output}", str(folder / "output")) for argument in one.arguments)
        command = guarded([go, first, f"-p={_COMPILERS}", *rest])
        started = time.monotonic()
        if one.unpublished:
            _complete(go, one, folder / "sources")
        tell.now(f"building {one.titled} with Go: this takes some minutes, once")
        build = BackgroundProcess(
            one.name, command, log=log, folder=folder / "sources", environment=build_environment()
        )
        try:
            while build.wait(_POLL_SECONDS) is None:
                tell(f"building {one.titled}: {time.monotonic() - started:.0f} s")
        finally:
            stop([build])
        if build.exit_code != 0:
            raise build_failed(one, log)
        _path(one).parent.mkdir(parents=True, exist_ok=True)
        (folder / "output" / one.name).replace(_path(one))
        tell.now(f"built {one.titled} in {time.monotonic() - started:.0f} s")


def _complete(go: str, one: Program, sources: Path) -> None:
    """Has the build use a copy of the module, which was checked against go.sum, with the files that it lacks."""
    copy = sources / _COPY
    shutil.copytree(downloaded(go, one, sources), copy, copy_function=shutil.copyfile)
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # the module's own are read-only
    for name in one.unpublished:
        file = copy / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    with (sources / "go.mod").open("a", encoding="utf-8") as file:
        file.write(f"\nreplace {one.module} => ./{_COPY}\n")


def downloaded(go: str, one: Program, sources: Path) -> Path:
    """The module's folder, downloaded if need be and checked against go.sum. Raises `RehearsalError`."""
    command = [go, "mod", "download", "-json", one.module]
    try:
        answer = subprocess.run(
            command,
            cwd=sources,
            env=build_environment(),
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise download_failed(one, f"i/o timeout: nothing after {_DOWNLOAD_SECONDS} s") from None
    if answer.returncode != 0:
        raise download_failed(one, answer.stdout + answer.stderr)
    return Path(json.loads(answer.stdout)["Dir"])


@contextlib.contextmanager
def source_folder(one: Program, work: str) -> Generator[Path]:
    """A folder with the sources, on the cache's file system so that the result can be renamed into place."""
    for left in cache_folder().glob(f".{work}-*"):  # of one that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{work}-", dir=cache_folder()))
    try:
        for name in ("output", "sources"):
            (folder / name).mkdir()
        for name, content in one.files.items():
            file = folder / "sources" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Ticker:
    """Passes a line on at most every `_PROGRESS_SECONDS`, so that whoever asks may ask often."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = time.monotonic()

    def __call__(self, line: str) -> None:
        if time.monotonic() - self._last >= _PROGRESS_SECONDS:
            self.now(line)

    def now(self, line: str) -> None:
        self._last = time.monotonic()
        self._progress(line)
