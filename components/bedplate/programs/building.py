"""The two programs of a rehearsal: the control plane, built from `go/control-plane/`, and kwok.

Owns finding, building and caching them. Builds need Go and the network, take minutes, and happen once: what is built
stays in `${XDG_CACHE_HOME:-~/.cache}/bedplate/`, under a key that changes with the sources, the versions and the
machine's kind, never with the Go that built it. Old keys are left alone: another checkout may be using them.
"""

import contextlib
import hashlib
import importlib.resources
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bedplate.errors import RehearsalError
from bedplate.programs.locks import exclusive
from bedplate.programs.processes import BackgroundProcess, guarded, log_tail, stop

Progress = Callable[[str], None]
"""Called with one line of text whenever there is something to tell."""

# renovate: datasource=go depName=sigs.k8s.io/kwok
KWOK_VERSION = "v0.8.0"

_PROGRESS_SECONDS = 10.0
_POLL_SECONDS = 0.5
_GO_SOURCES = ("main.go", "namespaces.go", "go.mod", "go.sum")
_GO_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """A Go program to build.

    arguments: of `go`, with `{output}` for the folder that receives the program; sources: what the build's folder
    holds, by paths in it; key: what its cache entry depends on. otherwise: what to do where it cannot be built.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    key: str
    environment: Mapping[str, str]
    otherwise: str
    sources: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def path(self) -> Path:
        """Where it is once it was built."""
        digest = hashlib.sha256(f"{self.key}\n{_go_platform()}".encode()).hexdigest()[:16]
        return cache_folder() / self.name / digest / self.name


def control_plane_program(progress: Progress) -> Path:
    """The control plane; built if it is not in the cache. Raises `RehearsalError` when that is not possible."""
    return built(_control_plane(), progress)


def kwok_program(progress: Progress) -> Path:
    """kwok at the pinned version: from the cache, from PATH, or built. Raises `RehearsalError` when none will do."""
    program = _kwok()
    if program.path.exists():
        return program.path
    return _installed_kwok() or built(program, progress)


def kubernetes_version() -> str:
    """The version that the embedded control plane is built from, such as `v1.35.4`."""
    return _pinned(r"^\s*k8s\.io/kubernetes (v\S+)$")


def go_version() -> str:
    """The oldest Go that builds both programs, such as `1.26.0`."""
    return _pinned(r"^go (\S+)$")


def cache_folder() -> Path:
    """Where built programs and the logs of builds stay."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bedplate"


def _pinned(pattern: str) -> str:
    # go.mod is the one place: Renovate knows how to update it.
    found = re.search(pattern, _go_sources()["go.mod"], re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod has no line like {pattern}")
    return found.group(1)


def _go_sources() -> dict[str, str]:
    folder = importlib.resources.files("bedplate.programs") / "go" / "control-plane"
    return {name: (folder / name).read_text(encoding="utf-8") for name in _GO_SOURCES}


def _go_platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}/{_GO_ARCHITECTURES.get(machine, machine)}"


def _control_plane() -> GoProgram:
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    # Without a version of its own, clients refuse the server.
    stamp = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    stamps = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamp.items())
    arguments = (
        *("build", "-mod=readonly", "-trimpath", "-buildvcs=false"),
        *("-ldflags", f"-s -w {stamps}", "-o", "{output}/control-plane", "."),
    )
    sources = _go_sources()
    return GoProgram(
        name="control-plane",
        title=f"the control plane of Kubernetes {version}",
        arguments=arguments,
        key="\n".join([*arguments, *sources.values()]),
        environment={"GOWORK": "off"},
        otherwise="use a cluster that you have, with --context NAME",
        sources=sources,
    )


def _kwok() -> GoProgram:
    stamp = f"-s -w -X sigs.k8s.io/kwok/pkg/consts.Version={KWOK_VERSION}"
    arguments = ("install", "-trimpath", "-ldflags", stamp, f"sigs.k8s.io/kwok/cmd/kwok@{KWOK_VERSION}")
    return GoProgram(
        name="kwok",
        title=f"kwok {KWOK_VERSION}",
        arguments=arguments,
        key="\n".join(arguments),
        environment={"GOBIN": "{output}"},
        otherwise=f"kwok {KWOK_VERSION} itself (https://kwok.sigs.k8s.io/docs/user/installation/)",
    )


def _installed_kwok() -> Path | None:
    """kwok on PATH, if it is exactly the pinned version: its stages are not stable across versions."""
    found = shutil.which("kwok")
    if found is None:
        return None
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10, check=False)
        if KWOK_VERSION in answer.stdout.split():
            return Path(found)
    return None


def built(program: GoProgram, progress: Progress) -> Path:
    """The program from the cache, or built into it. Raises `RehearsalError` when that is not possible."""
    if program.path.exists():
        return program.path
    go = shutil.which("go")
    if go is None:
        raise _no_go(program, f"{program.title} has to be built and there is no Go on PATH")
    tell = _Ticker(progress)

    def while_waiting(seconds: float) -> None:
        tell(f"another rehearsal is building {program.title}: waiting for {seconds:.0f} s")

    with exclusive(cache_folder() / f"{program.name}.lock", while_waiting):
        if not program.path.exists():
            with _build_folder(program) as folder:
                _run(go, program, folder, tell)
                program.path.parent.mkdir(parents=True, exist_ok=True)
                (folder / "output" / program.name).replace(program.path)
    return program.path


@contextlib.contextmanager
def _build_folder(program: GoProgram) -> Generator[Path]:
    """A folder with the sources, on the cache's file system so that the result can be renamed into place."""
    for left in cache_folder().glob(f".{program.name}-*"):  # of a killed build: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{program.name}-", dir=cache_folder()))
    try:
        for name in ("output", "sources"):
            (folder / name).mkdir()
        for name, content in program.sources.items():
            file = folder / "sources" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(go: str, program: GoProgram, folder: Path, tell: "_Ticker") -> None:
    def fill(text: str) -> str:
        return text.replace("{output}", str(folder / "output"))

    log = cache_folder() / f"{program.name}-build.log"
    system, _, architecture = _go_platform().partition("/")
    environment = {
        **os.environ,
        **{key: fill(value) for key, value in program.environment.items()},
        **{"CGO_ENABLED": "0", "GOOS": system, "GOARCH": architecture},
    }
    command = guarded([go, *(fill(argument) for argument in program.arguments)])
    started = time.monotonic()
    tell.now(f"building {program.title} with Go: this takes some minutes, once")
    build = BackgroundProcess(program.name, command, log=log, folder=folder / "sources", environment=environment)
    try:
        while build.wait(_POLL_SECONDS) is None:
            tell(f"building {program.title}: {time.monotonic() - started:.0f} s")
    finally:
        stop([build])
    if build.exit_code != 0:
        raise _build_failed(program, log)
    tell.now(f"built {program.title} in {time.monotonic() - started:.0f} s")


def _build_failed(program: GoProgram, log: Path) -> RehearsalError:
    tail = log_tail(log)
    if re.search(r"requires go >= \d", tail):
        return _no_go(program, f"{program.title} cannot be built by this Go:\n{tail}")
    return RehearsalError(
        f"building {program.title} failed:\n{tail}",
        f"the whole log is in {log}. A build needs 5 GB of disk, 4 GB of memory, and Go's modules from the network: "
        "set GOPROXY if they come from a mirror.",
    )


def _no_go(program: GoProgram, message: str) -> RehearsalError:
    install = f"install Go {go_version()} or newer (https://go.dev/dl/)"
    return RehearsalError(message, f"{install}, or {program.otherwise}.")


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
